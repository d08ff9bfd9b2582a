"""Oscillation-limited SVD (Wu 2003) whose CBF does not depend on the delay.

As published, the oscillation index leaves out the bends where the circle closes, which a residue that begins at a
negative time has just there; index and peak are read at the frames, wherever the residue begins between them; and the
thresholds are steps, so that a hair's breadth in the index moves CBF by a tenth. Here bends are counted all round,
index and peak are read between the frames as well, and CBF is interpolated to where the index meets its limit.
"""

from __future__ import annotations

import numpy as np

from dsc_superres.perfusion import deconvolution as svd

FINER = 2
"""Samples of the residue for each frame."""


def steady_osvd(
    curves: np.ndarray,
    aif: np.ndarray,
    dt: float,
    limit: float = svd.OSCILLATION_LIMIT,
    step: float = svd.OSCILLATION_STEP,
) -> svd.Residue:
    """Block-circulant SVD of curves[t, n] where, between the thresholds step, 2 step .. 0.95, the index meets limit."""
    matrix = svd.circulant_matrix(aif, dt)
    inverses = [between_frames(svd.truncated_inverse(matrix, t, len(aif))) for t in np.arange(step, 0.951, step)]
    bends = [np.roll(one, FINER, 0) - 2 * one + np.roll(one, -FINER, 0) for one in inverses]
    size = svd.CHUNK // FINER
    return svd.in_chunks(curves, lambda block: _where_it_meets(inverses, bends, block.T, dt / FINER, limit), size)


def between_frames(inverse: np.ndarray) -> np.ndarray:
    """float32[FINER m, t]: inverse[m, t] (m even) with rows between its own, by trigonometric interpolation.

    On the circle that is exact for a residue whose high frequencies are cut off.
    """
    spectrum = np.fft.rfft(inverse, axis=0)
    spectrum[-1] /= 2
    return FINER * np.fft.irfft(spectrum, n=FINER * len(inverse), axis=0).astype(np.float32)


def _where_it_meets(
    inverses: list[np.ndarray], bends: list[np.ndarray], rows: np.ndarray, dt: float, limit: float
) -> svd.Residue:
    """For curves rows[n, t]: the residue of the first threshold below the limit, its peak between that and the last."""
    peak, time = np.zeros((2, len(rows)), np.float32)
    open_, ones = np.arange(len(rows)), np.ones(len(bends[0]), np.float32)
    last_peak = last_index = None
    for inverse, bend in zip(inverses, bends, strict=True):
        residue = rows[open_] @ inverse.T
        top = residue.max(axis=1)
        bent = rows[open_] @ bend.T
        index = np.abs(bent, out=bent) @ ones / (len(ones) * np.where(top > 0, top, np.inf))
        done = (index < limit) | (inverse is inverses[-1])
        found = svd.peak_of(residue[done], dt, wrap=True)
        height = found.peak
        if last_index is not None:
            fall = last_index[done] - index[done]
            way = np.clip((last_index[done] - limit) / np.where(fall > 0, fall, np.inf), 0, 1)
            height = last_peak[done] + way * (height - last_peak[done])
        peak[open_[done]], time[open_[done]] = height, found.time
        open_, last_peak, last_index = open_[~done], np.maximum(top[~done], 0), index[~done]
        if not open_.size:
            break
    return svd.Residue(peak, time)
