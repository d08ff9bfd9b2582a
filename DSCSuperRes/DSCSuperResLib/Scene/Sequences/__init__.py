"""Volume sequences: what they hold, their frames in and out, and as files for the worker."""
