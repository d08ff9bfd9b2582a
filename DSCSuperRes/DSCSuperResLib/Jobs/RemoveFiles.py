"""Removal of large files in short steps: each takes the file system a while."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

PIECE = 1 << 23
"""Bytes that are given back to the file system at a time."""


def removeFiles(folder: Path) -> Iterator[None]:
    """Remove all files in ``folder`` and below; folders stay. Yields after each piece of a file."""
    for path in [one for one in folder.rglob("*") if one.is_file() and not one.is_symlink()]:
        size = path.stat().st_size
        while size > PIECE:
            size -= PIECE
            os.truncate(path, size)
            yield
        path.unlink()
        yield
