"""Several renames as one step, and what becomes of work whose process was ended.

Where several files belong together, their folder is renamed first, to a name that says that they are complete: a
process that is ended between the renames that follow leaves a commit that the next one, on its way to write there,
completes. What was not complete is removed then.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from dsc_superres.errors import FileError
from dsc_superres.utils.exchange import exchange
from dsc_superres.utils.partial_entries import (
    COMMIT,
    OLD,
    PART,
    hold,
    is_own,
    let_go,
    new_name,
    remove,
    rename,
    stale_entries,
    state_of,
)
from dsc_superres.utils.small_files import read_text

JOURNAL = ".commit.json"
"""In a folder of files that belong together: in the first, the other folders; in these, the first one.

It is believed only in the very folder that it was written in: a copy, or one that somebody made up, knows another
inode, and could have files moved and removed wherever it says.
"""


def clean_up_after_the_dead(folder: Path) -> None:
    """Complete the commits and remove the unfinished files that processes left in ``folder`` when they were ended."""
    folder = Path(os.path.realpath(folder))
    for path in stale_entries(folder):
        with suppress(OSError):  # another process may be doing the same
            _complete_or_restore(path, folder)
            remove(path)


def _complete_or_restore(path: Path, folder: Path) -> None:
    """Do what a dead process had decided to do with an entry in ``folder``; all else is to be removed."""
    state = state_of(path.name)
    if state == PART:
        first = _read_journal(path).get("first")
        if isinstance(first, str) and state_of(Path(first).name) == COMMIT:
            _complete(Path(first))
    elif state == COMMIT:
        _complete(path)
    elif not (place := folder / path.name.partition(f".{OLD}.")[2]).exists():
        os.rename(path, place)


def commit(partials: list[Path], replace: bool) -> Path:
    """Move all entries to their places; returns the new name of the first folder."""
    first, *others = partials
    journal = first.with_name(f"{first.name.removesuffix(PART)}{COMMIT}")
    names = [entry.name for entry in first.iterdir()]
    for other in others:
        _write_journal(other, {"first": str(journal)})
    gone = [entry.name for entry in first.parent.iterdir() if entry.name not in names and state_of(entry.name) is None]
    _write_journal(first, {"others": [str(other) for other in others], "gone": gone if replace else []})
    rename(first, journal)
    _complete(journal)
    return journal


def _complete(journal: Path) -> None:
    """Move what is still to be moved of a commit, and remove its folders. May be done again from any point."""
    content = _read_journal(journal)
    if not content:
        return
    for other in map(Path, content["others"]):
        if state_of(other.name) == PART and _read_journal(other).get("first") == str(journal):
            _move_entries(other, other.parent)
            remove(other)
    for name in content["gone"]:
        remove(journal.parent / name)
    _move_entries(journal, journal.parent)


def _move_entries(partial: Path, folder: Path) -> None:
    for entry in sorted(partial.iterdir()):
        if entry.name == JOURNAL:
            continue
        place = folder / entry.name
        keep_modes(entry, place)
        if entry.is_dir() and place.is_dir() and not place.is_symlink():
            put_in_place(entry, place)
            remove(entry)
        else:
            os.replace(entry, place)


def put_in_place(partial: Path, target: Path) -> None:
    """Rename a folder to ``target``; what was there has the partial name afterwards, or is gone.

    At no moment is there no ``target`` where the system can exchange two folders; elsewhere, for the moment between
    two renames, after which the next process would restore the former one.
    """
    if not target.exists():
        os.rename(partial, target)
        return
    if exchange(partial, target):
        return
    old = target.with_name(new_name(OLD, target.name))
    hold(target)
    rename(target, old)
    try:
        os.rename(partial, target)
    except OSError:
        rename(old, target)
        raise
    let_go(old)


def keep_modes(partial: Path, target: Path) -> None:
    """Give what is written the modes of what it takes the place of."""
    pairs = [(partial, target)]
    if partial.is_dir() and target.is_dir():
        pairs += [(path, target / path.relative_to(partial)) for path in partial.rglob("*")]
    for new, former in reversed(pairs):
        if former.exists() and new.is_dir() == former.is_dir():
            with suppress(OSError):
                shutil.copymode(former, new)


def _write_journal(partial: Path, content: dict[str, object]) -> None:
    content = {**content, "inode": partial.stat().st_ino}
    with open(partial / JOURNAL, "w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())


def _read_journal(partial: Path) -> dict[str, object]:
    """What the journal of a folder says; empty where there is none, or where it is that of another folder."""
    try:
        found = partial.lstat()
        content = json.loads(read_text(partial / JOURNAL, "The journal"))
    except (OSError, ValueError, RecursionError, FileError):
        return {}
    ours = isinstance(content, dict) and is_own(found) and content.get("inode") == found.st_ino
    return content if ours and stat.S_ISDIR(found.st_mode) else {}
