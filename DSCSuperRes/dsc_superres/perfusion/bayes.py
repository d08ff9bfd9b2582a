"""Bayesian perfusion: posterior mean and standard deviation over a dictionary of transit-time models.

Each voxel is modeled as y = CBV d_k + offset + noise, with d_k an atom of the dictionary and the offset the error of
the baseline. The noise of Delta R2* grows as the signal falls, so frames are weighted by (S/S0)^2; sharing the weights
within classes of similar curves keeps this cheap. CBV and offset are integrated out in closed form, and sums over the
atoms give the posterior. A coarse grid shows where the posterior is not negligible; the fine grid is evaluated there.

The posterior often has one mode for each kind of residue, and its mean lies between them. The estimates are therefore
means of its SHARPNESS-th power, which are close to the median. The standard deviations are those of the posterior.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import maximum_filter

from dsc_superres.perfusion.dictionary import Dictionary
from dsc_superres.perfusion.frame_weights import FrameWeights
from dsc_superres.utils.parallel import parallel_map

if TYPE_CHECKING:
    import torch

VOXELS_PER_BLOCK = 256
"""Voxels per block, few enough for the likelihoods of a block to stay in the cache."""
LOWEST_LEVEL = 0.06
"""Attenuation up to which all frames have nearly the same weight."""
LEVEL_RATIO = 1.35
"""Ratio of attenuation between successive classes of curves above ``LOWEST_LEVEL``."""
RANK_TOLERANCE = 3e-4
"""Directions of the dictionary with less than this share of its norm are dropped."""
COARSE_STEPS = (2, 3, 2)
"""Steps of the coarse grid along shape, transit time and delay."""
LEAST_VARIANCE = 1e-16
"""Of a frame's attenuation; only a curve that is flat to the last digit has less."""
CURVES_PER_BLOCK = 20_000
"""Curves processed at once while their noise class is determined."""
NEGLIGIBLE = 10.0
"""Atoms with a posterior below exp(-NEGLIGIBLE) of the best one are left out."""
MAX_ATOMS = 1000
"""Atoms for one block of voxels."""
MAX_ATOMS_TIMES_VOXELS = 20_000_000
"""Atoms times voxels of a whole volume; a small volume may use all atoms."""
SHARPNESS = 3
"""Power of the posterior whose means are the estimates: 1 gives the posterior mean, a large value the mode."""
MODEL_ERROR = 8e-3
"""Share of a curve's norm by which the best atom may miss it: the grid is finite, residues are not all gamma."""

MODEL_SD = (0.01, 0.065, 0.065, 0.154)
"""Standard deviations of ln CBV, ln CBF, ln MTT and delay (s) that remain without noise; added to the posterior's.

They are due to residues between those of the dictionary, and were measured on reference objects off its grid.
"""
SD_FACTORS = (1.0, 0.96, 0.96, 0.97)
"""Factors on the posterior's standard deviations of the same four, since its prior is wider than the objects' range."""


