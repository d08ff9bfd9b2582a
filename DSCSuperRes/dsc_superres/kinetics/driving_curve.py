"""The curve that drives all tissue curves of a series, found from many of them together.

Every tissue curve is the driving curve convolved with a residue, later by a delay. Tissue with different delays samples
the bolus at different phases, so many curves tell what happens between frames that are several seconds apart. The
driving curve need not be that of an artery: any curve from which residues and delays make all others will do. It is a
gamma variate with recirculation, the most probable one for some typical curves (a search by the cross-entropy method,
Rubinstein 1999), which then gives way where many curves ask for another shape: least squares for the shared curve, with
the posterior mean of each residue, in turns.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import fft

from dsc_superres.kinetics.residues import SHAPES, cell_shares, log_prior
from dsc_superres.perfusion.arterial_evidence import brightest, without_offset
from dsc_superres.perfusion.gamma_variate import GammaVariate

Curve = Callable[[np.ndarray], np.ndarray]

STEP = 0.25
"""Time step of the search in s."""
LEAD, TAIL = 10.0, 5.0
"""Time in s by which curves begin before the first and end after the last frame."""
SEARCH_CURVES, CURVES = 120, 400
"""Tissue curves for the search, and for the refinement."""
BRIGHT_SHARE = 0.7
"""Share of the tissue, by height over noise, from which they are taken."""
SEARCHES = 3
"""Driving curves that are sought."""
SEARCH_MTT, SEARCH_DELAYS = np.geomspace(0.8, 20, 9), np.arange(-4, 8.1, 0.6)
"""Mean transit times and delays of the search, s."""
EVIDENCE_POWER = 0.3
"""Of the tissue's evidence: errors of its model are common to many curves."""
ERROR_SHARE = 0.03
"""Share of a curve's norm by which each of its frames may miss the model."""
CENTER = np.array([-3.0, np.log(2.8), np.log(3.0), 0.5, 9.5, np.log(25.0)])
"""Prior means: peak time (s, after the peak of the mean curve), ln width, ln alpha, recirculation, its delay (s), ln
dispersion."""
SPREAD = np.array([3.0, 0.4, 0.5, 0.4, 2.5, 0.8])
LOWER = np.array([-12.0, np.log(1.0), np.log(0.8), 0.0, 3.0, np.log(3.0)])
UPPER = np.array([6.0, np.log(9.0), np.log(15.0), 2.5, 25.0, np.log(300.0)])
ROUNDS, POPULATION, ELITE = 8, 40, 12
"""Of the search: rounds, candidates in each, and the best from which the next are drawn."""
MAX_ATTENUATION = 2.5
"""Attenuation above which the noise of a frame grows no more."""
REFINE_STEP = 0.5
"""Time step of the refined curve in s."""
REFINE_MTT, REFINE_DELAYS = np.geomspace(0.4, 26, 14), np.arange(-5, 10.1, 1.0)
REFINE_ROUNDS = 3
GIVE, GIVE_FLOOR, GIVE_TIME = 0.15, 0.05, 3.0
"""How far the refined curve may differ: a share of its value (at least that of the floor's share of the peak) with a
correlation time in s."""


