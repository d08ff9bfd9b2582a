"""DICOM headers to 2D images: one ``Slice`` for each file (classic MR), frame (enhanced MR) or tile (mosaics)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from dsc_superres.errors import FileError, SeriesError
from dsc_superres.io.dicom_enhanced import enhanced_slices
from dsc_superres.io.dicom_mosaic import is_mosaic, mosaic_slices
from dsc_superres.io.dicom_slice import Slice, classic_time_tags, common_fields, plane_geometry
from dsc_superres.io.dicom_uih import is_tiled, tiled_slices
from dsc_superres.io.dicom_values import number


def slices_of(path: Path, header: Dataset) -> list[Slice]:
    """Return the 2D images of one file. Raises ``FileError`` if it lacks the position of its images in space."""
    try:
        if "PerFrameFunctionalGroupsSequence" in header:
            return enhanced_slices(path, header)
        if (number(header, "NumberOfFrames") or 1) > 1:
            raise FileError(f"{path} has many frames but does not say where they lie: export it as enhanced MR.")
        if is_mosaic(header):
            return mosaic_slices(path, header)
        if is_tiled(header):
            return tiled_slices(path, header)
        return [_classic_slice(path, header)]
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise FileError(
            f"{path} lacks the position, orientation or spacing of its image, so it has no place in space: "
            "export the series again."
        ) from error


def check_alike(slices: list[Slice], name: str) -> None:
    """Raise ``SeriesError`` unless all images have the same matrix, pixel spacing and orientation."""
    reference = slices[0]
    same_shape = np.array([s.shape == reference.shape for s in slices])
    same_size = same_shape & np.isclose([s.spacing for s in slices], reference.spacing, rtol=1e-3).all(axis=1)
    parallel = np.isclose([s.axes for s in slices], reference.axes, atol=1e-3).all(axis=(1, 2))
    if (same_size & parallel).all():
        return
    if not same_size[np.argmin(same_size & parallel)]:
        raise SeriesError(f"The images of {name} differ in matrix or pixel size: keep those of one series.")
    raise SeriesError(f"The images of {name} are not parallel to each other: keep those of one orientation.")


def _classic_slice(path: Path, header: Dataset) -> Slice:
    return Slice(
        **common_fields(path, header),
        time_tags=classic_time_tags(header),
        **plane_geometry(header, header, header, header),
    )
