"""Large temporary arrays: memory-mapped to unnamed files that the system pages in on demand."""

from __future__ import annotations

import ctypes
import math
import mmap
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from dsc_superres.errors import FileError, os_error_text
from dsc_superres.utils.memory_limits import IN_MEMORY_LIMIT

TRIM_THRESHOLD = -1
"""``M_TRIM_THRESHOLD`` of mallopt(3)."""
MMAP_THRESHOLD = -3
"""``M_MMAP_THRESHOLD`` of mallopt(3)."""
ARENA_MAX = -8
"""``M_ARENA_MAX`` of mallopt(3)."""


def scratch(shape: tuple[int, ...], limit: int = IN_MEMORY_LIMIT) -> np.ndarray:
    """Return an uninitialized float32 array; above ``limit`` bytes it is memory-mapped to a temporary file.

    The file is deleted together with the array. Its space is allocated at once: the system would end the process
    without a word where a mapped page has no place on the disk. Raises ``FileError`` where there is too little.
    """
    size = math.prod(shape) * 4
    if size <= limit:
        return np.empty(shape, np.float32)
    try:
        with tempfile.TemporaryFile(prefix="dsc-superres-") as file:
            _allocate(file, size)
            return np.memmap(file, np.float32, "r+", shape=shape)
    except OSError as error:
        raise FileError(
            f"The folder for temporary files, {tempfile.gettempdir()}, cannot hold {size / 2**20:,.0f} MiB "
            f"({os_error_text(error)}): make room, or name another one in the environment variable TMPDIR."
        ) from error


def _allocate(file: BinaryIO, size: int) -> None:
    """Give a file ``size`` bytes of disk, not a hole. Raises ``OSError``."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    zeros = bytes(2**20)
    for begin in range(0, size, len(zeros)):
        file.write(zeros[: size - begin])
    file.flush()


def release(array: np.ndarray) -> None:
    """Release the memory of a memory-mapped array; its content is read again from the file when it is needed.

    Has no effect on other arrays.
    """
    while isinstance(array, np.ndarray):
        array = array.base
    if isinstance(array, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        array.madvise(mmap.MADV_DONTNEED)


def save_npy(path: Path, array: np.ndarray) -> None:
    """Write ``array`` as ``.npy``, with one item of the first axis in memory at a time."""
    with open(path, "wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape}
        np.lib.format.write_array_header_1_0(file, header)
        for item in array:
            file.write(np.ascontiguousarray(item).data)
            release(array)


@contextmanager
def reusing_freed_memory() -> Iterator[None]:
    """Keep memory freed inside the block for the next allocation instead of returning it to the system.

    On Linux, glibc returns every large block at once and the kernel clears it before handing it out again. That takes
    a twelfth of the run time of a network that allocates and frees its images layer by layer. No effect elsewhere.
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
    """Return the C library if its allocator can be tuned, else None."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
