"""The three standard streams of a process, where one is closed or nobody reads it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from dsc_superres.errors import FileError, os_error_text


def open_standard_streams() -> None:
    """Lead a stream that is closed to nowhere: the next file to be opened would take its number, and its text."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def silence_output() -> None:
    """Lead standard output to nowhere, also what is still in its buffer."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_output(text: str) -> None:
    """Print ``text``, the outcome of finished work. Raises ``FileError`` where it cannot be written, as to a full disk.

    No error where the reader has gone.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        silence_output()
    except OSError as error:
        silence_output()
        raise FileError(f"The output cannot be written: {os_error_text(error)}.") from error


def write_note(text: str) -> None:
    """Print ``text`` on standard error, where somebody reads it."""
    with suppress(OSError):
        print(printable(text), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Return ``text`` in one line without control characters: names of files may hold any, also those of terminals.

    >>> printable("scan\\x1b[31m\\n.nii")
    'scan?[31m?.nii'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text)
