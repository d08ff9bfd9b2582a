"""Blood volume as ratio of areas, and the time at which the integration ends."""

from __future__ import annotations

import numpy as np
from scipy.integrate import cumulative_trapezoid

from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion.bolus import Bolus, curve_noise

NOISE_CURVES = 2000
"""Number of curves from which the typical noise is estimated."""


def area_ratio(curves: np.ndarray, arterial: np.ndarray, times: np.ndarray, bolus: Bolus, end: float) -> np.ndarray:
    """Return the area of curves[t, n] over that of arterial[t] up to ``end`` (s), float64[n].

    Trapezoidal rule on the actual frame times; CAPLEX Q.PH1.001 without its factors. Raises ``PerfusionError`` if the
    arterial area is not positive.
    """
    window = slice(bolus.baseline.stop - 1, max(int(np.searchsorted(times, end + 1e-6, "right")), bolus.peak_frame + 2))
    arterial_area = np.trapezoid(arterial[window], times[window])
    if arterial_area <= 0:
        raise PerfusionError("The area under the arterial input is not positive: choose another one.")
    # The trapezoidal rule as a product with its weights avoids a copy of the curves.
    weights = np.gradient(times[window])
    weights[[0, -1]] /= 2
    return (weights.astype(curves.dtype) @ curves[window]) / arterial_area


def integration_end(curves: np.ndarray, arterial: np.ndarray, times: np.ndarray, bolus: Bolus) -> float:
    """Return the time (s) at which the integrals of curves[t, n] and arterial[t] end with the least error.

    A longer window adds noise, both of its frames and of the baseline in all of them. A shorter window cuts off more of
    the tissue's tail than of the artery's; the mean curve, which is almost free of noise, shows that bias. The window
    minimizes the root sum of squares of both errors.
    """
    first = bolus.baseline.stop - 1
    noise = float(np.median(curve_noise(curves[:, :: max(1, curves.shape[1] // NOISE_CURVES)])))
    mean = curves[:, :: max(1, curves.shape[1] // (20 * NOISE_CURVES))].mean(axis=1, dtype=np.float64)
    ends = np.arange(min(bolus.peak_frame + 2, len(times) - 1), len(times))
    tissue_area = cumulative_trapezoid(mean[first:], times[first:], initial=0)[ends - first]
    arterial_area = cumulative_trapezoid(arterial[first:], times[first:], initial=0)[ends - first]
    if np.any(tissue_area <= 0) or np.any(arterial_area <= 0):
        return float(times[-1])
    duration = times[ends] - times[first]
    random_error = (
        noise * np.sqrt(duration * duration / (ends - first) + duration**2 / bolus.baseline_frames) / tissue_area
    )
    bias = (tissue_area / arterial_area) / (tissue_area[-1] / arterial_area[-1]) - 1
    return float(times[ends[np.argmin(np.hypot(random_error, bias))]])
