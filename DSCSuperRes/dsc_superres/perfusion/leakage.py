"""Contrast that leaks into tissue: its share of Delta R2*, fitted and removed.

Boxerman, Schmainda and Weisskoff: measured(t) = K1 ref(t) - K2 integral of ref (CAPLEX M.LC1.001); with back-flow the
integral fades with exp(-kep (t - t')) (Leu 2016, CAPLEX M.LC1.002). ref is the mean curve of tissue that does not
leak. Only the K2 term is contamination: it is added back, K1 stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.integrate import cumulative_trapezoid

from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion.bolus import Bolus, curve_noise

BACKFLOW_RATES = np.concatenate([[0.0], np.geomspace(0.002, 0.04, 12)])
"""1/s; rates of back-flow that are tried. Faster ones would mimic a mere dispersion of the bolus."""
MIN_BACKFLOW_GAIN = 8.0
"""N ln(RSS) must fall by more than this for back-flow to be believed: 2 by Akaike, more for choosing a rate."""
TAIL_FRAMES = 11
MIN_SIGNIFICANCE = 2.0
"""K2 is used where it exceeds this many of its standard errors; elsewhere its noise would only be added to CBV."""


@dataclass(frozen=True, eq=False)
class Leakage:
    """Corrected curves float32[t, n] and the fit: k1 (no unit), k2 and kep (1/s), k2_error (its standard error)."""

    curves: np.ndarray
    k1: np.ndarray
    k2: np.ndarray
    kep: np.ndarray
    k2_error: np.ndarray


def reference_curve(curves: np.ndarray, bolus: Bolus) -> np.ndarray:
    """float64[t]: mean of those curves[t, n] that come back to their baseline: the tissue that does not leak.

    They are the ones whose median over the last frames lies within two standard deviations of noise, as in
    dsc-mri-toolbox, around the median of all voxels (recirculation keeps that above zero). Raises ``PerfusionError``
    where fewer than 5 % do.
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
    """Fits and removes leakage from curves[t, n] (1/s) at times[t] (s) with the reference[t] of non-leaking tissue.

    ``bidirectional`` lets contrast flow back, with the rate that fits best, where it fits clearly better.
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
    """float64[t]: integral of reference(t') exp(-rate (t - t')) over t' up to t, trapezoids on the true times."""
    if rate == 0:
        return cumulative_trapezoid(reference, times, initial=0)
    total = np.zeros_like(reference)
    for i, step in enumerate(np.diff(times)):
        decay = np.exp(-rate * step)
        total[i + 1] = decay * total[i] + step / 2 * (decay * reference[i] + reference[i + 1])
    return total


def _least_squares(y: np.ndarray, reference: np.ndarray, leaked: np.ndarray) -> tuple[np.ndarray, ...]:
    """K1, K2, residual sum of squares and the standard error of K2 for y[t, n] = K1 reference - K2 leaked."""
    design = np.stack([reference, -leaked], axis=1)
    covariance = np.linalg.inv(design.T @ design)
    solution = covariance @ (design.T @ y)
    rss = np.maximum((y**2).sum(axis=0) - (solution * (design.T @ y)).sum(axis=0), 0)
    return solution[0], solution[1], rss, np.sqrt(rss / (len(y) - 2) * covariance[1, 1])
