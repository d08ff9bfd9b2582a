"""Atomic output: files and folders that appear complete or not at all.

Everything is written under a temporary name beside its target and renamed when it is complete (several files that
belong together by ``commits``).
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dsc_superres.errors import FileError, os_error_text
from dsc_superres.utils.commits import JOURNAL, clean_up_after_the_dead, commit, keep_modes, put_in_place
from dsc_superres.utils.ending import undisturbed
from dsc_superres.utils.file_names import check_letters
from dsc_superres.utils.partial_entries import PART, hold, let_go, new_folder, new_name, state_of


@contextmanager
def atomic_folder(target: str | Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a new folder to write into; it becomes ``target`` when the block succeeds.

    If the block fails, nothing is left behind. In an existing ``target``, each new entry replaces the entry of the same
    name and all others stay; with ``replace``, the new folder takes the place of the existing one.

    Raises ``FileError`` if ``target`` is a file or cannot be written.
    """
    check_name(Path(target))
    target = Path(os.path.realpath(target))
    if target.exists() and not target.is_dir():
        raise FileError(f"{target.name} is a file, not a folder: choose another output folder.")
    empty = target.is_dir() and not any(target.iterdir())
    if target.is_dir() and (_has_to_stay(target) or not (replace or empty)):
        with atomic_files(target, replace=replace) as (partial,):
            yield partial
        return
    new_parents = [folder for folder in target.parents if not folder.exists()]
    partial = None
    complete = False
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        clean_up_after_the_dead(target.parent)
        partial = new_folder(target.parent)
        yield partial
        with undisturbed():
            keep_modes(partial, target)
            put_in_place(partial, target)
            complete = True
    except FileError as error:
        # The writers inside the block know only the temporary name.
        raise FileError(str(error).replace(str(partial), str(target))) from error
    except OSError as error:
        raise FileError(f"The folder {target.name} cannot be written: {error.strerror or error}.") from error
    finally:
        with undisturbed():
            if partial is not None:
                let_go(partial)
            for folder in new_parents if not complete else ():
                with suppress(OSError):
                    folder.rmdir()


@contextmanager
def atomic_files(*folders: str | Path, replace: bool = False) -> Iterator[list[Path]]:
    """Yield a new folder for each of the existing ``folders``; what is written there appears in them, all or nothing.

    New entries replace those of the same name. All others stay, or go with ``replace``, which takes one folder.
    Raises ``FileError`` where a folder cannot be written.
    """
    targets = [Path(folder) for folder in folders]
    partials: list[Path] = []
    try:
        for target in targets:
            clean_up_after_the_dead(target)
            partials.append(new_folder(Path(os.path.realpath(target))))
        yield list(partials)
        _check_places(partials)
        if partials:
            with undisturbed():
                partials[0] = commit(partials, replace)
    except FileError as error:
        text = str(error)
        for partial, target in zip(partials, targets, strict=False):
            text = text.replace(str(partial), str(target))
        raise FileError(text) from error
    except OSError as error:
        names = ", ".join(target.name for target in targets)
        raise FileError(f"The folder {names} cannot be written: {error.strerror or error}.") from error
    finally:
        with undisturbed():
            for partial in partials:
                let_go(partial)


@contextmanager
def atomic_paths(*paths: Path) -> Iterator[dict[Path, Path]]:
    """Yield a temporary path for each path of a file; all appear at their places, or none (see ``atomic_files``)."""
    folders = list(dict.fromkeys(path.absolute().parent for path in paths))
    with atomic_files(*folders) as partials:
        partial_of = dict(zip(folders, partials, strict=True))
        yield {path: partial_of[path.absolute().parent] / path.name for path in paths}


@contextmanager
def atomic_file(target: str | Path) -> Iterator[Path]:
    """Yield a path to write a file to; the file becomes ``target`` when the block succeeds.

    The temporary file lies beside ``target``, has its suffix and did not exist before. It is flushed to the disk before
    it replaces ``target``, whose mode it takes. If the block fails, it is removed and ``target`` stays as it was.

    Raises ``FileError`` for a missing folder, a read-only target or a full disk.
    """
    target = Path(target)
    check_target(target)
    clean_up_after_the_dead(target.parent)
    partial = target.with_name(new_name(PART, "".join(target.suffixes[-2:])[-20:].lstrip(".")))
    try:
        with open(partial, "xb") as file:
            hold(partial)
            yield partial
            os.fsync(file.fileno())  # some file systems report a full disk only here
        with undisturbed():
            keep_modes(partial, target)
            os.replace(partial, target)
    except OSError as error:
        raise FileError(
            f"Cannot write {target}: {os_error_text(error)}; check the folder and its free space, or choose another."
        ) from error
    finally:
        with undisturbed():
            let_go(partial)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a new folder among the system's temporary files; the next process removes it if this one cannot."""
    parent = Path(os.path.realpath(tempfile.gettempdir()))
    clean_up_after_the_dead(parent)
    folder = new_folder(parent, 0o700)
    try:
        yield folder
    finally:
        with undisturbed():
            let_go(folder)


def check_target(target: Path) -> None:
    """Raise ``FileError`` if ``target`` cannot be a file to write: no such folder, no file itself, or read-only."""
    check_letters(target)
    check_name(target)
    if not target.parent.is_dir():
        raise FileError(f"Cannot write {target}: {target.parent} is not an existing folder.")
    if target.is_dir():
        raise FileError(f"Cannot write {target}: a folder of that name exists.")
    if target.is_symlink() and not target.exists():
        raise FileError(f"Cannot write {target}: it is a link to nothing, which a file would replace; name a file.")
    if target.exists() and not target.is_file():
        raise FileError(f"Cannot write {target}: it is a device or a pipe, which a file would replace; name a file.")
    # Renaming would silently replace a read-only file.
    if target.exists() and is_read_only(target):
        raise FileError(f"Cannot write {target}: the existing file is read-only.")


def check_name(target: Path) -> None:
    """Raise ``FileError`` for a name of temporary entries, which later runs move and remove, and for a way back.

    ``new/..`` is nothing as long as there is no ``new``, and another folder as soon as one was made on the way there.
    """
    for folder in (target, *target.parents):
        if folder.name == ".." and not folder.parent.is_dir():
            raise FileError(f"Cannot write {target}: {folder.parent} is not an existing folder.")
    if target.name == JOURNAL or state_of(target.name) is not None:
        raise FileError(f"{target.name} is a name of this software's temporary files: choose another one.")


def is_read_only(path: Path) -> bool:
    """Whether nobody may write an existing file or folder."""
    return not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)


def write_text(target: str | Path, text: str) -> None:
    """Write a UTF-8 text file atomically. Raises ``FileError``."""
    with atomic_file(target) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(target: str | Path, value: object) -> None:
    """Write indented, strict JSON (no NaN or infinity) atomically. Raises ``FileError``."""
    write_text(target, json.dumps(value, indent=2, allow_nan=False) + "\n")


def _check_places(partials: list[Path]) -> None:
    """Raise ``FileError`` where an entry cannot take its place, before the first of them does."""
    for entry in (entry for partial in partials for entry in partial.iterdir()):
        place = entry.parent.parent / entry.name
        if not entry.is_dir():
            check_target(place)
        elif place.exists() and not place.is_dir():
            raise FileError(f"Cannot write {place}: a file of that name exists.")


def _has_to_stay(folder: Path) -> bool:
    """Whether a folder cannot be exchanged for another one: the current one, a mount, or in one that is read-only."""
    with suppress(OSError):
        if folder.samefile(Path.cwd()):
            return True
    return os.path.ismount(folder) or not os.access(folder.parent, os.W_OK)
