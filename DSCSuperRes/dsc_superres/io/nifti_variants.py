"""NIfTI-2 files, and NIfTI-1 and Analyze images in two files (``.hdr`` with ``.img``).

nibabel rewrites them as NIfTI-1 in one file, which the one reader of that format then reads and checks.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dsc_superres.errors import FileError
from dsc_superres.io.image_file import StoredImage, check_memory, suffix_of
from dsc_superres.io.nifti import read_nifti
from dsc_superres.io.nifti_header import check_length
from dsc_superres.utils.atomic_writing import temporary_folder

if TYPE_CHECKING:
    import nibabel

_NIFTI_2_SIZE = 540
"""Size of the header of NIfTI-2, its first number."""


def is_nifti_variant(path: Path) -> bool:
    """Return whether ``path`` is named as one of two files, or is a NIfTI-2 file by its content."""
    suffix = suffix_of(path)
    if suffix in (".hdr", ".img"):
        return True
    if suffix not in (".nii", ".nii.gz"):
        return False
    try:
        with open(path, "rb") as file:
            start = file.read(4)
        if start[:2] == b"\x1f\x8b":
            with gzip.open(path) as file:
                start = file.read(4)
    except (OSError, EOFError, zlib.error):
        return False  # the reader of NIfTI-1 says what is wrong
    return _NIFTI_2_SIZE in (int.from_bytes(start, "little"), int.from_bytes(start, "big"))


def read_nifti_variant(path: Path) -> StoredImage:
    """Read voxels, geometry and frame interval. Raises ``FileError``."""
    import nibabel

    other = path.with_suffix({".hdr": ".img", ".img": ".hdr"}.get(suffix_of(path), path.suffix))
    if not other.is_file():
        raise FileError(f"{path} is one of two files, of which {other.name} is missing: copy it beside.")
    try:
        with nibabel.imageglobals.LoggingOutputSuppressor():
            image = nibabel.load(path)
        check_memory(path, math.prod(image.shape))
        stored = image.dataobj
        needed = stored.offset + math.prod(stored.shape) * stored.dtype.itemsize
        check_length(Path(image.file_map["image"].filename), needed, f"the header of {path.name}")
        single = _in_one_file(image)
    except FileError:
        raise
    except Exception as error:  # nibabel raises any type of exception for damaged files
        raise FileError(f"{path} cannot be read as NIfTI or Analyze: it is cut short or damaged.") from error
    with temporary_folder() as folder:
        file = folder / "one.nii"
        nibabel.save(single, file)
        try:
            return read_nifti(file)
        except FileError as error:
            raise FileError(str(error).replace(str(file), str(path))) from error


def _in_one_file(image: nibabel.spatialimages.SpatialImage) -> nibabel.Nifti1Image:
    """Return an image as NIfTI-1 with the voxels as stored; Analyze does not say how they are oriented."""
    import nibabel

    oriented = int(isinstance(image.header, nibabel.Nifti1Header))  # NIfTI-2 and pairs derive from it
    header = nibabel.Nifti1Header.from_header(image.header, check=False)
    header["sizeof_hdr"] = 348
    single = nibabel.Nifti1Image(np.asanyarray(image.dataobj.get_unscaled()), image.affine, header)
    single.header.set_slope_inter(image.dataobj.slope, image.dataobj.inter)
    single.set_qform(image.affine, oriented)
    single.set_sform(image.affine, oriented)
    return single
