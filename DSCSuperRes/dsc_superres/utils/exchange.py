"""Exchange two folders in one step of the file system, where the system has one."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_HERE = -100
"""``AT_FDCWD`` of Linux: paths start at the current folder."""
_SWAP = 2
"""``RENAME_EXCHANGE`` of renameat2(2), ``RENAME_SWAP`` of renamex_np(2)."""


def exchange(one: Path, other: Path) -> bool:
    """Let two existing paths of one file system change places; False where that is not possible here."""
    if os.name != "posix":
        return False
    library, paths = ctypes.CDLL(None), (os.fsencode(one), os.fsencode(other))
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        return library.renamex_np(*paths, _SWAP) == 0
    if hasattr(library, "renameat2"):
        return library.renameat2(_HERE, paths[0], _HERE, paths[1], _SWAP) == 0
    return False
