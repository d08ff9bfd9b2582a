"""Curves of voxels whose slices were taken at different times within a frame."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.interpolate import PchipInterpolator

from dsc_superres.series import Series


def voxel_offsets(series: Series, mask: np.ndarray) -> np.ndarray:
    """Return the time of each voxel of ``mask`` after that of its frame, float64[n] in s; 0 where it is not known."""
    if series.slice_times is None:
        return np.zeros(int(np.count_nonzero(mask)))
    return series.slice_times[np.nonzero(mask)[0]]


def groups(offsets: np.ndarray) -> Iterator[tuple[float, np.ndarray | slice]]:
    """Yield each offset (s) with the columns of the curves that have it, of offsets[n].

    >>> [(offset, columns.tolist()) for offset, columns in groups(np.array([0.0, 0.7, 0.0]))]
    [(0.0, [0, 2]), (0.7, [1])]
    """
    different = np.unique(offsets)
    if len(different) < 2:
        yield float(different[0]) if len(different) else 0.0, slice(None)
        return
    for offset in different:
        yield float(offset), np.flatnonzero(offsets == offset)


def at_common_times(curves: np.ndarray, times: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return curves[t, n] at times[t] + offsets[n] (s), interpolated by monotone splines to their mean times."""
    if not np.ptp(offsets) > 0:
        return curves
    common, result = times + float(np.mean(offsets)), np.empty_like(curves)
    for offset, columns in groups(offsets):
        own = times + offset
        result[:, columns] = PchipInterpolator(own, curves[:, columns])(np.clip(common, own[0], own[-1]))
    return result


def mean_curve(curves: np.ndarray, times: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of curves[t, n] at times[t] + offsets[n] (s): its own times, float64[t], and values, float64[t].

    Curves of one slice are averaged as they are. Those of several slices are first brought to common times.
    """
    common = at_common_times(np.asarray(curves, np.float64), times, offsets)
    return times + float(np.mean(offsets)), common.mean(axis=1)
