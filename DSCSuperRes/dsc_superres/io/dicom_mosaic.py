"""Siemens mosaics: all slices of a frame tiled into one picture, row by row in a square grid.

The header's position is that of the whole picture as if it were one slice, so that the first tile lies half the
surplus of rows and columns from it. Tiles follow each other along ``SliceNormalVector`` of the private CSA header,
which may point against the normal of the picture.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from dsc_superres.errors import SeriesError
from dsc_superres.io.dicom_slice import Slice, classic_time_tags, common_fields, plane_geometry
from dsc_superres.io.dicom_values import as_number, private_value, words

_OWNER = "SIEMENS MR HEADER"


def is_mosaic(header: Dataset) -> bool:
    """Return whether a classic file is a Siemens mosaic."""
    return "MOSAIC" in words(header, "ImageType") or (as_number(private_value(header, 0x0019, _OWNER, 0x0A)) or 0) > 1


def mosaic_slices(path: Path, header: Dataset) -> list[Slice]:
    """Return the tiles of a mosaic. Raises ``SeriesError`` if the header does not say how many there are."""
    csa = _csa_values(header)
    count = as_number(private_value(header, 0x0019, _OWNER, 0x0A)) or as_number(csa.get("NumberOfImagesInMosaic"))
    if not count:
        raise SeriesError(
            f"{path.name} is a Siemens mosaic (all slices tiled into one picture) without the private tags that say "
            "how many slices it has: export the series again with its private tags."
        )
    count = int(count)
    side = math.ceil(math.sqrt(count))
    whole = plane_geometry(header, header, header, header)
    rows, columns = whole["shape"][0] // side, whole["shape"][1] // side
    surplus = (whole["shape"][1] - columns) / 2, (whole["shape"][0] - rows) / 2
    first = whole["position"] + np.multiply(surplus, whole["spacing"]) @ whole["axes"]
    normal = _slice_normal(csa, whole["axes"])
    times = _slice_times(header, csa, count)
    tile = Slice(
        **common_fields(path, header),
        time_tags=classic_time_tags(header),
        **whole | {"shape": (rows, columns)},
    )
    return [
        replace(
            tile,
            position=first + k * whole["slice_distance"] * normal,
            corner=(k // side * rows, k % side * columns),
            slice_time=None if times is None else float(times[k]),
        )
        for k in range(count)
    ]


def _csa_values(header: Dataset) -> dict[str, list]:
    """Return the values of the private CSA image header by name; empty if there is none."""
    from nibabel.nicom import csareader  # Slicer's process, which reads no series, has no nibabel

    try:
        csa = csareader.get_csa_header(header, "image")
    except Exception:  # nibabel raises several types of exception for damaged headers
        return {}
    return {name: tag["items"] for name, tag in (csa or {"tags": {}})["tags"].items()}


def _slice_normal(csa: dict[str, list], axes: np.ndarray) -> np.ndarray:
    """Return the unit vector from one slice to the next; the picture's normal if the header does not say."""
    normal = np.cross(*axes)
    stated = csa.get("SliceNormalVector") or []
    along = float(np.dot(stated, normal)) if len(stated) == 3 else 1.0
    return -normal if along < 0 else normal


def _slice_times(header: Dataset, csa: dict[str, list], count: int) -> np.ndarray | None:
    """Return the time of each tile in s, float64[tile], or None."""
    stated = private_value(header, 0x0019, _OWNER, 0x29)
    if stated is None:
        stated = csa.get("MosaicRefAcqTimes")
    times = np.array([] if stated is None else stated, np.float64).ravel() / 1000
    return times if len(times) == count and np.isfinite(times).all() and np.ptp(times) > 0 else None
