"""Deconvolution of tissue curves by singular value decomposition: standard, block-circulant and oscillation-limited.

All methods solve C_t = dt * A R_F for the flow-scaled residue R_F (1/s). Sources: Ostergaard 1996 (sSVD), Wu 2003
(cSVD, oSVD); matrix weights (a[k-1] + 4 a[k] + a[k+1]) / 6 after Ostergaard. CAPLEX G.DI1.002.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import toeplitz

from dsc_superres.perfusion.frame_sampling import FrameSampling

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
    """Peak of each residue (1/s, relative to the arterial curve), its time (s), and its area."""

    peak: np.ndarray
    time: np.ndarray
    area: np.ndarray


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
    """Return the pseudo-inverse of matrix[m, k] without singular values below ``threshold`` of the largest.

    Only the first ``columns`` columns are returned, float32[k, columns], since the padding of the curves is zero.
    """
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    significant = s >= threshold * s[0]
    return ((vt[significant].T / s[significant]) @ u[:, significant].T)[:, :columns].astype(np.float32)


def inverse_at_frames(
    convolution: np.ndarray, threshold: float, frames: int, sampling: FrameSampling | None = None
) -> np.ndarray:
    """Return the truncated inverse of a convolution[M, k] for curves at ``frames`` frames, float32[k, t].

    The frames lie on the grid of the convolution, or sample it as ``sampling`` says.
    """
    return truncated_inverse(convolution if sampling is None else sampling.rows(convolution), threshold, frames)


def ssvd(
    curves: np.ndarray,
    aif: np.ndarray,
    dt: float,
    threshold: float = STANDARD_THRESHOLD,
    sampling: FrameSampling | None = None,
) -> Residue:
    """Deconvolve curves[t, n] by standard truncated SVD, which is sensitive to the delay between artery and tissue.

    aif[m] is on uniform times ``dt`` s apart, those of the curves or the grid of their ``sampling``.
    """
    inverse = inverse_at_frames(standard_matrix(aif, dt), threshold, len(curves), sampling)
    return in_blocks(curves, lambda block: peak_of(block.T @ inverse.T, dt, wrap=False))


def csvd(
    curves: np.ndarray,
    aif: np.ndarray,
    dt: float,
    threshold: float = CIRCULANT_THRESHOLD,
    sampling: FrameSampling | None = None,
) -> Residue:
    """Deconvolve curves[t, n] by block-circulant truncated SVD: insensitive to delay, peak times may be negative.

    aif[m] and ``sampling`` as for ``ssvd``.
    """
    inverse = inverse_at_frames(circulant_matrix(aif, dt), threshold, len(curves), sampling)
    return in_blocks(curves, lambda block: peak_of(block.T @ inverse.T, dt, wrap=True))


def osvd(
    curves: np.ndarray,
    aif: np.ndarray,
    dt: float,
    limit: float = OSCILLATION_LIMIT,
    step: float = OSCILLATION_STEP,
    sampling: FrameSampling | None = None,
) -> Residue:
    """Deconvolve curves[t, n] by block-circulant SVD with limited oscillation.

    Each voxel uses the smallest threshold (step, 2 step .. 0.95) with an oscillation index below ``limit``.
    aif[m] and ``sampling`` as for ``ssvd``.
    """
    matrix = circulant_matrix(aif, dt)
    thresholds = np.arange(step, 0.951, step)
    inverses = [inverse_at_frames(matrix, t, len(curves), sampling) for t in thresholds]
    return in_blocks(curves, lambda block: _least_regularized(inverses, block, dt, limit))


def adaptive_threshold(
    aif: np.ndarray, dt: float, noise: float, circulant: bool = True, sampling: FrameSampling | None = None
) -> float:
    """Return the threshold with the least error of CBF for the frame interval and the noise of a series.

    ``noise`` is the standard deviation of a curve over its height. Exponential residues of 3, 6 and 12 s are convolved
    with aif[t], noise is added, and the curves are deconvolved with each threshold; the least median error of the peak
    wins. aif[m] and ``sampling`` as for ``ssvd``.
    """
    random, length = np.random.default_rng(0), len(aif)
    matrix = circulant_matrix(aif, dt) if circulant else standard_matrix(aif, dt)
    time = dt * np.arange(len(matrix))
    residues = np.stack([np.exp(-time / mtt) for mtt in (3.0, 6.0, 12.0)], axis=1)
    curves = (dt * toeplitz(aif, np.zeros(length)) @ residues[:length]).repeat(24, axis=1)
    if sampling is not None and sampling.matrix is not None:
        curves = sampling.matrix @ curves
    curves += noise * curves.max(axis=0) * random.normal(size=curves.shape)
    candidates = np.geomspace(0.02, 0.4, 16)
    inverses = [inverse_at_frames(matrix, candidate, len(curves), sampling) for candidate in candidates]
    errors = [np.median(np.abs((inverse @ curves).max(axis=0) - 1)) for inverse in inverses]
    return float(candidates[int(np.argmin(errors))])


def oscillation_index(residue: np.ndarray) -> np.ndarray:
    """Return the mean absolute second difference of residue[n, L] over its maximum, [n] (Wu 2003)."""
    peak = residue.max(axis=1)
    curvature = residue[:, 2:] - 2 * residue[:, 1:-1]
    curvature += residue[:, :-2]
    return np.abs(curvature, out=curvature).sum(axis=1) / (residue.shape[1] * np.where(peak > 0, peak, np.inf))


def _least_regularized(inverses: list[np.ndarray], block: np.ndarray, dt: float, limit: float) -> Residue:
    """Return the residue peaks of a block at the smallest threshold below the oscillation limit."""
    peak, time, area = np.zeros((3, block.shape[1]), np.float32)
    remaining = np.arange(block.shape[1])
    for step, inverse in enumerate(inverses):
        residue = block[:, remaining].T @ inverse.T
        done = oscillation_index(residue) < limit
        if step == len(inverses) - 1:
            done[:] = True
        block_peak = peak_of(residue[done], dt, wrap=True)
        chosen = remaining[done]
        peak[chosen], time[chosen], area[chosen] = block_peak.peak, block_peak.time, block_peak.area
        remaining = remaining[~done]
        if not remaining.size:
            break
    return Residue(peak, time, area)


def peak_of(residue: np.ndarray, dt: float, wrap: bool) -> Residue:
    """Return the largest sample of residue[n, m], its time, by a parabola through the neighbors, and the area.

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
    return Residue(np.maximum(peak, 0), (position * dt).astype(np.float32), residue.sum(axis=1) * np.float32(dt))


def in_blocks(curves: np.ndarray, solve: Callable[[np.ndarray], Residue], size: int = VOXELS_PER_BLOCK) -> Residue:
    """Apply ``solve`` to curves[t, n] in blocks of ``size`` voxels and join the results."""
    curves = np.asarray(curves, np.float32)
    parts = [solve(curves[:, i : i + size]) for i in range(0, curves.shape[1], size)]
    if not parts:
        return Residue(*np.zeros((3, 0), np.float32))
    return Residue(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("peak", "time", "area")))
