"""United Imaging volumes (VFRAME): all slices of a frame tiled into one picture, each with its own header."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from dsc_superres.errors import SeriesError
from dsc_superres.io.dicom_slice import Slice, classic_time_tags, common_fields, plane_geometry
from dsc_superres.io.dicom_values import as_number, private_value

_OWNER = "Image Private Header"


def is_tiled(header: Dataset) -> bool:
    """Return whether a classic file holds the tiled slices of a volume."""
    return bool(private_value(header, 0x0065, _OWNER, 0x51)) and (_slice_count(header) or 0) > 0


def tiled_slices(path: Path, header: Dataset) -> list[Slice]:
    """Return the tiles of a volume. Raises ``SeriesError`` if they do not fit into the picture."""
    items = private_value(header, 0x0065, _OWNER, 0x51)
    count = int(_slice_count(header) or 0)
    rows, columns = _tile_size(header)
    across, down = int(header.Columns) // max(columns, 1), int(header.Rows) // max(rows, 1)
    if not 0 < count <= across * down or len(items) < count:
        raise SeriesError(
            f"{path.name} holds a tiled volume of {count} slices whose size does not fit its picture: export the "
            "series again."
        )
    tile = Slice(
        **common_fields(path, header),
        time_tags={},
        **plane_geometry(header, items[0], header, header) | {"shape": (rows, columns)},
    )
    return [
        replace(
            tile,
            position=np.array(item.ImagePositionPatient, float),
            corner=(k // across * rows, k % across * columns),
            time_tags=classic_time_tags(header) | classic_time_tags(item),
        )
        for k, item in enumerate(items[:count])
    ]


def _slice_count(header: Dataset) -> float | None:
    return as_number(private_value(header, 0x0065, _OWNER, 0x50))


def _tile_size(header: Dataset) -> tuple[int, int]:
    """Return the rows and columns of a tile; 0 if the header does not say."""
    size = re.findall(r"\d+", str(private_value(header, 0x0065, _OWNER, 0x04)))
    return (int(size[0]), int(size[1])) if len(size) >= 2 else (0, 0)
