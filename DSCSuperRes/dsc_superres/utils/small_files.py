"""Small files of text - sidecars, jobs, cards, configurations, tables - read within limits before they are trusted."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from dsc_superres.errors import DSCError, FileError, os_error_text

LARGEST = 64_000_000
"""Bytes of a file of text; the frame times of a million frames take a third of it."""


def read_text(path: Path, what: str, error_type: type[DSCError] = FileError) -> str:
    """Return the text (UTF-8, with or without a byte order mark) of a file, of which messages speak as ``what``.

    Raises ``error_type`` unless it is a regular file of at most ``LARGEST`` bytes that holds text.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise error_type(f"{what} is not a file: check the name.")
        if found.st_size > LARGEST:
            raise error_type(f"{what} has {found.st_size / 1e6:.0f} MB, too many for such a file: check the name.")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise error_type(f"{what} cannot be read: {os_error_text(error)}.") from error
    except UnicodeDecodeError as error:
        raise error_type(f"{what} is not text in UTF-8: correct or remove it.") from error
    except ValueError as error:  # a null character in the name
        raise error_type(f"{what} has no possible name of a file: check the name.") from error


def read_json(path: Path, what: str, error_type: type[DSCError] = FileError, both: bool = False) -> Any:
    """Return the value in a JSON file; arguments and errors as for ``read_text`` and ``parse_json``."""
    return parse_json(read_text(path, what, error_type), what, error_type, both)


def parse_json(text: str, what: str, error_type: type[DSCError] = FileError, both: bool = False) -> Any:
    """Return the value of a JSON text.

    Raises ``error_type`` for anything else, for endless nesting, and for a name that is there with two values; with
    ``both``, such a name gets a list of them, for whoever needs it to complain.
    """
    try:
        return json.loads(text, object_pairs_hook=_with_both if both else _without_contradictions)
    except RecursionError as error:
        raise error_type(f"{what} nests its values too deeply: correct or remove it.") from error
    except ValueError as error:
        raise error_type(f"{what} is not valid JSON ({error}): correct or remove it.") from error


def _without_contradictions(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        name = next((name for name, value in pairs if found[name] != value), None)
        if name is not None:
            raise ValueError(f'"{name[:60]}" is there twice, with different values')
    return found


def _with_both(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    for name in {name for name, value in pairs if found[name] != value}:
        found[name] = [value for other, value in pairs if other == name]
    return found


def shown(value: Any, most: int = 60) -> str:
    """Return a JSON value as a short text for a message, whatever it is."""
    try:
        text = json.dumps(value, default=str)
    except (ValueError, RecursionError, TypeError):
        text = type(value).__name__
    return text[:most]


def brief(text: str, most: int = 200) -> str:
    """Return a foreign message as part of a sentence: one line, not too long.

    >>> brief("no such\\n  option", most=7)
    'no such'
    """
    return " ".join(text.split())[:most]
