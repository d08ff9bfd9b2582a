"""How probable tissue curves are under an arterial curve: the evidence of a small dictionary made from it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import fft
from scipy.special import logsumexp, softmax

from dsc_superres.perfusion.bolus import curve_noise
from dsc_superres.perfusion.dictionary import residue

STEP = 0.2
"""Time step of the convolution in s."""
LEAD, TAIL = 12.0, 5.0
"""Time in s by which the grid begins before the first and ends after the last frame: more than any delay."""
CURVES = 150
"""Tissue curves that are looked at."""
BRIGHT_SHARE = 0.6
"""Share of the tissue, by height over noise, from which they are taken."""
TISSUE_ERROR = 0.03
"""Share of a tissue curve's norm by which each of its frames may miss the small dictionary."""
MAX_ATTENUATION = 2.5
"""Attenuation above which frames have no less weight."""
SHAPES = (1.0, 2.5, 50.0)
SHAPE_PRIOR = (2.5, 2.0, 2.7)
MTT = np.geomspace(1.5, 18, 12)
DELAYS = np.arange(-4, 8.01, 0.4)
"""The small dictionary. Delays have no prior: a later artery with earlier tissue looks the same."""


class TissueEvidence:
    """The evidence of curves[t, n], attenuations at times[t] (s) with noise[n] at full signal."""

    def __init__(self, times: np.ndarray, curves: np.ndarray, noise: np.ndarray) -> None:
        self.grid = np.arange(times[0] - LEAD, times[-1] + TAIL, STEP)
        lag = STEP * np.arange(len(self.grid))
        kernels = np.concatenate([residue(shape, lag / MTT[:, None]) / MTT[:, None] for shape in SHAPES])
        kernels[:, 0] *= 0.5  # trapezoidal rule
        self.size = fft.next_fast_len(2 * len(self.grid), real=True)
        self.kernels = fft.rfft(STEP * kernels, self.size)
        self.places = self._places(times)
        prior = np.log(SHAPE_PRIOR)[:, None] - 0.5 * np.log(MTT / 6.0) ** 2
        self.log_prior = np.repeat(prior.ravel(), len(DELAYS))[:, None]
        self.root = np.exp(-curves.mean(axis=1).clip(0, MAX_ATTENUATION))
        self.y = self._whitened(curves.T).T
        self.energy = np.einsum("tn,tn->n", self.y, self.y)
        self.variance = noise**2 + TISSUE_ERROR**2 * self.energy

    def of(self, artery: Callable[[np.ndarray], np.ndarray]) -> float:
        """Return the log evidence up to a constant, with volume and offset of each curve integrated out."""
        amplitude, _norm = self._amplitude(self._atoms(self._responses(artery), self.places))
        return float(np.sum(logsumexp(self._log_weight(amplitude), axis=0)))

    def predicted(
        self, artery: Callable[[np.ndarray], np.ndarray], times: np.ndarray, curves: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and variance, float64[m, n], of what ``curves``, those of this evidence, are at times[m] (s)."""
        responses = self._responses(artery)
        atoms, elsewhere = self._atoms(responses, self.places), self._atoms(responses, self._places(times))
        amplitude, norm = self._amplitude(atoms)
        weight = softmax(self._log_weight(amplitude), axis=0)
        share = self.root**2 / np.sum(self.root**2)
        shapes, volume = elsewhere - (atoms @ share)[:, None], amplitude / norm
        mean, square = shapes.T @ (weight * volume), (shapes**2).T @ (weight * (volume**2 + self.variance / norm**2))
        return mean + share @ curves, np.maximum(square - mean**2, 0)

    def _amplitude(self, atoms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how much of each atom[k, t] of norm 1 is in each curve, float64[k, n], and their norms [k, 1]."""
        white = self._whitened(atoms)
        norm = np.linalg.norm(white, axis=1, keepdims=True) + 1e-12
        return np.maximum((white / norm) @ self.y, 0), norm

    def _log_weight(self, amplitude: np.ndarray) -> np.ndarray:
        """Return the log posterior of atoms with this amplitude[k, n], up to a constant of each curve."""
        return (amplitude**2 - self.energy) / (2 * self.variance) + self.log_prior

    def _responses(self, artery: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Return ``artery`` convolved with each residue, float64[r, g] on the grid."""
        arterial = fft.rfft(artery(self.grid), self.size)
        return fft.irfft(arterial * self.kernels, self.size)[:, : len(self.grid)]

    def _places(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the point of the grid before each of times[t] (s), earlier by each delay, and the share beyond it."""
        place = (times[None] - DELAYS[:, None] - self.grid[0]) / STEP
        lower = np.clip(place.astype(int), 0, len(self.grid) - 2)
        return lower, place - lower

    def _atoms(self, responses: np.ndarray, places: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """Return all atoms at these places, float64[k, t]."""
        lower, fraction = places
        atoms = responses[:, lower] * (1 - fraction) + responses[:, lower + 1] * fraction
        return atoms.reshape(-1, lower.shape[1])

    def _whitened(self, rows: np.ndarray) -> np.ndarray:
        return without_offset(rows, self.root)


def without_offset(rows: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Return rows[k, t] weighted by ``root`` [t], the signal left in each frame, and without their common offset."""
    white, direction = rows * root, root / np.linalg.norm(root)
    return white - np.outer(white @ direction, direction)


def typical_curves(tissue: np.ndarray) -> np.ndarray:
    """Return at most ``CURVES`` columns of tissue[t, n], float64, evenly spread over the brightest."""
    return np.asarray(tissue[:, typical_columns(tissue)], np.float64)


def typical_columns(tissue: np.ndarray) -> np.ndarray:
    """Return the indices of these columns."""
    step = max(1, tissue.shape[1] // (50 * CURVES))
    tissue = np.asarray(tissue[:, ::step], np.float64)
    return step * brightest(tissue, np.maximum(tail_noise(tissue), 1e-6), BRIGHT_SHARE, CURVES)


def brightest(curves: np.ndarray, noise: np.ndarray, share: float, most: int) -> np.ndarray:
    """Return the indices of at most ``most`` of curves[t, n], spread over the ``share`` highest over their noise[n]."""
    merit = np.quantile(curves, 0.9, axis=0) / noise
    count = max(int(share * len(merit)), min(most, len(merit)))
    ranked = np.sort(np.argsort(-merit, kind="stable")[:count])
    return ranked[:: max(1, len(ranked) // most)][:most]


def tail_noise(curves: np.ndarray) -> np.ndarray:
    """Return the noise of curves[t, n] at full signal: from the half of the frames that attenuate least on average."""
    quiet = np.sort(np.argsort(curves.mean(axis=1), kind="stable")[: max(len(curves) // 2, 4)])
    return curve_noise(curves[quiet])
