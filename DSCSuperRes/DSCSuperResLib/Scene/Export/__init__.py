"""What an export holds of a result."""
