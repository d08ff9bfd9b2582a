"""Oscillation-limited SVD (Wu 2003) with a CBF that does not depend on the delay.

As published, the oscillation index omits the second differences where the circle closes, which is where a residue that
begins at a negative time bends; index and peak are evaluated at the frames only, although the residue begins between
them; and the thresholds are discrete, so that a tiny change of the index changes CBF by a tenth. Here, second
differences are taken all around the circle, index and peak are evaluated between the frames as well, and CBF is
interpolated to the point where the index reaches its limit.
"""

from __future__ import annotations

import numpy as np

from dsc_superres.perfusion import deconvolution as svd
from dsc_superres.perfusion.frame_sampling import FrameSampling

OVERSAMPLING = 2
"""Samples of the residue per frame."""


def delay_independent_osvd(
    curves: np.ndarray,
    aif: np.ndarray,
    dt: float,
    limit: float = svd.OSCILLATION_LIMIT,
    step: float = svd.OSCILLATION_STEP,
    sampling: FrameSampling | None = None,
) -> svd.Residue:
    """Deconvolve curves[t, n] by block-circulant SVD with limited oscillation, independent of the delay.

    CBF is interpolated between the thresholds step, 2 step .. 0.95 to the point where the index reaches ``limit``.
    aif[m] and ``sampling`` as for ``deconvolution.ssvd``.
    """
    matrix = svd.circulant_matrix(aif, dt)
    inverses = [
        interpolate_rows(svd.inverse_at_frames(matrix, threshold, len(curves), sampling))
        for threshold in np.arange(step, 0.951, step)
    ]
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
    """Return inverse[m, t] (m even) with interpolated rows between its own, float32[OVERSAMPLING m, t].

    Trigonometric interpolation on the circle is exact for a residue without high frequencies.
    """
    spectrum = np.fft.rfft(inverse, axis=0)
    spectrum[-1] /= 2
    return OVERSAMPLING * np.fft.irfft(spectrum, n=OVERSAMPLING * len(inverse), axis=0).astype(np.float32)


def _residue_at_limit(
    inverses: list[np.ndarray], second_differences: list[np.ndarray], rows: np.ndarray, dt: float, limit: float
) -> svd.Residue:
    """Return the residues of curves rows[n, t] at the first threshold below the limit.

    The peak is interpolated between that threshold and the previous one.
    """
    peak, time, area = np.zeros((3, len(rows)), np.float32)
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
        chosen = remaining[done]
        peak[chosen], time[chosen], area[chosen] = height, block_peak.time, block_peak.area
        remaining, last_peak, last_index = remaining[~done], np.maximum(height_on_grid[~done], 0), index[~done]
        if not remaining.size:
            break
    return svd.Residue(peak, time, area)
