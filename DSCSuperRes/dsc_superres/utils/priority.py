"""The share of the processor that this process asks for."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

NICENESS = 5
"""Added to that of the process on Unix: it gets a third of a processor that another process wants as well."""
BELOW_NORMAL = 0x4000
"""``BELOW_NORMAL_PRIORITY_CLASS`` of SetPriorityClass (Windows)."""


def let_others_go_first() -> None:
    """Run at a lower priority, so that windows stay responsive while all cores compute; alone, it costs nothing."""
    with suppress(OSError, AttributeError):
        if sys.platform == "win32":
            import ctypes

            kernel = ctypes.windll.kernel32
            kernel.GetCurrentProcess.restype = ctypes.c_void_p
            kernel.SetPriorityClass(ctypes.c_void_p(kernel.GetCurrentProcess()), BELOW_NORMAL)
        else:
            os.nice(NICENESS)
