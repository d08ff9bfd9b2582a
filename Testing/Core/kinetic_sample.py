"""A small patient whose tissue follows kinetics."""

import numpy as np

from dsc_superres.perfusion.dictionary import residue
from dsc_superres.series import Series

STEP = 0.1


def patient(
    times: np.ndarray,
    noise: float = 5.0,
    first: float = 1.0,
    doses: tuple[float, ...] = (14.0,),
    slice_times: tuple[float, ...] | None = None,
) -> Series:
    """Tissue of many transit times and delays behind one artery; ``first`` is a factor of the first frame."""
    fine = np.arange(0, 130, STEP)
    artery = np.zeros_like(fine)
    for dose in doses:
        x = np.maximum(fine - dose, 0) / 1.6
        artery += x**2.6 * np.exp(-x) + 0.03 * np.minimum(x, 6)
    y, x = np.indices((20, 22))
    mtt, delay = 2.5 + 0.35 * (y % 12), 0.35 * (x % 11)
    offsets = slice_times or (0.0,)
    signal = np.zeros((len(times), len(offsets), 20, 22))
    for row, column in np.argwhere(np.hypot(y - 9.5, x - 10.5) < 9.5):
        shape = (1.0, 3.0, 50.0)[(row + column) % 3]
        kernel = residue(shape, (fine + STEP / 2) / mtt[row, column])
        curve = np.convolve(artery, kernel / kernel.sum())[: len(fine)]
        attenuation = (0.25 + 0.05 * (column % 7)) * curve / max(artery.max(), 1)
        for z, offset in enumerate(offsets):
            moments = times + offset - delay[row, column]
            signal[:, z, row, column] = 700 * np.exp(-np.interp(moments, fine, attenuation))
    signal[0] *= first
    random = np.random.default_rng(1)
    signal = np.hypot(signal + random.normal(0, noise, signal.shape), random.normal(0, noise, signal.shape))
    return Series(signal, times, echo_time=0.03, slice_times=slice_times)


def rms(found: Series, truth: Series, frames: np.ndarray) -> float:
    inside = truth.signal.mean(axis=0) > 100
    return float(np.sqrt(np.mean((found.signal - truth.signal)[frames][:, inside] ** 2)))
