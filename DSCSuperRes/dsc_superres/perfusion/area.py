"""Blood volume as ratio of areas, and the time at which the integration ends."""

from __future__ import annotations

import numpy as np

from dsc_superres.errors import PerfusionError
from dsc_superres.frames.gaps import sampled_steps
from dsc_superres.perfusion.bolus import Bolus, curve_noise

NOISE_CURVES = 2000
"""Number of curves from which the typical noise is estimated."""


def area_ratio(curves: np.ndarray, arterial: np.ndarray, times: np.ndarray, bolus: Bolus, end: float) -> np.ndarray:
    """Return the area of curves[t, n] over that of arterial[t] up to ``end`` (s), float64[n].

    Trapezoidal rule on the actual frame times, but not across long gaps between them, of which nothing is known;
    CAPLEX Q.PH1.001 without its factors. Raises ``PerfusionError`` if the arterial area is not positive.
    """
    last = max(int(np.searchsorted(times, end + 1e-6, "right")), bolus.peak_frame + 2)
    window = slice(bolus.baseline.stop - 1, min(last, len(times)))
    # The trapezoidal rule as a product with its weights avoids a copy of the curves.
    steps = sampled_steps(times)[window.start : window.stop - 1]
    weights = (np.append(steps, 0) + np.insert(steps, 0, 0)) / 2
    arterial_area = weights @ arterial[window]
    if arterial_area <= 0:
        raise PerfusionError("The area under the arterial input is not positive: choose another one.")
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
    steps = sampled_steps(times)[first:]
    tissue_area, arterial_area = (_cumulative(curve[first:], steps)[ends - first] for curve in (mean, arterial))
    if np.any(tissue_area <= 0) or np.any(arterial_area <= 0):
        return float(times[-1])
    duration = np.cumsum(np.insert(steps, 0, 0))[ends - first]
    random_error = (
        noise * np.sqrt(duration * duration / (ends - first) + duration**2 / bolus.baseline_frames) / tissue_area
    )
    bias = (tissue_area / arterial_area) / (tissue_area[-1] / arterial_area[-1]) - 1
    return float(times[ends[np.argmin(np.hypot(random_error, bias))]])


def _cumulative(curve: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return the integral of curve[t] up to each of its samples, whose ``steps`` [t - 1] (s) count."""
    return np.cumsum(np.insert(steps * (curve[1:] + curve[:-1]) / 2, 0, 0))
