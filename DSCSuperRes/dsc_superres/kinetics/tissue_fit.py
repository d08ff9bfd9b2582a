"""Each voxel's curve under a driving curve: the posterior mean over residues, transit times and delays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft

from dsc_superres.kinetics.driving_curve import MAX_ATTENUATION, Curve
from dsc_superres.kinetics.residues import SHAPES, cell_shares, log_prior

STEP = 0.25
"""Time step in s of the curves."""
MTT, DELAYS = np.geomspace(0.5, 24, 15), np.arange(-5, 10.1, 0.6)
"""Mean transit times and delays of the atoms, s."""
LEAD, TAIL = 12.0, 6.0
"""Time in s by which convolutions begin before the first and end after the last frame."""
RANK_TOLERANCE = 1e-3
"""Directions of the atoms with less than this share of their norm are dropped."""
MODEL_ERROR = 0.02
"""Share of a curve's value by which an atom may miss it; below ``LOW_SHARE`` of the height, of that."""
LOW_SHARE = 0.1
BASELINE_SD = 0.03
"""Standard deviation of the logarithm of the signal before the bolus, which few frames determine."""
LEAKAGE_SHARE = 0.1
"""Standard deviation of what leaks at the end of the series, as share of a curve's height."""
CLASSES = 8
"""Curves of similar height share the weights of frames."""
CURVES_PER_BLOCK = 2000


@dataclass(frozen=True, eq=False)
class TissueFit:
    """Fitted curves, as sums of ``Atoms.functions``.

    coefficients   float32[r, n]
    misfit         float32[n]: mean square of the weighted differences from the samples, about 0.6 where all is well
    spread         float32[m, n]: posterior standard deviation of the curves at the times that were asked for
    """

    coefficients: np.ndarray
    misfit: np.ndarray
    spread: np.ndarray


