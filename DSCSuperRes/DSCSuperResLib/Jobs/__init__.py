"""Background jobs: what each prepares, which job file it writes for the worker, and what it loads into the scene."""
