"""Atomic output: files and folders that appear complete or not at all.

Everything is written under a temporary name beside its target and renamed when it is complete.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dsc_superres.errors import FileError, os_error_text

_partial_folders: set[Path] = set()
"""Folders being written, for ``discard_unfinished``."""


@contextmanager
def atomic_folder(target: str | Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a new folder to write into; it becomes ``target`` when the block succeeds.

    If the block fails, nothing is left behind. In an existing ``target``, each new entry replaces the entry of the same
    name and all others stay; with ``replace``, the new folder takes the place of the existing one.

    Raises ``FileError`` if ``target`` is a file or cannot be written.
    """
    target = Path(target).absolute()
    if target.exists() and not target.is_dir():
        raise FileError(f"{target.name} is a file, not a folder: choose another output folder.")
    new_parents = [folder for folder in target.parents if not folder.exists()]
    suffix = f".{uuid.uuid4().hex[:8]}.part"
    merge = target.exists() and not replace
    partial = target / suffix if merge else target.with_name(f".{target.name}{suffix}")
    complete = False
    try:
        partial.mkdir(parents=True)
        _partial_folders.add(partial)
        yield partial
        (_swap_in if replace else _move_into_place)(partial, target)
        complete = True
    except FileError as error:
        # The writers inside the block know only the temporary name.
        raise FileError(str(error).replace(str(partial), str(target))) from error
    except OSError as error:
        raise FileError(f"The folder {target.name} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        _partial_folders.discard(partial)
        for folder in new_parents if not complete else ():
            with suppress(OSError):
                folder.rmdir()


@contextmanager
def atomic_file(target: str | Path) -> Iterator[Path]:
    """Yield a path to write a file to; the file becomes ``target`` when the block succeeds.

    The temporary file lies beside ``target``, has its suffix and did not exist before. It is flushed to the disk before
    it replaces ``target``. If the block fails, it is removed and ``target`` stays as it was.

    Raises ``FileError`` for a missing folder, a read-only target or a full disk.
    """
    target = Path(target)
    check_target(target)
    partial = target.with_name(f".{uuid.uuid4().hex[:8]}.part.{target.name}")
    try:
        with open(partial, "xb") as file:
            yield partial
            os.fsync(file.fileno())  # some file systems report a full disk only here
        os.replace(partial, target)
    except OSError as error:
        raise FileError(
            f"Cannot write {target}: {os_error_text(error)}; check the folder and its free space, or choose another."
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def check_target(target: Path) -> None:
    """Raise ``FileError`` if ``target`` cannot be a file to write: no such folder, a folder itself, or read-only."""
    if not target.parent.is_dir():
        raise FileError(f"Cannot write {target}: {target.parent} is not an existing folder.")
    if target.is_dir():
        raise FileError(f"Cannot write {target}: a folder of that name exists.")
    # Renaming would silently replace a read-only file.
    if target.exists() and not target.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise FileError(f"Cannot write {target}: the existing file is read-only.")


def write_text(target: str | Path, text: str) -> None:
    """Write a UTF-8 text file atomically. Raises ``FileError``."""
    with atomic_file(target) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(target: str | Path, value: object) -> None:
    """Write indented, strict JSON (no NaN or infinity) atomically. Raises ``FileError``."""
    write_text(target, json.dumps(value, indent=2, allow_nan=False) + "\n")


def discard_unfinished() -> None:
    """Remove all partly written folders, for a process that has to exit at once."""
    for partial in list(_partial_folders):
        shutil.rmtree(partial, ignore_errors=True)


def _move_into_place(partial: Path, target: Path) -> None:
    """Rename ``partial`` to ``target``, or move its entries into an existing ``target``."""
    if not target.exists():
        os.rename(partial, target)
        return
    for entry in partial.iterdir():
        destination = target / entry.name
        if destination.is_dir() and not destination.is_symlink():
            shutil.rmtree(destination)
        os.replace(entry, destination)


def _swap_in(partial: Path, target: Path) -> None:
    """Put ``partial`` in the place of ``target``, which is restored if that fails."""
    old = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.old")
    if target.exists():
        os.rename(target, old)
    try:
        os.rename(partial, target)
    except OSError:
        if old.exists():
            os.rename(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)
