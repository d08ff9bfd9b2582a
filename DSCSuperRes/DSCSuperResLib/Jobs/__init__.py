"""Background jobs, each of which writes a job file for the worker and loads the results into the scene."""
