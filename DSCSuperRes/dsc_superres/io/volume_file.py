"""Reading and writing of single volumes: maps and masks."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from dsc_superres.errors import FileError
from dsc_superres.geometry import Geometry
from dsc_superres.io.image_file import VOLUME_SUFFIXES, check_exists, suffix_of
from dsc_superres.io.nifti import read_nifti, write_nifti
from dsc_superres.io.nrrd import read_nrrd, write_nrrd


def read_volume(path: str | os.PathLike[str]) -> tuple[np.ndarray, Geometry]:
    """Read the voxels, float32[z, y, x], and the geometry of a ``.nii``, ``.nii.gz`` or ``.nrrd`` file.

    Raises ``FileError`` if the file cannot be read or is not a single volume.
    """
    path = check_exists(path)
    suffix = suffix_of(path)
    if suffix not in VOLUME_SUFFIXES or path.is_dir():
        raise FileError(f"{path} has an unknown format: a map or mask is one of {', '.join(VOLUME_SUFFIXES)}.")
    stored = read_nrrd(path) if suffix == ".nrrd" else read_nifti(path)
    array = stored.array[0] if stored.array.ndim == 4 and len(stored.array) == 1 else stored.array
    if array.ndim != 3:
        raise FileError(f"{path} has {array.ndim} dimensions, not 3: a map or mask is a single volume.")
    return array, stored.geometry


def write_volume(array: np.ndarray, geometry: Geometry, path: str | os.PathLike[str]) -> None:
    """Write ``array`` [z, y, x] as ``.nii``, ``.nii.gz`` or ``.nrrd``, atomically.

    Masks (bool) become uint8, integers keep their type up to 32 bits, everything else becomes float32.
    Raises ``FileError`` if the file cannot be written.
    """
    path = Path(path).expanduser()
    array = np.asarray(array)
    suffix = suffix_of(path)
    if suffix not in VOLUME_SUFFIXES:
        raise FileError(f"Cannot write {path}: a map or mask is written as {', '.join(VOLUME_SUFFIXES)}.")
    if array.ndim != 3:
        raise FileError(f"Cannot write {path}: a map has 3 dimensions, this array has {array.ndim}.")
    array = array.astype(_stored_type(array.dtype), copy=False)
    (write_nrrd if suffix == ".nrrd" else write_nifti)(array, geometry, path)


def _stored_type(kind: np.dtype) -> np.dtype:
    """Return the type in which voxels of a type are stored."""
    if kind.kind == "b":
        return np.dtype(np.uint8)
    if kind.kind in "iu":
        return np.dtype(f"{kind.kind}{min(kind.itemsize, 4)}")
    return np.dtype(np.float32)
