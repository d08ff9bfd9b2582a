"""The numpy arrays that jobs name, read within limits before they are trusted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dsc_superres.errors import FileError
from dsc_superres.io.image_file import check_exists


def load_array(path: Path, mapped: bool = False) -> np.ndarray:
    """Return the array of real numbers in a ``.npy`` file, ``mapped`` from the file or read. Raises ``FileError``."""
    check_exists(path)
    try:
        array = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except MemoryError:
        raise
    except Exception as error:  # numpy parses the header as Python text, which fails in many ways
        raise FileError(f"{path.name} cannot be read as a numpy array.") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        raise FileError(f"{path.name} does not hold an array of real numbers.")
    return array
