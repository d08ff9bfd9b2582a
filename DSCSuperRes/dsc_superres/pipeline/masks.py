"""Which voxels to measure: the brain as found, as drawn in a file, or everything."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dsc_superres.errors import SeriesError
from dsc_superres.geometry import common_boxes
from dsc_superres.series import Series


def find_mask(choice: str, series: Series) -> np.ndarray | None:
    """bool[z, y, x] on the grid of ``series``: ``auto`` finds the brain, ``none`` is None, else a mask file.

    A mask file may reach beyond the series; what it does not cover is outside. Raises ``DSCError`` where there is no
    brain or the file does not fit.
    """
    if choice == "none":
        return None
    if choice == "auto":
        from dsc_superres.perfusion import brain_mask

        return brain_mask(series)
    from dsc_superres.io import read_volume

    volume, geometry = read_volume(choice)
    name = Path(choice).name
    theirs, ours = common_boxes(geometry, volume.shape[::-1], series.geometry, series.size, (name, series.name))
    mask = np.zeros(series.signal.shape[1:], bool)
    mask[ours] = volume[theirs] > 0
    if not mask.any():
        raise SeriesError(f"The mask {name} is empty on the grid of {series.name}: choose another mask.")
    return mask
