"""The background process: its interpreter, how it is started and stopped, and how its output is read."""
