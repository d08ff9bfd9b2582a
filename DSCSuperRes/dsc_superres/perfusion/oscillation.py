"""Oscillation-limited SVD (Wu 2003) whose CBF does not depend on the delay.

As published, the oscillation index leaves out the bends where the circle closes, which a residue that begins at a
negative time has just there; index and peak are read at the frames, wherever the residue begins between them; and the
thresholds are steps, so that a hair's breadth in the index moves CBF by a tenth. Here bends are counted all round,
index and peak are read between the frames as well, and CBF is interpolated to where the index meets its limit.
"""

from __future__ import annotations

import numpy as np

from dsc_superres.perfusion import deconvolution as svd

OVERSAMPLING = 2
"""Samples of the residue for each frame."""


def delay_independent_osvd(
    curves: np.ndarray,
    aif: np.ndarray,
    dt: float,
    limit: float = svd.OSCILLATION_LIMIT,
    step: float = svd.OSCILLATION_STEP,
) -> svd.Residue:
    """Block-circulant SVD of curves[t, n] where, between the thresholds step, 2 step .. 0.95, the index meets limit."""
    matrix = svd.circulant_matrix(aif, dt)
    inverses = [interpolate_rows(svd.truncated_inverse(matrix, t, len(aif))) for t in np.arange(step, 0.951, step)]
    second_differences = [
        np.roll(inverse, OVERSAMPLING, 0) - 2 * inverse + np.roll(inverse, -OVERSAMPLING, 0) for inverse in inverses
    ]
    block_size = svd.VOXELS_PER_BLOCK // OVERSAMPLING
    return svd.in_blocks(
        curves,
        lambda block: _residue_at_limit(inverses, second_differences, block.T, dt / OVERSAMPLING, limit),
        block_size,
    )


def interpolate_rows(inverse: np.ndarray) -> np.ndarray:
    """float32[FINER m, t]: inverse[m, t] (m even) with rows between its own, by trigonometric interpolation.

    On the circle that is exact for a residue whose high frequencies are cut off.
    """
    spectrum = np.fft.rfft(inverse, axis=0)
    spectrum[-1] /= 2
    return OVERSAMPLING * np.fft.irfft(spectrum, n=OVERSAMPLING * len(inverse), axis=0).astype(np.float32)


def _residue_at_limit(
    inverses: list[np.ndarray], second_differences: list[np.ndarray], rows: np.ndarray, dt: float, limit: float
) -> svd.Residue:
    """For curves rows[n, t]: the residue of the first threshold below the limit, its peak between that and the last."""
    peak, time = np.zeros((2, len(rows)), np.float32)
    remaining, ones = np.arange(len(rows)), np.ones(len(second_differences[0]), np.float32)
    last_peak = last_index = None
    for inverse, second_difference in zip(inverses, second_differences, strict=True):
        residue = rows[remaining] @ inverse.T
        height_on_grid = residue.max(axis=1)
        curvature = rows[remaining] @ second_difference.T
        index = (
            np.abs(curvature, out=curvature) @ ones / (len(ones) * np.where(height_on_grid > 0, height_on_grid, np.inf))
        )
        done = (index < limit) | (inverse is inverses[-1])
        block_peak = svd.peak_of(residue[done], dt, wrap=True)
        height = block_peak.peak
        if last_index is not None:
            fall = last_index[done] - index[done]
            fraction = np.clip((last_index[done] - limit) / np.where(fall > 0, fall, np.inf), 0, 1)
            height = last_peak[done] + fraction * (height - last_peak[done])
        peak[remaining[done]], time[remaining[done]] = height, block_peak.time
        remaining, last_peak, last_index = remaining[~done], np.maximum(height_on_grid[~done], 0), index[~done]
        if not remaining.size:
            break
    return svd.Residue(peak, time)
