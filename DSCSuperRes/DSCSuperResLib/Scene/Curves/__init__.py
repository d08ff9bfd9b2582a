"""Signal over time and metrics over time, as tables, plot series and charts."""
