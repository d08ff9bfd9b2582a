"""Files and folders under temporary names: known, locked by the process that writes them, removed when it is dead.

``.HOST-PID-RANDOM.part`` is unfinished, ``.commit`` is complete and on its way to its place, ``.old`` is what a result
takes the place of. The lock is the system's, which drops it when the process ends, however it ends.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import stat
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

PART, COMMIT, OLD = "part", "commit", "old"

_NAME = re.compile(r"\.([0-9a-f]{4})-([0-9a-f]+)-[0-9a-f]{8}\.(part|commit|old)(\..*)?", re.DOTALL)
_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:4]
_YOUNG = 2.0
"""Seconds in which a living process has locked what it has just made."""
_LONG_AGO = 7 * 24 * 3600.0
"""Seconds after which an entry is stale where its process cannot be asked: on another host, or without locks."""

_locks: dict[Path, int | None] = {}
"""Entries that this process is writing, with the open file that holds the lock."""


def new_name(state: str, name: str = "") -> str:
    """A new temporary name of this process; it ends in ``name``, of which a suffix decides a format."""
    return f".{_HOST}-{os.getpid():x}-{uuid.uuid4().hex[:8]}.{state}" + (f".{name}" if name else "")


def state_of(name: str) -> str | None:
    """``PART``, ``COMMIT`` or ``OLD`` for the name of a temporary entry, else None."""
    match = _NAME.fullmatch(name)
    return match[3] if match else None


def new_folder(parent: Path, mode: int = 0o777) -> Path:
    """Make and lock a folder ``.….part`` in ``parent``. Raises ``OSError``."""
    path = parent / new_name(PART)
    _locks[path] = None
    path.mkdir(mode)
    hold(path)
    return path


def hold(path: Path) -> None:
    """Lock an entry that this process has made. Without locks, as on Windows and some networks, age decides later."""
    _locks[path] = None
    if fcntl is None:
        return
    with suppress(OSError):
        file = os.open(path, os.O_RDONLY)
        _locks[path] = file
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def rename(path: Path, other: Path) -> None:
    """Rename an entry of this process, which stays locked. Raises ``OSError``."""
    _locks[other] = _locks.get(path)
    try:
        os.rename(path, other)
    except OSError:
        _locks.pop(other)
        raise
    _locks.pop(path, None)


def let_go(path: Path) -> None:
    """Remove an entry of this process, where it is still there, and its lock."""
    remove(path)
    file = _locks.pop(path, None)
    if file is not None:
        with suppress(OSError):
            os.close(file)


def remove(path: Path) -> None:
    """Remove a file or folder, as far as that is possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def discard_unfinished() -> None:
    """Remove all that this process has not finished, for one that has to exit at once.

    What is on its way to its place stays: the next process that writes there completes it.
    """
    for path in list(_locks):
        if state_of(path.name) == PART:
            remove(path)


def stale_entries(folder: Path) -> Iterator[Path]:
    """Yield the entries of dead processes in ``folder``, each locked while the caller has it."""
    try:
        names = [entry.name for entry in os.scandir(folder) if _NAME.fullmatch(entry.name)]
    except OSError:
        return
    for path in (folder / name for name in sorted(names)):
        file = _lock_of_stale(path) if path not in _locks else None
        if file is not None:
            try:
                yield path
            finally:
                os.close(file)


def _lock_of_stale(path: Path) -> int | None:
    """An open file that holds the lock of a stale entry; None where its process may be alive, or it is not ours."""
    host, process, _state, _name = _NAME.fullmatch(path.name).groups()
    try:
        found = path.lstat()
        if not (is_own(found) and (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode))):
            return None
        age = time.time() - found.st_mtime
        file = os.open(path if fcntl else os.devnull, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if age > _LONG_AGO or (host == _HOST and (age > _YOUNG or not _is_alive(int(process, 16)))):
                return file
        elif age > _LONG_AGO:
            return file
    except OSError:
        pass
    os.close(file)
    return None


def is_own(found: os.stat_result) -> bool:
    """Whether the user of this process owns what was found: entries of others are for them to clean up."""
    return not hasattr(os, "geteuid") or found.st_uid == os.geteuid()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True
