"""The grid of a reconstruction, its frame times and matrix, and the scale of intensities that networks work in."""

from __future__ import annotations

import math

import numpy as np

from dsc_superres.errors import SeriesError
from dsc_superres.frames.excluded import all_times
from dsc_superres.series import MISSING, Series

MOST_FRAMES = 32_767
"""What a NIfTI file can hold."""


def target_times(
    series: Series, *, time: float = 4, interval: float | None = None, times: np.ndarray | None = None
) -> np.ndarray:
    """float64[m], s: the frame times of a reconstruction of ``series``; options as for ``reconstruct``.

    Frames that were left out of the series are reconstructed like those in between. A factor ``time`` that is not whole
    gives evenly spaced frames from the first acquired one to the last; between them, few are acquired ones.

    Raises ``SeriesError`` for times that the series cannot be reconstructed at.
    """
    first, last = series.times[0], series.times[-1]
    if times is not None:
        return _checked(np.asarray(times, float), first, last)
    if interval is not None:
        if series.sources["times"] == MISSING:
            raise SeriesError(
                f"{series.name} has no frame times, so an interval in seconds means nothing: give its TR."
            )
        if not 0 < interval <= last - first:
            raise SeriesError(
                f"The interval must lie between 0 and the series' {last - first:g} s, not {interval:g} s."
            )
        count = math.floor((last - first) / interval + 1e-6) + 1
        if count > MOST_FRAMES:
            raise SeriesError(
                f"An interval of {interval:g} s gives {count} frames, more than {MOST_FRAMES}: choose a longer one."
            )
        return np.minimum(first + interval * np.arange(count), last)
    if not 1 <= time <= 1000:
        raise SeriesError(f"The time factor must lie between 1 and 1000, not {time:g}.")
    acquired = all_times(series)
    count = round((acquired.size - 1) * time) + 1
    return np.interp(np.arange(count) / ((count - 1) / (acquired.size - 1)), np.arange(acquired.size), acquired)


def fine_size(series: Series, space: float) -> tuple[int, int]:
    """Rows and columns after refinement by ``space``. Raises ``SeriesError`` for a factor outside 1 to 16."""
    if not 1 <= space <= 16:
        raise SeriesError(f"The spatial factor must lie between 1 and 16, not {space:g}.")
    rows, columns = series.signal.shape[2:]
    return round(rows * space), round(columns * space)


def normalization(mean: np.ndarray) -> tuple[float, float]:
    """Offset and scale that bring a series to about 0..1: the 1st and 99th percentile of its temporal ``mean``.

    The scale is 0 only for an image that is constant.
    """
    low, high = np.percentile(mean, (1, 99))
    if high <= low:
        low, high = mean.min(), mean.max()
    return float(low), float(high - low)


def _checked(target: np.ndarray, first: float, last: float) -> np.ndarray:
    if target.ndim != 1 or target.size < 2 or np.any(np.diff(target) <= 0):
        raise SeriesError("The times to reconstruct must be at least two and increase.")
    if target[0] < first - 1e-6 or target[-1] > last + 1e-6:
        raise SeriesError(f"The times to reconstruct must lie within the series, {first:g} to {last:g} s.")
    return np.clip(target, first, last)
