"""Results that appear whole or not at all: written beside their target under another name, then renamed."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dsc_superres.errors import FileError

_partial_folders: set[Path] = set()


@contextmanager
def atomic_folder(target: str | Path, *, replace: bool = False) -> Iterator[Path]:
    """A new folder to write into; when the block ends well it becomes ``target``, else nothing is left.

    Into a folder that is already there, the new entries move one by one and replace their namesakes; with ``replace``
    the new folder takes its place and everything in it goes.
    Raises ``FileError`` where ``target`` is a file or cannot be written.
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
        # Whoever wrote into the folder knows only its other name.
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
    """A path to write a file to, with the target's own suffix; it becomes ``target`` when the block ends well."""
    target = Path(target)
    partial = target.with_name(f".{uuid.uuid4().hex[:8]}.part.{target.name}")
    try:
        yield partial
        os.replace(partial, target)
    except OSError as error:
        raise FileError(f"{target.name} cannot be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_text(target: str | Path, text: str) -> None:
    """Write a text file (UTF-8) whole or not at all. Raises ``FileError``."""
    with atomic_file(target) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(target: str | Path, value: object) -> None:
    """Write strict JSON (no NaN), indented, whole or not at all. Raises ``FileError``."""
    write_text(target, json.dumps(value, indent=2, allow_nan=False) + "\n")


def discard_unfinished() -> None:
    """Remove what is half written: for a process that must end at once."""
    for partial in list(_partial_folders):
        shutil.rmtree(partial, ignore_errors=True)


def _move_into_place(partial: Path, target: Path) -> None:
    if not target.exists():
        os.rename(partial, target)
        return
    for entry in partial.iterdir():
        destination = target / entry.name
        if destination.is_dir() and not destination.is_symlink():
            shutil.rmtree(destination)
        os.replace(entry, destination)


def _swap_in(partial: Path, target: Path) -> None:
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