Rows = Callable[[slice | np.ndarray], np.ndarray]
"""From columns of the curves[t, n] to these curves, float32[m, t]."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """Estimates and standard deviations, each float32[n].

    cbv, cbf          fraction and fraction per second; means of logarithms, so that MTT = cbv / cbf
    delay             s
    cbv_sd, cbf_sd, mtt_sd   relative (standard deviations of the logarithms)
    delay_sd          s
    noise             standard deviation of the attenuation at full signal
    """

    cbv: np.ndarray
    cbf: np.ndarray
    delay: np.ndarray
    cbv_sd: np.ndarray
    cbf_sd: np.ndarray
    mtt_sd: np.ndarray
    delay_sd: np.ndarray
    noise: np.ndarray


def posterior(
    attenuation: np.ndarray,
    atoms: Dictionary,
    *,
    model_error: float = MODEL_ERROR,
    frames: FrameWeights | None = None,
    scale: float = 1.0,
) -> Posterior:
    """Return the posterior of attenuation[t, n] = -ln(S/S0) under ``atoms`` computed from the arterial attenuation.

    The attenuation is ``scale`` times what is given, which is never copied as a whole: it may fill half the memory.
    ``model_error`` is the share of a curve's norm by which the best atom may miss it; ``frames`` is how the frames
    count, all alike by default.
    """
    frames = frames or FrameWeights(np.ones(len(attenuation)), 1.0, 0.0, np.ones(len(attenuation), bool))
    count = attenuation.shape[1]

    def rows(columns: slice | np.ndarray) -> np.ndarray:
        """float32[m, t]: some of the curves."""
        return np.multiply(attenuation[:, columns].T, np.float32(scale), order="C", dtype=np.float32)

    _, values, basis = np.linalg.svd(_thin_rows(atoms.curves, 1500), full_matrices=False)
    basis = basis[values > RANK_TOLERANCE * values[0]]
    coordinates = atoms.curves @ basis.T
    classes, weights = noise_classes(rows, count, basis[:10])
    max_atoms = max(MAX_ATOMS, MAX_ATOMS_TIMES_VOXELS // max(count, 1))
    result = np.zeros((8, count), np.float32)
    for k, weight in enumerate(weights):
        members = np.flatnonzero(classes == k)
        if members.size:
            fit = _Fit(weight * frames.weight, model_error, frames.frames_per_measurement, max_atoms)
            result[:, members] = _class_posterior(rows, members, atoms, coordinates, basis, fit)
    return Posterior(*result)


def noise_classes(rows: Rows, count: int, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the class of each of ``count`` curves, int[n], and the frame weights exp(-2 y) of classes, float64[c, t].

    Curves are smoothed by the leading directions basis[r, t] of the dictionary; otherwise the weights would follow the
    noise. A class contains curves of similar height, split into thirds by their center of gravity in time.
    """
    spans = _spans(count)
    height, center = np.empty(count, np.float32), np.empty(count, np.float32)
    for span in spans:
        smooth = _smooth(rows(span), basis)
        height[span] = smooth.max(axis=1)
        center[span] = (smooth @ np.arange(basis.shape[1], dtype=np.float32)) / np.maximum(smooth.sum(axis=1), 1e-30)
    level = np.floor(np.log(np.maximum(height, LOWEST_LEVEL) / LOWEST_LEVEL) / np.log(LEVEL_RATIO)).astype(int)
    classes, kinds = np.zeros(count, int), 0
    for each in np.unique(level):
        members = np.flatnonzero(level == each)
        subclass = np.searchsorted(np.quantile(center[members], (1 / 3, 2 / 3)), center[members]) if each > 0 else 0
        classes[members] = kinds + subclass
        kinds += 3 if each > 0 else 1
    total = np.zeros((kinds, basis.shape[1]))
    for span in spans:
        block = rows(span)
        for k in np.unique(classes[span]):
            total[k] += _smooth(block[classes[span] == k], basis).sum(axis=0, dtype=np.float64)
    mean = total / np.maximum(np.bincount(classes, minlength=kinds), 1)[:, None]
    return classes, np.exp(-2 * mean)


def _spans(count: int) -> list[slice]:
    return [slice(first, min(first + CURVES_PER_BLOCK, count)) for first in range(0, count, CURVES_PER_BLOCK)]


