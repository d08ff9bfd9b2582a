"""Errors that a user can act on. Each message is one sentence: what is wrong, where, what to do."""


class DSCError(Exception):
    """Base of every error that is the input's fault, not ours; command line and worker show it as it is."""


class SeriesError(DSCError):
    """A series (or the geometry, times or echo time that would make one) is not usable."""


class FileError(DSCError):
    """A file cannot be read or written."""


class ModelError(DSCError):
    """A model is unknown, damaged or does not fit."""


class PerfusionError(DSCError):
    """Perfusion maps cannot be computed from this series."""


class Cancelled(Exception):
    """The user asked for the work to stop. Not a DSCError: nothing is wrong."""


def os_error_text(error: OSError) -> str:
    """Return the operating system's reason for an error as a clause, for use within a sentence."""
    return (error.strerror or str(error) or type(error).__name__).lower()