class Atoms:
    """Curves from all driving curves, on a fine grid of times from the first to the last frame, times[t] in s.

    ``doubt`` [t] is the standard deviation of frames that were not measured but predicted, as share of a curve's value.
    """

    def __init__(self, driving: Sequence[Curve], times: np.ndarray, doubt: np.ndarray | None = None) -> None:
        self.times = times
        self.doubt = np.zeros(len(times)) if doubt is None else doubt
        self.grid = np.arange(times[0], times[-1] + STEP, STEP)
        fine = np.arange(times[0] - LEAD, times[-1] + TAIL, STEP)
        values = np.stack([curve(fine) for curve in driving])
        values /= values.max(axis=1, keepdims=True)
        kernels = np.concatenate([cell_shares(shape, MTT, STEP, len(fine)) for shape in SHAPES])
        size = fft.next_fast_len(2 * len(fine), real=True)
        # The mean of a cell lies half a step after its beginning.
        full = fft.irfft(fft.rfft(values, size)[:, None] * fft.rfft(kernels, size), size)[..., : len(fine)]
        place = (self.grid - DELAYS[:, None] - 0.5 * STEP - fine[0]) / STEP
        lower = np.clip(place.astype(int), 0, len(fine) - 2)
        fraction = np.clip(place - lower, 0, 1)
        curves = full[..., lower] * (1 - fraction) + full[..., lower + 1] * fraction
        self.curves = curves.reshape(-1, len(self.grid))
        self.log_prior = np.tile(log_prior(MTT, DELAYS).ravel(), len(driving))[:, None].astype(np.float32)
        ramp = np.cumsum(values.mean(axis=0)[fine >= times[0] - 0.5 * STEP][: len(self.grid)])
        self.ramp = ramp / ramp[-1]
        _, size_of, basis = np.linalg.svd(self.curves[::3], full_matrices=False)
        self.basis = basis[size_of > RANK_TOLERANCE * size_of[0]]
        self.coordinates = (self.curves @ self.basis.T).astype(np.float32)

    @property
    def rank(self) -> int:
        """Number of ``functions``."""
        return len(self.basis) + 2

    def functions(self, times: np.ndarray) -> np.ndarray:
        """Return the functions that fitted curves are sums of at ``times`` (s), float64[r, t]."""
        rows = np.concatenate([self.basis, self.ramp[None], np.ones((1, len(self.grid)))])
        return _sampled(rows, self.grid, times)

    def fit(
        self,
        attenuation: np.ndarray,
        noise: np.ndarray,
        frames: np.ndarray | None = None,
        spread_at: np.ndarray | None = None,
    ) -> TissueFit:
        """Return the fit of attenuation[t, n] with the noise[n] at full signal; of some ``frames`` (indices) only.

        ``spread_at`` [m] are the times (s) at which its posterior spread over all atoms is asked for.
        """
        frames = np.arange(len(self.times)) if frames is None else frames
        samples = _sampled(self.curves, self.grid, self.times[frames])
        ramp = _sampled(self.ramp[None], self.grid, self.times[frames])[0]
        count = attenuation.shape[1]
        coefficients = np.zeros((self.rank, count), np.float32)
        misfit = np.zeros(count, np.float32)
        between = _sampled(self.curves, self.grid, np.zeros(0) if spread_at is None else spread_at).astype(np.float32)
        spread = np.zeros((between.shape[1], count), np.float32)
        height = np.sort(attenuation, axis=0)[-3:].mean(axis=0)
        for members in np.array_split(np.argsort(height, kind="stable"), CLASSES):
            if not members.size:
                continue
            level = float(max(np.median(height[members]), 1e-3))
            curves = attenuation[np.ix_(frames, members)]
            typical = np.median(curves, axis=1)
            variance = (np.median(noise[members]) * np.exp(typical.clip(0, MAX_ATTENUATION))) ** 2
            error = np.hypot(MODEL_ERROR, self.doubt[frames])
            variance += (error * np.maximum(typical, LOW_SHARE * level)) ** 2
            leak = LEAKAGE_SHARE * level * ramp
            covariance = np.diag(variance) + BASELINE_SD**2 + np.outer(leak, leak)
            white = np.linalg.inv(np.linalg.cholesky(covariance))
            whitened = samples @ white.T
            norm = (np.sqrt(np.sum(whitened**2, axis=1, keepdims=True)) + 1e-12).astype(np.float32)
            unit = whitened.astype(np.float32) / norm
            for begin in range(0, members.size, CURVES_PER_BLOCK):
                block = slice(begin, begin + CURVES_PER_BLOCK)
                y = (white @ curves[:, block]).astype(np.float32)
                amplitude = np.maximum(unit @ y, 0)
                log = 0.5 * amplitude**2 + self.log_prior
                share = np.exp(log - log.max(axis=0))
                share /= share.sum(axis=0)
                weight = share * (amplitude / norm)
                rest = white.T @ (y - whitened.T.astype(np.float32) @ weight)
                own = members[block]
                coefficients[:-2, own] = self.coordinates.T @ weight
                coefficients[-2, own] = LEAKAGE_SHARE * level * (leak @ rest)
                coefficients[-1, own] = BASELINE_SD**2 * rest.sum(axis=0)
                misfit[own] = (np.sum(y**2, axis=0) - amplitude.max(axis=0) ** 2) / len(frames)
                if between.size:
                    square = (between**2).T @ (share * (amplitude**2 + 1) / norm**2)
                    spread[:, own] = np.sqrt(np.maximum(square - (between.T @ weight) ** 2, 0))
        return TissueFit(coefficients, misfit, spread)


def _sampled(rows: np.ndarray, grid: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return rows[k, grid] at ``times`` (s), interpolated linearly."""
    place = np.clip((np.asarray(times, float) - grid[0]) / STEP, 0, len(grid) - 1)
    lower = np.clip(place.astype(int), 0, len(grid) - 2)
    fraction = place - lower
    return rows[:, lower] * (1 - fraction) + rows[:, lower + 1] * fraction
