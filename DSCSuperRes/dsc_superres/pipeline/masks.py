"""Which voxels to measure: the brain as found, as drawn in a file, or everything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dsc_superres.errors import PerfusionError, SeriesError
from dsc_superres.geometry import common_boxes
from dsc_superres.perfusion.mask import head_threshold
from dsc_superres.series import Series
from dsc_superres.utils.scratch_memory import release

LEAST_IN_HEAD = 0.2
"""Share of a mask that lies on the head; less is the background, or another head."""


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
    inside = share_in_head(mask, series)
    if inside < LEAST_IN_HEAD:
        raise SeriesError(
            f"Only {100 * inside:.0f} % of the mask {name} lie on the head of {series.name}, the rest on background: "
            "it belongs to another series, or marks what is outside; choose another mask."
        )
    return mask


def share_in_head(mask: np.ndarray, series: Series) -> float:
    """The share of the voxels of ``mask`` [z, y, x] that are brighter than background; 1 where nothing is."""
    mean = np.zeros(mask.shape)
    for frame in series.signal[1:]:
        mean += frame
        release(series.signal)
    mean /= series.frames - 1
    head = mean > head_threshold(mean)
    return float(head[mask].mean()) if head.any() else 1.0


def find_mask_or_none(choice: str, series: Series) -> np.ndarray | None:
    """``find_mask``, but None where no brain is found: the rest of the work does not depend on it."""
    try:
        return find_mask(choice, series)
    except PerfusionError:
        return None


def fine_mask(choice: str, series: Series, fine: Series) -> np.ndarray | None:
    """The mask on the grid of ``fine``; a file is drawn on that of ``series``, which covers the same field of view."""
    if choice in ("auto", "none"):
        return find_mask_or_none(choice, fine)
    return on_grid(find_mask(choice, series), fine.signal.shape[1:])


def find_masks(series: Mapping[str, Series], choice: str) -> dict[str, np.ndarray | None]:
    """For each series of one field of view, the chosen mask on its own grid; a file is drawn on that of one of them.

    Raises ``DSCError`` where a mask file fits none.
    """
    if choice in ("auto", "none"):
        return {name: np.ones(one.signal.shape[1:], bool) if choice == "none" else None for name, one in series.items()}
    refusals = []
    for one in series.values():
        try:
            mask = find_mask(choice, one)
        except SeriesError as error:
            refusals.append(error)
        else:
            return {name: on_grid(mask, other.signal.shape[1:]) for name, other in series.items()}
    raise refusals[0]


def on_grid(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A mask bool[z, y, x] on a finer or coarser grid of the same field of view: that of the nearest voxel."""
    for axis, size in enumerate(shape):
        theirs = mask.shape[axis]
        if theirs != size:
            mask = mask.take(((np.arange(size) + 0.5) * theirs / size).astype(int), axis=axis)
    return mask
