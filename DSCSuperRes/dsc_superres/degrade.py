"""Retrospective under-sampling: the coarse series that a faster acquisition would have given.

A block of fine pixels covers exactly one coarse pixel: the outer corners of the field of view stay in place and the
center of the first pixel moves by half the change in spacing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dsc_superres.errors import SeriesError
from dsc_superres.frames.excluded import all_times
from dsc_superres.series import Series


def block_average(signal: np.ndarray, factor: int) -> np.ndarray:
    """Average blocks of ``factor`` x ``factor`` pixels: float[..., y, x] -> float32[..., y/factor, x/factor].

    ``factor`` must divide the lengths of the last two axes.
    """
    *leading_axes, rows, columns = signal.shape
    blocks = signal.reshape(*leading_axes, rows // factor, factor, columns // factor, factor)
    return blocks.mean(axis=(-3, -1), dtype=np.float32)


def kspace_crop(signal: np.ndarray, factor: int) -> np.ndarray:
    """Return the magnitude image of the central 1/``factor`` of k-space along the last two axes.

    A phase ramp shifts the coarse grid by half the change in spacing, to the position that ``block_average`` gives it.
    """
    for axis in (-2, -1):
        fine = signal.shape[axis]
        coarse = fine // factor
        spectrum = np.fft.fftshift(np.fft.fft(signal, axis=axis), axes=axis)
        frequency = np.arange(-(coarse // 2), coarse - coarse // 2)
        central = np.take(spectrum, frequency + fine // 2, axis=axis)
        ramp = np.exp(2j * np.pi * frequency * (factor - 1) / (2 * fine))
        if coarse % 2 == 0:
            ramp[0] = ramp[0].real  # the Nyquist term has no conjugate partner; its shifted value is the real part
        shape = [1] * signal.ndim
        shape[axis] = coarse
        central = np.fft.ifftshift(central * ramp.reshape(shape), axes=axis)
        signal = np.fft.ifft(central, axis=axis) / factor
    return np.abs(signal).astype(np.float32)


OPERATORS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {"block": block_average, "kspace": kspace_crop}
"""Spatial under-sampling operators by name: (float[..., y, x], factor) -> float32[..., y/factor, x/factor]."""


def undersample(series: Series, space: int = 2, time: int = 4, operator: str = "block") -> Series:
    """Return a coarser version of a series in plane and in time.

    Rows and columns at the end that do not fill a block are left out.

    Parameters
    ----------
    series : Series
    space : int
        Factor by which the pixels become larger in plane.
    time : int
        Every ``time``-th frame is kept, beginning with the first.
    operator : {"block", "kspace"}
        Spatial under-sampling: mean of blocks of pixels, or crop of k-space.

    Returns
    -------
    Series
        Float32 signal [t', z, y/space, x/space] with matching times and geometry.

    Raises
    ------
    SeriesError
        If a factor is not a positive whole number or leaves fewer than two frames or two pixels, or if the operator is
        unknown.

    Examples
    --------
    >>> import numpy as np
    >>> fine = Series(np.ones((9, 1, 8, 8)), times=np.arange(9))
    >>> coarse = undersample(fine, space=2, time=4)
    >>> coarse.signal.shape, coarse.times.tolist(), coarse.geometry.spacing
    ((3, 1, 4, 4), [0.0, 4.0, 8.0], (2.0, 2.0, 1.0))
    """
    if operator not in OPERATORS:
        raise SeriesError(f"There is no under-sampling operator '{operator}': choose one of {', '.join(OPERATORS)}.")
    truth = matching_truth(series, space, time)
    grid = all_times(truth)[::time]
    kept, missing = np.isin(truth.times, grid), np.setdiff1d(grid, truth.times)
    signal = truth.signal[kept]
    coarse = np.stack([OPERATORS[operator](frame, space) for frame in signal])
    width, height, slices = truth.size
    geometry = truth.geometry.resized(truth.size, (width // space, height // space, slices))
    coarse = truth.with_signal(coarse, times=truth.times[kept], missing_times=missing, geometry=geometry)
    settings = {"space": space, "time": time, "operator": operator}
    return coarse.described(provenance=series.derived("under-sampled", settings=settings))


def matching_truth(series: Series, space: int = 2, time: int = 4) -> Series:
    """Return the part of a series that ``undersample`` uses: up to the last frame kept, whole blocks of pixels.

    Raises ``SeriesError`` for factors that do not fit the series.
    """
    if int(space) != space or int(time) != time or space < 1 or time < 1:
        raise SeriesError(f"Under-sampling factors must be whole numbers of at least 1, not {space} and {time}.")
    times = all_times(series)
    last = (times.size - 1) // time * time
    if last == 0 or np.isin(series.times, times[: last + 1 : time]).sum() < 2:
        raise SeriesError(
            f"{series.name} has {series.frames} frames; keeping every {time}th leaves one: use a smaller time factor."
        )
    rows, columns = (length // space * space for length in series.signal.shape[2:])
    if min(rows, columns) < 2 * space:
        raise SeriesError(f"{series.name} is too small in plane for under-sampling by {space}: use a smaller factor.")
    frames = int(np.searchsorted(series.times, times[last], side="right"))
    return series.with_signal(series.signal[:frames, :, :rows, :columns], times=series.times[:frames])
