"""How a lack of memory shows."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None

_TEXTS = ("allocate memory", "failed to map segment", "can't start new thread", "std::bad_alloc")
"""Of torch's allocator, of libraries that cannot be loaded, of threads that cannot be started, of C++."""
_SCARCE = 256 * 2**20
"""Bytes of addresses, as one library takes with its buffers: with less left, no error can be trusted to be another."""


def out_of_memory(error: Exception) -> bool:
    """Whether ``error`` says that memory ran out (Python's own, a GPU's, or one of libraries), or may only hide it.

    Libraries that get no memory while they are loaded raise whatever comes next, such as ``NameError``.
    """
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (
            isinstance(error, RuntimeError | ImportError | OSError)
            and any(text in str(error).lower() for text in _TEXTS)
        )
        or _was_scarce()
    )


def _was_scarce() -> bool:
    """Whether this process has had nearly all addresses that it may have, as ``ulimit -v`` says. Only on Linux."""
    if resource is None:
        return False
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    if most == resource.RLIM_INFINITY:
        return False
    with suppress(OSError, ValueError, MemoryError):
        peak = re.search(r"^VmPeak:\s*(\d+) kB", Path("/proc/self/status").read_text(), flags=re.MULTILINE)
        return peak is not None and most - 1024 * int(peak[1]) < _SCARCE
    return True
