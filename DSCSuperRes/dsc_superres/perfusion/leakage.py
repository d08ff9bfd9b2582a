"""Leakage correction: the contribution of extravasated contrast agent to Delta R2*, fitted and removed.

Boxerman, Schmainda and Weisskoff: measured(t) = K1 ref(t) - K2 integral of ref (CAPLEX M.LC1.001); with back-flow, the
integral decays with exp(-kep (t - t')) (Leu 2016, CAPLEX M.LC1.002). ref is the mean curve of tissue without leakage.
Only the K2 term is contamination: it is added back, K1 remains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.integrate import cumulative_trapezoid

from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion.bolus import Bolus, curve_noise

BACKFLOW_RATES = np.concatenate([[0.0], np.geomspace(0.002, 0.04, 12)])
"""Rates of back-flow in 1/s that are tried. Faster ones would resemble dispersion of the bolus."""
MIN_BACKFLOW_GAIN = 8.0
"""Decrease of N ln(RSS) from which back-flow is accepted: 2 by Akaike's criterion, more for the choice of a rate."""
TAIL_FRAMES = 11
"""Number of last frames whose median is compared with the baseline."""
MIN_SIGNIFICANCE = 2.0
"""K2 is used where it exceeds this many of its standard errors; elsewhere, it would only add noise to CBV."""


@dataclass(frozen=True, eq=False)
class Leakage:
    """Corrected curves and the fit.

    curves     float32[t, n], 1/s
    k1         float32[n], dimensionless
    k2, kep    float32[n], 1/s
    k2_error   float32[n], standard error of k2
    """

    curves: np.ndarray
    k1: np.ndarray
    k2: np.ndarray
    kep: np.ndarray
    k2_error: np.ndarray


def reference_curve(curves: np.ndarray, bolus: Bolus) -> np.ndarray:
    """Return the mean of those curves[t, n] that return to their baseline, float64[t]: tissue without leakage.

    The median of their last frames lies within two standard deviations of the noise (as in dsc-mri-toolbox) of the
    median of all voxels, which recirculation keeps above zero. Raises ``PerfusionError`` if fewer than 5 % qualify.
    """
    tail = np.median(curves[-TAIL_FRAMES:], axis=0)
    noise = np.maximum(curve_noise(curves), 1e-6)
    without_leakage = np.abs(tail - np.median(tail)) < 2 * noise
    enhancing = curves[bolus.baseline.stop :].max(axis=0) > 4 * noise
    reference = without_leakage & enhancing
    if reference.mean() < 0.05:
        raise PerfusionError(
            "Too little tissue without leakage was found to serve as its reference: turn the correction off."
        )
    return curves[:, reference].mean(axis=1, dtype=np.float64)


def correct_leakage(
    curves: np.ndarray, times: np.ndarray, reference: np.ndarray, bolus: Bolus, bidirectional: bool = False
) -> Leakage:
    """Fit and remove leakage from curves[t, n] (1/s) at times[t] (s), with the reference[t] of tissue without leakage.

    With ``bidirectional``, back-flow is included, at the rate that fits best, in voxels that it fits clearly better.
    """
    time_since_baseline = np.maximum(times - times[bolus.baseline.stop - 1], 0)
    rates = BACKFLOW_RATES if bidirectional else BACKFLOW_RATES[:1]
    y = np.asarray(curves, np.float64)
    best = np.full(y.shape[1], np.inf)
    k1, k2, kep, error = (np.zeros(y.shape[1]) for _ in range(4))
    fits = []
    for rate in rates:
        leaked = _decaying_integral(reference * (time_since_baseline > 0), times, rate)
        fits.append((leaked, *_least_squares(y, reference, leaked)))
    penalty = [1.0 if rate == 0 else np.exp(MIN_BACKFLOW_GAIN / len(times)) for rate in rates]
    correction = np.zeros_like(y, dtype=np.float32)
    for rate, factor, (leaked, a, b, rss, se) in zip(rates, penalty, fits, strict=True):
        better = rss * factor < best
        best = np.where(better, rss * factor, best)
        k1, k2, kep, error = (np.where(better, new, old) for new, old in ((a, k1), (b, k2), (rate, kep), (se, error)))
        significant = better & (np.abs(b) > MIN_SIGNIFICANCE * se)
        correction[:, better] = 0
        correction[:, significant] = leaked[:, None] * b[significant]
    result = [np.asarray(v, np.float32) for v in (k1, k2, kep, error)]
    return Leakage((y + correction).astype(np.float32), *result)


def _decaying_integral(reference: np.ndarray, times: np.ndarray, rate: float) -> np.ndarray:
    """Return the integral of reference(t') exp(-rate (t - t')) over t' up to t, float64[t], by the trapezoidal rule."""
    if rate == 0:
        return cumulative_trapezoid(reference, times, initial=0)
    total = np.zeros_like(reference)
    for i, step in enumerate(np.diff(times)):
        decay = np.exp(-rate * step)
        total[i + 1] = decay * total[i] + step / 2 * (decay * reference[i] + reference[i + 1])
    return total


def _least_squares(y: np.ndarray, reference: np.ndarray, leaked: np.ndarray) -> tuple[np.ndarray, ...]:
    """Fit y[t, n] = K1 reference - K2 leaked; return K1, K2, residual sum of squares and standard error of K2."""
    design = np.stack([reference, -leaked], axis=1)
    covariance = np.linalg.inv(design.T @ design)
    solution = covariance @ (design.T @ y)
    rss = np.maximum((y**2).sum(axis=0) - (solution * (design.T @ y)).sum(axis=0), 0)
    return solution[0], solution[1], rss, np.sqrt(rss / (len(y) - 2) * covariance[1, 1])
