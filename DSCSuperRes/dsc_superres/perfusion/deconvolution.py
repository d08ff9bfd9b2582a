"""Deconvolution of tissue curves by singular value decomposition: standard, block-circulant and oscillation-limited.

All methods solve C_t = dt * A R_F for the flow-scaled residue R_F (1/s). Sources: Ostergaard 1996 (sSVD), Wu 2003
(cSVD, oSVD); matrix weights (a[k-1] + 4 a[k] + a[k+1]) / 6 after Ostergaard. CAPLEX G.DI1.002.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import toeplitz

VOXELS_PER_BLOCK = 2048
"""Voxels per block, which limits the memory: residues are not kept."""
STANDARD_THRESHOLD = 0.2
"""Published threshold of sSVD, as share of the largest singular value."""
CIRCULANT_THRESHOLD = 0.1
"""Published threshold of cSVD."""
OSCILLATION_LIMIT = 0.035
"""Published limit of the oscillation index of oSVD."""
OSCILLATION_STEP = 0.05
"""Published step between the thresholds of oSVD."""


@dataclass(frozen=True)
class Residue:
    """Peak of each residue (1/s, relative to the arterial curve) and its time (s)."""

    peak: np.ndarray
    time: np.ndarray


def uniform_grid(times: np.ndarray) -> np.ndarray:
    """Return evenly spaced times from the first to the last of ``times`` (s), float64[m].

    Their number is the same if ``times`` are evenly spaced; otherwise, the step is the 10th percentile of the
    intervals, with at most four times as many points.
    """
    steps = np.diff(times)
    if np.ptp(steps) <= 0.02 * np.median(steps):
        return np.linspace(times[0], times[-1], len(times))
    span = times[-1] - times[0]
    points = min(int(np.ceil(span / np.percentile(steps, 10) - 1e-6)) + 1, 4 * len(times))
    return np.linspace(times[0], times[-1], points)


def arterial_weights(aif: np.ndarray, padded: int) -> np.ndarray:
    """Return the arterial curve[t] smoothed by (1, 4, 1)/6 and zero-padded, float64[padded]."""
    a = np.zeros(padded + 2)
    a[1 : len(aif) + 1] = aif
    return ((a[:-2] + 4 * a[1:-1] + a[2:]) / 6)[:padded]


def standard_matrix(aif: np.ndarray, dt: float) -> np.ndarray:
    """Return the lower triangular Toeplitz convolution matrix of aif[t] sampled every ``dt`` s, float64[t, t]."""
    weights = arterial_weights(aif, len(aif))
    return dt * toeplitz(weights, np.zeros(len(aif)))


def circulant_matrix(aif: np.ndarray, dt: float) -> np.ndarray:
    """Return the block-circulant convolution matrix of aif[t], zero-padded to twice its length, float64[2t, 2t]."""
    weights = arterial_weights(aif, 2 * len(aif))
    return dt * toeplitz(weights, np.roll(weights[::-1], 1))


def truncated_inverse(matrix: np.ndarray, threshold: float, columns: int) -> np.ndarray:
    """Return the pseudo-inverse of matrix[m, m] without singular values below ``threshold`` of the largest.

    Only the first ``columns`` columns are returned, float32[m, columns], since the padding of the curves is zero.
    """
    u, s, vt = np.linalg.svd(matrix)
    significant = s >= threshold * s[0]
    return ((vt[significant].T / s[significant]) @ u[:, significant].T)[:, :columns].astype(np.float32)


def ssvd(curves: np.ndarray, aif: np.ndarray, dt: float, threshold: float = STANDARD_THRESHOLD) -> Residue:
    """Deconvolve curves[t, n] by standard truncated SVD, which is sensitive to the delay between artery and tissue."""
    inverse = truncated_inverse(standard_matrix(aif, dt), threshold, len(aif))
    return in_blocks(curves, lambda block: peak_of(block.T @ inverse.T, dt, wrap=False))


def csvd(curves: np.ndarray, aif: np.ndarray, dt: float, threshold: float = CIRCULANT_THRESHOLD) -> Residue:
    """Deconvolve curves[t, n] by block-circulant truncated SVD: insensitive to delay, peak times may be negative."""
    inverse = truncated_inverse(circulant_matrix(aif, dt), threshold, len(aif))
    return in_blocks(curves, lambda block: peak_of(block.T @ inverse.T, dt, wrap=True))


def osvd(
    curves: np.ndarray, aif: np.ndarray, dt: float, limit: float = OSCILLATION_LIMIT, step: float = OSCILLATION_STEP
) -> Residue:
    """Deconvolve curves[t, n] by block-circulant SVD with limited oscillation.

    Each voxel uses the smallest threshold (step, 2 step .. 0.95) with an oscillation index below ``limit``.
    """
    matrix = circulant_matrix(aif, dt)
    thresholds = np.arange(step, 0.951, step)
    inverses = [truncated_inverse(matrix, t, len(aif)) for t in thresholds]
    return in_blocks(curves, lambda block: _least_regularized(inverses, block, dt, limit))


def adaptive_threshold(aif: np.ndarray, dt: float, noise: float, circulant: bool = True) -> float:
    """Return the threshold with the least error of CBF for the frame interval and the noise of a series.

    ``noise`` is the standard deviation of a curve over its height. Exponential residues of 3, 6 and 12 s are convolved
    with aif[t], noise is added, and the curves are deconvolved with each threshold; the least median error of the peak
    wins.
    """
    random, length = np.random.default_rng(0), len(aif)
    matrix = circulant_matrix(aif, dt) if circulant else standard_matrix(aif, dt)
    time = dt * np.arange(len(matrix))
    residues = np.stack([np.exp(-time / mtt) for mtt in (3.0, 6.0, 12.0)], axis=1)
    curves = (dt * toeplitz(aif, np.zeros(length)) @ residues[:length]).repeat(24, axis=1)
    curves += noise * curves.max(axis=0) * random.normal(size=curves.shape)
    candidates = np.geomspace(0.02, 0.4, 16)
    errors = [np.median(np.abs((truncated_inverse(matrix, c, length) @ curves).max(axis=0) - 1)) for c in candidates]
    return float(candidates[int(np.argmin(errors))])


def oscillation_index(residue: np.ndarray) -> np.ndarray:
    """Return the mean absolute second difference of residue[n, L] over its maximum, [n] (Wu 2003)."""
    peak = residue.max(axis=1)
    curvature = residue[:, 2:] - 2 * residue[:, 1:-1]
    curvature += residue[:, :-2]
    return np.abs(curvature, out=curvature).sum(axis=1) / (residue.shape[1] * np.where(peak > 0, peak, np.inf))


def _least_regularized(inverses: list[np.ndarray], block: np.ndarray, dt: float, limit: float) -> Residue:
    """Return the residue peaks of a block at the smallest threshold below the oscillation limit."""
    peak, time = np.zeros(block.shape[1], np.float32), np.zeros(block.shape[1], np.float32)
    remaining = np.arange(block.shape[1])
    for step, inverse in enumerate(inverses):
        residue = block[:, remaining].T @ inverse.T
        done = oscillation_index(residue) < limit
        if step == len(inverses) - 1:
            done[:] = True
        block_peak = peak_of(residue[done], dt, wrap=True)
        peak[remaining[done]], time[remaining[done]] = block_peak.peak, block_peak.time
        remaining = remaining[~done]
        if not remaining.size:
            break
    return Residue(peak, time)


def peak_of(residue: np.ndarray, dt: float, wrap: bool) -> Residue:
    """Return the largest sample of residue[n, m] and its time, by a parabola through the neighbors.

    With ``wrap``, the second half of the samples are negative times.
    """
    n, m = residue.shape
    peak_index = residue.argmax(axis=1)
    row, samples = m * np.arange(n), residue.ravel()
    peak = samples[row + peak_index]
    before, after = (samples[row + (peak_index + k) % m] for k in (-1, 1))
    curvature = before - 2 * peak + after
    shift = np.where(curvature < 0, 0.5 * (before - after) / np.where(curvature < 0, curvature, 1), 0)
    if not wrap:
        shift = np.where((peak_index == 0) | (peak_index == m - 1), 0, shift)
    position = np.where(wrap & (peak_index >= m // 2), peak_index - m, peak_index) + shift
    return Residue(np.maximum(peak, 0), (position * dt).astype(np.float32))


def in_blocks(curves: np.ndarray, solve: Callable[[np.ndarray], Residue], size: int = VOXELS_PER_BLOCK) -> Residue:
    """Apply ``solve`` to curves[t, n] in blocks of ``size`` voxels and join the results."""
    curves = np.asarray(curves, np.float32)
    parts = [solve(curves[:, i : i + size]) for i in range(0, curves.shape[1], size)]
    if not parts:
        return Residue(np.zeros(0, np.float32), np.zeros(0, np.float32))
    return Residue(np.concatenate([p.peak for p in parts]), np.concatenate([p.time for p in parts]))
