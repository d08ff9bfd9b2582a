"""Frames that are left out of a series: their times are then missing."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from dsc_superres.errors import SeriesError
from dsc_superres.series import Series


def without_frames(series: Series, excluded: Collection[int], note: str | None = None) -> Series:
    """Return ``series`` without the frames ``excluded``, counted from 0; their times become ``missing_times``.

    ``note`` is added to its notes, by default a sentence that names the frames. Raises ``SeriesError`` for a frame that
    the series does not have, and where fewer than two remain.

    Examples
    --------
    >>> series = Series(np.ones((6, 1, 2, 2)), times=1.5 * np.arange(6))
    >>> rest = without_frames(series, (0, 3))
    >>> rest.times.tolist(), rest.missing_times.tolist(), rest.notes
    ([1.5, 3.0, 6.0, 7.5], [0.0, 4.5], ('Frames 0 and 3 were left out.',))
    """
    frames = sorted(set(excluded))
    if not frames:
        return series
    if frames[-1] >= series.frames:
        raise SeriesError(
            f"{series.name} has no frame {frames[-1]} to leave out: its {series.frames} frames count from 0 to "
            f"{series.frames - 1}."
        )
    kept = np.setdiff1d(np.arange(series.frames), frames)
    if kept.size < 2:
        raise SeriesError(f"{series.name} has {kept.size} frames without those to leave out: leave out fewer.")
    sentence = note or f"{frames_text(frames)} {'was' if len(frames) == 1 else 'were'} left out."
    return series.with_signal(
        series.signal[kept],
        times=series.times[kept],
        missing_times=np.union1d(series.missing_times, series.times[frames]),
        notes=(*series.notes, sentence),
    )


def at_times(series: Series | None, times: np.ndarray) -> Series | None:
    """Return the frames of ``series``, if there is one, at those of its times that are among ``times`` (s)."""
    if series is None:
        return None
    kept = np.isin(series.times, times)
    return series if kept.all() else series.with_signal(series.signal[kept], times=series.times[kept])


def all_times(series: Series) -> np.ndarray:
    """Return the times of the frames of a series and of those that are missing within its span, s, float64[t]."""
    missing = series.missing_times
    inside = missing[(missing > series.times[0]) & (missing < series.times[-1])]
    return np.union1d(series.times, inside)


def frame_runs(frames: Iterable[int]) -> list[list[int]]:
    """Return frame numbers in order, by runs of numbers that follow each other.

    >>> frame_runs((19, 5, 17, 18))
    [[5], [17, 18, 19]]
    """
    runs: list[list[int]] = []
    for frame in sorted(set(frames)):
        if runs and frame == runs[-1][-1] + 1:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    return runs


def frames_text(frames: Iterable[int]) -> str:
    """Return frame numbers in words.

    >>> frames_text([5]), frames_text([5, 17, 18, 19]), frames_text([1, 3, 5])
    ('Frame 5', 'Frames 5 and 17 to 19', 'Frames 1, 3 and 5')
    """
    runs = frame_runs(frames)
    words = []
    for run in runs:
        words += [f"{run[0]} to {run[-1]}"] if len(run) > 2 else [str(frame) for frame in run]
    count = sum(map(len, runs))
    text = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    return f"{'Frame' if count == 1 else 'Frames'} {text}"
