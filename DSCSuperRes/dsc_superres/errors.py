"""Errors that a user can act on. Each message is one sentence: what is wrong, where, and what to do."""

_LONGEST = 900
"""Letters of a message: what it quotes of a file may be of any length, and hold any letters."""


class DSCError(Exception):
    """Base class of errors caused by the input; command line and worker show their message unchanged."""

    def __init__(self, message: str = "") -> None:
        words = " ".join(str(message).splitlines())
        half = _LONGEST // 2
        super().__init__(words if len(words) <= _LONGEST else f"{words[:half]} ... {words[-half:]}")

    def __str__(self) -> str:
        # Series are called by their roles ("the ground truth"), also where the sentence begins with one.
        message = super().__str__()
        return f"T{message[1:]}" if message.startswith("the ") else message


class SeriesError(DSCError):
    """A series, or its geometry, frame times or echo time, is not usable."""


class FileError(DSCError):
    """A file cannot be read or written."""


class ModelError(DSCError):
    """A model is unknown, damaged or not suitable."""


class PerfusionError(DSCError):
    """Perfusion maps cannot be computed from a series."""


class Cancelled(Exception):
    """The user has stopped the work. Not a ``DSCError``, since nothing is wrong."""


def os_error_text(error: OSError) -> str:
    """Return the operating system's reason for an error as a clause, for use within a sentence."""
    return (error.strerror or str(error) or type(error).__name__).lower()