def _smooth(y: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Project curves onto the basis and limit them to plausible attenuations."""
    return np.clip((y @ basis.T) @ basis, 0, 2.5)


def _thin_rows(rows: np.ndarray, max_rows: int) -> np.ndarray:
    """Return at most ``max_rows`` evenly spaced rows."""
    return rows[:: max(1, -(-len(rows) // max_rows))]


@dataclass(frozen=True, eq=False)
class _Fit:
    """What curves of one class share: frame weights[t], errors of the model and of frames, and the cost allowed."""

    weight: np.ndarray
    model_error: float
    frames_per_measurement: float
    max_atoms: int


def _class_posterior(
    rows: Rows, members: np.ndarray, atoms: Dictionary, coordinates: np.ndarray, basis: np.ndarray, fit: _Fit
) -> np.ndarray:
    """Return the fields of ``Posterior``, float32[8, n], for the curves ``members``, int[n], of one class."""
    import torch

    weight = fit.weight
    directions, triangle = np.linalg.qr(_whiten(basis, weight).T)
    table = coordinates @ triangle.T.astype(np.float32)
    norm = np.maximum(np.linalg.norm(table, axis=1), 1e-12)
    table = torch.from_numpy(np.ascontiguousarray((table / norm[:, None]).T))
    features, sharpened = (torch.from_numpy(part) for part in _weighted_features(atoms, norm))
    energy, projected = np.empty(len(members), np.float32), np.empty((len(members), len(triangle)), np.float32)
    for span in _spans(len(members)):
        whitened = _whiten(rows(members[span]), weight)
        energy[span] = np.einsum("nt,nt->n", whitened, whitened)
        projected[span] = whitened @ directions.astype(np.float32)
    freedom = max(len(weight) - 5, 3)
    coarse = _coarse_atoms(atoms.grid.shape)
    table_coarse = table[:, torch.from_numpy(coarse.ravel())].contiguous()
    best, best_atom = _best_coarse_atoms(projected, table_coarse)
    noise = np.maximum(energy - best**2, 0) / freedom * fit.frames_per_measurement
    variance = np.maximum(noise + (fit.model_error * best) ** 2, LEAST_VARIANCE)
    order = _neighbor_order(best_atom, coarse.shape)
    result = np.empty((8, len(members)), np.float32)

    def average(chunk: np.ndarray) -> Iterator[None]:
        scale = np.sqrt(0.5 / variance[chunk]).astype(np.float32)
        block = torch.from_numpy(projected[chunk] * scale[:, None])
        plausible = torch.from_numpy(_plausible_atoms(block, table_coarse, coarse, atoms.grid.shape, fit.max_atoms))
        size = torch.from_numpy(scale * np.float32(norm.mean()))
        moments = _moments(block, table[:, plausible], features[plausible], sharpened[plausible], size)
        result[:, chunk] = np.concatenate([moments.numpy(), np.sqrt(variance[chunk])[None]])
        yield

    for _ in parallel_map(average, [order[i : i + VOXELS_PER_BLOCK] for i in range(0, len(members), VOXELS_PER_BLOCK)]):
        pass
    return result


def _whiten(rows: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Scale rows [n, t] by the root of weight[t] and remove their weighted mean: white noise without offset."""
    root = np.sqrt(weight).astype(rows.dtype)
    white = rows * root
    white -= np.outer(white @ root, root / (root @ root))
    return white


def _weighted_features(atoms: Dictionary, norm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the quantities to average: float32[k, 8] weighted by the prior, float32[k, 4] by its SHARPNESS-th power.

    The columns are 1, ln 1/norm, ln MTT and delay, and in the first array their second moments. The prior includes
    1/norm from the integral over CBV.
    """
    prior = np.exp(atoms.log_prior) * norm.mean() / norm
    prior /= prior.max()
    log_size, mtt, delay = -np.log(norm / norm.mean()), np.log(atoms.mtt), atoms.delay
    columns = np.stack([np.ones_like(mtt), log_size, mtt, delay, log_size**2, mtt**2, log_size * mtt, delay**2], axis=1)
    plain, sharpened = columns * prior[:, None], columns[:, :4] * prior[:, None] ** SHARPNESS
    return plain.astype(np.float32), sharpened.astype(np.float32)


def _coarse_atoms(shape: tuple[int, int, int]) -> np.ndarray:
    """Return the indices of the atoms of the coarse grid, int[a, b, c]."""
    return np.arange(np.prod(shape)).reshape(shape)[:: COARSE_STEPS[0], :: COARSE_STEPS[1], :: COARSE_STEPS[2]]


def _best_coarse_atoms(projected: np.ndarray, table: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest amplitude of each voxel and the coarse atom that attains it."""
    import torch

    best, best_atom = np.empty(len(projected), np.float32), np.empty(len(projected), np.int64)

    def largest(span: slice) -> Iterator[None]:
        maximum = (torch.from_numpy(projected[span]) @ table).max(dim=1)
        best[span], best_atom[span] = maximum.values.numpy(), maximum.indices.numpy()
        yield

    for _ in parallel_map(
        largest, [slice(i, i + VOXELS_PER_BLOCK) for i in range(0, len(projected), VOXELS_PER_BLOCK)]
    ):
        pass
    return np.maximum(best, 1e-30), best_atom


def _plausible_atoms(
    block: torch.Tensor, table: torch.Tensor, coarse: np.ndarray, shape: tuple[int, int, int], max_atoms: int
) -> np.ndarray:
    """Return the atoms that may matter to any voxel of the block, with a margin of one coarse step, int[m].

    Where the posterior is wide, there are many, and every second or third is sufficient.
    """
    amplitude = block @ table
    best = amplitude.amax(dim=1, keepdim=True)
    limit = (best.clamp_min(0) ** 2 - NEGLIGIBLE).clamp_min(0).sqrt()
    # Includes the best atom even if no atom correlates positively with the curve.
    plausible = (amplitude >= limit.minimum(best - 0.001 * best.abs())).any(dim=0).numpy().reshape(coarse.shape)
    plausible = maximum_filter(plausible, size=(3, 3, 3))
    for axis, step in enumerate(COARSE_STEPS):
        plausible = np.repeat(plausible, step, axis=axis)
    plausible = plausible[: shape[0], : shape[1], : shape[2]]
    for steps in ((1, 1), (2, 1), (3, 1), (3, 2)):
        thinned = np.zeros_like(plausible)
        thinned[:, :: steps[0], :: steps[1]] = plausible[:, :: steps[0], :: steps[1]]
        atom_indices = np.flatnonzero(thinned)
        if len(atom_indices) <= max_atoms:
            break
    return atom_indices


def _moments(
    block: torch.Tensor, table: torch.Tensor, features: torch.Tensor, sharpened: torch.Tensor, scale: torch.Tensor
) -> torch.Tensor:
    """Return estimates and standard deviations, float32[7, n], of projected curves block[n, r] in units of noise."""
    amplitude = (block @ table).clamp_min_(0)
    best = amplitude.amax(dim=1, keepdim=True).clamp_min(1e-6)
    # A difference of squares would lose the precision of float32.
    weight = (amplitude - best).mul_(amplitude + best)
    # Denormal numbers are a hundred times slower, also as power of a weight.
    weight.clamp_min_(-80 / SHARPNESS).exp_()
    total, sharpened_total = weight @ features, weight.pow(SHARPNESS) @ sharpened
    height = (weight.mul_(amplitude) @ features[:, 0]) / total[:, 0]
    return _summary(total / total[:, :1], sharpened_total / sharpened_total[:, :1], height.clamp_min(1e-6), scale)


def _summary(mean: torch.Tensor, sharpened: torch.Tensor, height: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Return estimates and standard deviations, float32[7, n], from means of the features.

    ``mean`` [n, 8] is taken over the posterior, ``sharpened`` [n, 4] over its power; ``height`` is the amplitude in
    units of its noise.
    """
    import torch

    amplitude_variance = 0.5 / height**2
    log_cbv = torch.log(height / scale) + sharpened[:, 1]
    size_variance = mean[:, 4] - mean[:, 1] ** 2
    mtt_variance = mean[:, 5] - mean[:, 2] ** 2
    covariance = mean[:, 6] - mean[:, 1] * mean[:, 2]
    delay_variance = mean[:, 7] - mean[:, 3] ** 2
    variances = torch.stack(
        [
            size_variance + amplitude_variance,
            size_variance + mtt_variance - 2 * covariance + amplitude_variance,
            mtt_variance,
            delay_variance,
        ]
    )
    factors, model_sd = torch.tensor(SD_FACTORS)[:, None], torch.tensor(MODEL_SD)[:, None]
    sd = (factors**2 * variances.clamp_min(0) + model_sd**2).sqrt()
    return torch.cat([torch.stack([log_cbv.exp(), (log_cbv - sharpened[:, 2]).exp(), sharpened[:, 3]]), sd])


def _neighbor_order(best_atom: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Return an order of the voxels, int[n], that puts similar delays, transit times and shapes into one block."""
    shapes, mtt, delay = np.unravel_index(best_atom, shape)
    return np.lexsort((shapes, mtt, delay))