def driving_curves(times: np.ndarray, attenuation: np.ndarray, noise: np.ndarray, peak: float) -> list[Curve]:
    """Return several driving curves as functions of time (s), up to a factor: where they differ, they are uncertain.

    ``attenuation`` [t, n] are tissue curves at times[t] (s), ``noise`` [n] their standard deviations at full signal,
    and ``peak`` (s) is when their mean is highest. Each driving curve comes from a search of its own in other curves.
    """
    chosen = brightest(attenuation, noise, BRIGHT_SHARE, CURVES)
    curves, noise = np.asarray(attenuation[:, chosen], np.float64), np.asarray(noise[chosen], np.float64)
    stride = max(1, curves.shape[1] // SEARCH_CURVES)
    grid = np.arange(times[0] - LEAD, times[-1] + TAIL, REFINE_STEP)
    kernels = _kernels(times, grid)
    found = []
    for seed in range(SEARCHES):
        part = slice(seed % stride, None, stride)
        search = _Search(times, curves[:, part], noise[part], peak)
        found.append(_refined(search.best(seed), times, curves, noise, grid, kernels))
    return found


class _Search:
    """The evidence of curves[t, n] under gamma variates, and the search for the best of these."""

    def __init__(self, times: np.ndarray, curves: np.ndarray, noise: np.ndarray, peak: float) -> None:
        self.grid = np.arange(times[0] - LEAD, times[-1] + TAIL, STEP)
        kernels = np.concatenate([cell_shares(shape, SEARCH_MTT, STEP, len(self.grid)) for shape in SHAPES])
        self.size = fft.next_fast_len(2 * len(self.grid), real=True)
        self.kernels = fft.rfft(kernels, self.size)
        place = (times - SEARCH_DELAYS[:, None] - 0.5 * STEP - self.grid[0]) / STEP  # the mean of a cell is its middle
        self.lower = np.clip(place.astype(int), 0, len(self.grid) - 2)
        self.fraction = place - self.lower
        self.log_prior = log_prior(SEARCH_MTT, SEARCH_DELAYS).ravel()[:, None]
        self.root = np.exp(-curves.mean(axis=1).clip(0, MAX_ATTENUATION))
        self.y = without_offset(curves.T, self.root).T
        self.energy = np.einsum("tn,tn->n", self.y, self.y)
        self.variance = noise**2 + ERROR_SHARE**2 * self.energy
        shift = np.array([peak, 0, 0, 0, 0, 0])
        self.center, self.bounds = CENTER + shift, (LOWER + shift, UPPER + shift)

    def best(self, seed: int) -> Curve:
        """Return the most probable curve."""
        random = np.random.default_rng(seed)
        mean, spread = self.center, np.diag(SPREAD)
        found, scores = np.zeros((0, len(CENTER))), np.zeros(0)
        ranks = np.log(ELITE + 1.5) - np.log(np.arange(1, ELITE + 1))
        for _ in range(ROUNDS):
            drawn = np.clip(mean + random.normal(size=(POPULATION, len(CENTER))) @ spread.T, *self.bounds)
            found = np.concatenate([found, drawn])
            scores = np.concatenate([scores, [self._score(parameters) for parameters in drawn]])
            elite = found[np.argsort(-scores, kind="stable")[:ELITE]]
            mean = ranks / ranks.sum() @ elite
            apart = elite - mean
            covariance = 1.5 * (apart * (ranks / ranks.sum())[:, None]).T @ apart
            spread = np.linalg.cholesky(covariance + np.diag((0.02 * SPREAD) ** 2))
        values = self._gamma_variate(found[np.argmax(scores)])
        return lambda t: np.interp(t, self.grid, values)

    def _score(self, parameters: np.ndarray) -> float:
        prior = -0.5 * float(np.sum(((parameters - self.center) / SPREAD) ** 2))
        return EVIDENCE_POWER * self._evidence(self._gamma_variate(parameters)) + prior

    def _gamma_variate(self, p: np.ndarray) -> np.ndarray:
        """Return first pass (height 1) and recirculation on the grid."""
        return GammaVariate.with_top(p[0], np.exp(p[1]), np.exp(p[2]), p[3], p[4], np.exp(p[5]))(self.grid)

    def _evidence(self, driving: np.ndarray) -> float:
        """Return the log evidence up to a constant; the height of each curve is the most probable one."""
        full = fft.irfft(fft.rfft(driving, self.size) * self.kernels, self.size)[:, : len(self.grid)]
        atoms = full[:, self.lower] * (1 - self.fraction) + full[:, self.lower + 1] * self.fraction
        white = without_offset(atoms.reshape(-1, len(self.root)), self.root)
        norm = np.sqrt(np.sum(white**2, axis=1, keepdims=True)) + 1e-12
        height = np.maximum((white / norm) @ self.y, 0)
        log = (height**2 - self.energy) / (2 * self.variance) + self.log_prior
        highest = log.max(axis=0)
        return float(np.sum(highest + np.log(np.sum(np.exp(log - highest), axis=0))))


def _refined(
    start: Curve, times: np.ndarray, curves: np.ndarray, noise: np.ndarray, grid: np.ndarray, kernels: np.ndarray
) -> Curve:
    """Return the curve after ``REFINE_ROUNDS`` of posterior residues and least squares, from curves[t, n].

    ``kernels`` are those of ``_kernels`` at ``times`` on the ``grid``, the same for all searches.
    """
    prior = start(grid)
    priors = log_prior(REFINE_MTT, REFINE_DELAYS).ravel()[:, None]
    typical = np.median(curves, axis=1)
    height = float(np.median(curves.max(axis=0)))
    variance = (np.median(noise) * np.exp(typical.clip(0, MAX_ATTENUATION))) ** 2
    variance += (0.02 * np.maximum(typical, 0.1 * height)) ** 2
    give = GIVE * np.maximum(prior, GIVE_FLOOR * prior.max())
    apart = (grid[:, None] - grid) / GIVE_TIME
    freedom = np.outer(give, give) * np.exp(-0.5 * apart**2) + 1e-6 * prior.max() ** 2 * np.eye(len(grid))
    stiffness = np.linalg.inv(freedom)
    current = prior
    for _ in range(REFINE_ROUNDS):
        ramp = np.interp(times, grid, np.cumsum(current))
        ramp = 0.1 * height * ramp / ramp[-1]
        white = np.linalg.inv(np.linalg.cholesky(np.diag(variance) + 1e-3 + np.outer(ramp, ramp)))
        atoms = (kernels @ current) @ white.T
        norm = np.sqrt(np.sum(atoms**2, axis=1, keepdims=True)) + 1e-12
        y = white @ curves
        amplitude = np.maximum((atoms / norm) @ y, 0)
        log = 0.5 * amplitude**2 + priors
        share = np.exp(log - log.max(axis=0))
        weight = (share / share.sum(axis=0)) * amplitude / norm
        shapes = (weight.T @ kernels.reshape(len(kernels), -1)).reshape(-1, *kernels.shape[1:])
        rows = np.matmul(white, shapes)
        flat = rows.reshape(-1, len(grid))
        normal = EVIDENCE_POWER * flat.T @ flat
        wanted = EVIDENCE_POWER * flat.T @ (y.T.ravel() - flat @ prior)
        current = np.maximum(prior + np.linalg.solve(normal + stiffness, wanted), 0)
    return lambda t: np.interp(t, grid, current)


def _kernels(times: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return what each cell of the grid contributes to each frame, float64[atoms, t, grid]."""
    lags = REFINE_STEP * (np.arange(2 * len(grid)) + 1)
    found = []
    for shape in SHAPES:
        filled = np.cumsum(cell_shares(shape, REFINE_MTT, REFINE_STEP, len(lags)), axis=1)
        for row in filled:
            for delay in REFINE_DELAYS:
                end = times[:, None] - grid - delay + 0.5 * REFINE_STEP
                up, down = (np.interp(x, np.append(0, lags), np.append(0, row)) for x in (end, end - REFINE_STEP))
                found.append(up - down)
    return np.array(found)
