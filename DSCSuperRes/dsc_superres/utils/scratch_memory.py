"""Arrays larger than one wants in memory: kept in a file without a name, and paged in where they are looked at."""

from __future__ import annotations

import ctypes
import mmap
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

IN_MEMORY_LIMIT = 256 * 2**20
"""Bytes up to which an array stays in memory."""

TRIM_THRESHOLD = -1
"""``M_TRIM_THRESHOLD`` of mallopt(3)."""
MMAP_THRESHOLD = -3
"""``M_MMAP_THRESHOLD`` of mallopt(3)."""
ARENA_MAX = -8
"""``M_ARENA_MAX`` of mallopt(3)."""


def scratch(shape: tuple[int, ...], limit: int = IN_MEMORY_LIMIT) -> np.ndarray:
    """A new float32 array; beyond ``limit`` bytes in a temporary file, which is gone when the array is."""
    size = int(np.prod(shape, dtype=np.int64)) * 4
    if size <= limit:
        return np.empty(shape, np.float32)
    with tempfile.TemporaryFile(prefix="dsc-superres-") as file:
        file.truncate(size)
        return np.memmap(file, np.float32, "r+", shape=shape)


def release(array: np.ndarray) -> None:
    """Let the memory go that shows a part of a file's array; it is read again where it is needed again."""
    while isinstance(array, np.ndarray):
        array = array.base
    if isinstance(array, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        array.madvise(mmap.MADV_DONTNEED)


def save_npy(path: Path, array: np.ndarray) -> None:
    """Write ``array`` as .npy, one item of its first axis in memory at a time."""
    with open(path, "wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape}
        np.lib.format.write_array_header_1_0(file, header)
        for item in array:
            file.write(np.ascontiguousarray(item).data)
            release(array)


@contextmanager
def reusing_freed_memory() -> Iterator[None]:
    """Memory that is freed within goes to whoever asks next, and to the system only at the end.

    The allocator of Linux returns every large block at once, and the system clears it before it gives it out again:
    a twelfth of the time of a network that makes and drops its images layer by layer. Elsewhere nothing changes.
    """
    allocator = _glibc()
    if allocator is not None:
        for option, value in ((MMAP_THRESHOLD, 2**30), (TRIM_THRESHOLD, 2**30), (ARENA_MAX, 1)):
            allocator.mallopt(option, value)
    try:
        yield
    finally:
        if allocator is not None:
            for option in (MMAP_THRESHOLD, TRIM_THRESHOLD):
                allocator.mallopt(option, 2**25)  # where glibc's own adaptation ends
            allocator.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
