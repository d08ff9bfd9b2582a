"""Calibrates the standard deviation that a network estimates, by properties of the series at hand.

A network learns its standard deviation on simulated scenes. On other series it is too large where the image is flat,
and too small at edges, under noise, and throughout on scanners' images. What decides this can be measured without a
ground truth, so each standard deviation s is multiplied by the exponential of

    level + edge ln(sqrt((g / s)^2 + 1/4)) + uncertainty ln(u / 0.012) + noise ln(1 + (n / u)^2)
    + same_pixels (where pixels are not refined) + other_factor |log2(space / 2)|

with g the steepness of the frame there per acquired pixel, u the median of s over the head and n the noise from frame
to frame, the last two in units of the normalized signal. Errors have heavier tails than a Gaussian, so that one width
cannot be right twice: the coefficients are a compromise between 68.3 % within one standard deviation and 95 % within
1.96.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dsc_superres.errors import Cancelled
from dsc_superres.reconstruction.training_range import temporal_snr
from dsc_superres.series import Series
from dsc_superres.utils.progress import IsCancelled, never
from dsc_superres.utils.scratch_memory import release

UNCERTAINTY_RANGE = (0.006, 0.04)
NOISE_RANGE = (0.002, 0.03)
"""Limits of u and n: nothing is extrapolated beyond the series that the coefficients were fitted on."""
TYPICAL_UNCERTAINTY = 0.012
"""u of a digital patient."""
SAMPLED_FRAMES = 8
SAMPLED_VOXELS = 400_000
"""Frames, and about how many voxels in all, that u is the median of: memory does not grow with the series."""


def calibrate(
    uncertainty: np.ndarray,
    signal: np.ndarray,
    series: Series,
    coefficients: Mapping[str, float],
    scale: float,
    space: float,
    cancelled: IsCancelled = never,
) -> None:
    """Calibrate the ``uncertainty`` float32[t, z, y, x] of a reconstructed ``signal``, in place.

    series        the acquired one; ``scale`` is that of its normalized signal
    coefficients  by name, as in the formula of this module
    space         the spatial factor of the reconstruction

    Raises ``Cancelled`` when ``cancelled()`` is true.
    """
    terms = series_terms(uncertainty, series, scale, space)
    factor = np.float32(np.exp(sum(coefficients[name] * value for name, value in terms.items())))
    power = np.float32(coefficients["edge"])
    for frame_uncertainty, frame in zip(uncertainty, signal, strict=True):
        if cancelled():
            raise Cancelled
        for z, image in enumerate(frame):
            steepness = np.hypot(*np.gradient(image)) * np.float32(space)
            sd = frame_uncertainty[z]
            # Without a division: some scanners store exact zeros in air, where the uncertainty is zero, too.
            frame_uncertainty[z] = factor * sd ** (1 - power) * np.hypot(steepness, sd / 2) ** power
        release(uncertainty)
        release(signal)


def series_terms(uncertainty: np.ndarray, series: Series, scale: float, space: float) -> dict[str, float]:
    """The terms of the formula that a whole series shares, by the name of their coefficient."""
    mean = series.signal.mean(axis=0)
    head = mean > 0.3 * np.percentile(mean, 98)
    sample, noise = np.zeros(1), 0.0
    if head.any():
        sample = _sample_in_head(uncertainty, head) / scale
        noise = float(mean[head].mean()) / temporal_snr(series.signal) / scale
    typical = float(np.clip(np.median(sample), *UNCERTAINTY_RANGE))
    noise = float(np.clip(noise, *NOISE_RANGE))
    return {
        "level": 1.0,
        "uncertainty": float(np.log(typical / TYPICAL_UNCERTAINTY)),
        "noise": float(np.log1p((noise / typical) ** 2)),
        "same_pixels": float(np.clip(3 - 2 * space, 0, 1)),
        "other_factor": float(min(abs(np.log2(space / 2)), 1.0)),
    }


def _sample_in_head(uncertainty: np.ndarray, head: np.ndarray) -> np.ndarray:
    rows, columns = (np.arange(n) * m // n for n, m in zip(uncertainty.shape[2:], head.shape[1:], strict=True))
    fine = head[:, rows[:, None], columns]
    frames = np.unique(np.linspace(0, len(uncertainty) - 1, SAMPLED_FRAMES).round().astype(int))
    step = 1 + np.count_nonzero(fine) * frames.size // SAMPLED_VOXELS
    return np.concatenate([uncertainty[frame][fine][::step] for frame in frames])
