"""Arrays larger than one wants in memory: kept in a file without a name, and paged in where they are looked at."""

from __future__ import annotations

import mmap
import tempfile
from pathlib import Path

import numpy as np

SMALL = 256 * 2**20
"""Bytes up to which an array stays in memory."""


def scratch(shape: tuple[int, ...], small: int = SMALL) -> np.ndarray:
    """A new float32 array; beyond ``small`` bytes in a temporary file, which is gone when the array is."""
    size = int(np.prod(shape, dtype=np.int64)) * 4
    if size <= small:
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


def save(path: Path, array: np.ndarray) -> None:
    """Write ``array`` as .npy, one item of its first axis in memory at a time."""
    with open(path, "wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape}
        np.lib.format.write_array_header_1_0(file, header)
        for item in array:
            file.write(np.ascontiguousarray(item).data)
            release(array)
