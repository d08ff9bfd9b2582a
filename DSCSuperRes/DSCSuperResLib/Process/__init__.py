"""The background process: which Python, how it is started, spoken to and ended."""
