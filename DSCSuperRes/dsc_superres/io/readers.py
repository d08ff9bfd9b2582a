"""Which reader reads a file: by its suffix, or by its content where the suffix does not tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dsc_superres.errors import DSCError, FileError
from dsc_superres.io.dicom import is_dicom, read_dicom
from dsc_superres.io.image_file import StoredImage, suffix_of
from dsc_superres.io.nifti import read_nifti
from dsc_superres.io.nifti_variants import is_nifti_variant, read_nifti_variant
from dsc_superres.io.nrrd import read_nrrd
from dsc_superres.io.par_rec import read_par_rec
from dsc_superres.io.sidecar import Sidecar, read_sidecar
from dsc_superres.io.zip_folder import is_zip, unpacked
from dsc_superres.utils.file_names import SERIES_SUFFIXES

READ_SUFFIXES = (*SERIES_SUFFIXES, ".nrrd", ".hdr", ".img", ".par", ".rec", ".zip")
"""Suffixes of the files that are read; DICOM files may have any or none."""


def has_choice(path: Path) -> bool:
    """Return whether the format of a file can hold several series, echoes or stacks to choose from."""
    suffix = suffix_of(path)
    return path.is_dir() or suffix in (".par", ".rec") or is_zip(path) or _is_dicom_file(path)


def read_stored(
    path: Path,
    name: str,
    *,
    series: int | None = None,
    echo: int | None = None,
    stack: int | None = None,
    has_interval: bool = False,
) -> tuple[StoredImage, Sidecar]:
    """Return the content of an image file or DICOM folder, and its sidecar, which is empty for DICOM.

    ``name`` is what messages call the series; the other options are those of ``read_dicom``. Raises ``FileError`` if
    the format is not one of those that are read.
    """
    suffix = suffix_of(path)
    choice: dict[str, Any] = {"series": series, "echo": echo, "stack": stack}
    if path.is_dir() or _is_dicom_file(path):
        return read_dicom(path, name, **choice, has_interval=has_interval), Sidecar(path)
    if is_zip(path):
        with unpacked(path) as folder:
            try:
                return read_dicom(folder, name, **choice, has_interval=has_interval), Sidecar(path)
            except DSCError as error:
                raise type(error)(str(error).replace(str(folder), str(path))) from error
    if suffix in (".par", ".rec"):
        return read_par_rec(path, name, echo), read_sidecar(path)
    if any(number is not None for number in choice.values()):
        raise FileError(f"{name} is no DICOM folder, so that there is no series, echo or stack to choose from.")
    if is_nifti_variant(path):
        return read_nifti_variant(path), read_sidecar(path)
    if suffix in (".nii", ".nii.gz"):
        return read_nifti(path), read_sidecar(path)
    if suffix in (".nrrd", ".seq.nrrd"):
        return read_nrrd(path), read_sidecar(path)
    raise FileError(
        f"{path} has an unknown format: give a 4D NIfTI (.nii, .nii.gz, .hdr with .img), a Slicer sequence (.seq.nrrd, "
        ".nrrd), a DICOM folder or a ZIP of one, or a Philips .par with its .rec."
    )


def _is_dicom_file(path: Path) -> bool:
    return suffix_of(path) not in READ_SUFFIXES and is_dicom(path)
