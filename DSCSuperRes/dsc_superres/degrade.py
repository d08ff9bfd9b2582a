"""Retrospective under-sampling: from a fine series to the coarse one that a faster scan would have given.

The geometry is exact: a block of fine pixels covers one coarse pixel, so the outer corners of the field of view
stay where they are and the first pixel's centre moves by half the change in spacing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dsc_superres.errors import SeriesError
from dsc_superres.series import Series


def block_average(signal: np.ndarray, factor: int) -> np.ndarray:
    """Mean over ``factor`` x ``factor`` blocks of the last two axes, whose lengths ``factor`` must divide."""
    *leading_axes, rows, columns = signal.shape
    blocks = signal.reshape(*leading_axes, rows // factor, factor, columns // factor, factor)
    return blocks.mean(axis=(-3, -1), dtype=np.float32)


def kspace_crop(signal: np.ndarray, factor: int) -> np.ndarray:
    """Magnitude image from the central 1/``factor`` of k-space along the last two axes: a coarser acquisition.

    A phase ramp moves the coarse grid by half the change in spacing, so that it lies where ``block_average`` puts it.
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
    """Every ``time``-th frame of ``series``, its pixels ``space`` x ``space`` times coarser in plane.

    Rows and columns at the end that do not fill a block are left out. Raises ``SeriesError`` for factors below one,
    an unknown operator or factors that leave fewer than two frames or two pixels.
    """
    if operator not in OPERATORS:
        raise SeriesError(f"There is no under-sampling operator '{operator}': choose one of {', '.join(OPERATORS)}.")
    truth = matching_truth(series, space, time)
    signal = truth.signal[::time]
    coarse = np.stack([OPERATORS[operator](frame, space) for frame in signal])
    width, height, slices = truth.size
    geometry = truth.geometry.resized(truth.size, (width // space, height // space, slices))
    return truth.with_signal(coarse, times=truth.times[::time], geometry=geometry)


def matching_truth(series: Series, space: int = 2, time: int = 4) -> Series:
    """The part of ``series`` that ``undersample`` sees: frames 0 to the last kept one, whole blocks of pixels."""
    if int(space) != space or int(time) != time or space < 1 or time < 1:
        raise SeriesError(f"Under-sampling factors must be whole numbers of at least 1, not {space} and {time}.")
    last = (series.frames - 1) // time * time
    if last == 0:
        raise SeriesError(
            f"{series.name} has {series.frames} frames; keeping every {time}th leaves one: use a smaller time factor."
        )
    rows, columns = (length // space * space for length in series.signal.shape[2:])
    if min(rows, columns) < 2 * space:
        raise SeriesError(f"{series.name} is too small in plane for under-sampling by {space}: use a smaller factor.")
    return series.with_signal(series.signal[: last + 1, :, :rows, :columns], times=series.times[: last + 1])
