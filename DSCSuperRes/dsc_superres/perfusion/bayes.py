"""Bayesian perfusion: the posterior over a dictionary of transit-time models, with its mean and standard deviation.

Each voxel is y = CBV d_k + offset + noise, with d_k an atom of the dictionary and the offset the error of the baseline.
The noise of Delta R2* grows as the signal falls, so frames are weighted by (S/S0)^2: a weight per class of similar
curves keeps that cheap. CBV and offset are integrated out in closed form; sums over atoms give the posterior.
A coarse grid tells first where the posterior can be; the fine grid is evaluated only there.
The posterior often has several modes, one per kind of residue, and its mean lies between them. The estimates are the
means of its SHARPNESS-th power, which are near the median; the standard deviations are those of the posterior itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import maximum_filter

from dsc_superres.perfusion.dictionary import Dictionary
from dsc_superres.utils.parallel import parallel_map

if TYPE_CHECKING:
    import torch

VOXELS_PER_BLOCK = 256
"""Voxels per block: its block of likelihoods stays in the cache."""
LOWEST_LEVEL = 0.06
LEVEL_RATIO = 1.35
"""Attenuation up to which all frames weigh alike, and the ratio between classes of curves above it."""
RANK_TOLERANCE = 3e-4
"""Directions of the dictionary that carry less than this share of its norm are dropped."""
COARSE_STEPS = (2, 3, 2)
"""Steps of the coarse grid along shape, transit time and delay."""
CURVES_PER_BLOCK = 20_000
"""Curves that are looked at in one go while their noise is estimated."""
NEGLIGIBLE = 10.0
"""Atoms whose posterior is less than exp(-NEGLIGIBLE) of the best one's are left out."""
MAX_ATOMS = 1000
MAX_ATOMS_TIMES_VOXELS = 20_000_000
"""Atoms for one block of voxels, and atoms times voxels of a whole small volume, which can afford all atoms."""
SHARPNESS = 3
"""Power of the posterior whose means are the estimates: 1 gives its own mean, a large one its mode."""
MODEL_ERROR = 8e-3
"""Share of a curve's height by which the best atom may miss it: the grid is finite, residues are not all gamma."""

MODEL_SD = (0.01, 0.065, 0.065, 0.154)
"""Standard deviations of ln CBV, ln CBF, ln MTT and delay (s) that remain without noise, from residues between those of
the dictionary; added to the posterior's. Measured on reference objects with residues and delays off its grid."""
SD_FACTORS = (1.0, 0.96, 0.96, 0.97)
"""Factor on the posterior's own standard deviations of the same four: its prior is wider than the objects are."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """Estimates and standard deviations, float32[n].

    cbv, cbf are fractions and fractions per second; means are of logarithms, so that MTT = cbv/cbf.
    cbv_sd, cbf_sd, mtt_sd are relative (standard deviations of the logarithm); delay_sd in s.
    noise is the standard deviation of the attenuation at full signal.
    """

    cbv: np.ndarray
    cbf: np.ndarray
    delay: np.ndarray
    cbv_sd: np.ndarray
    cbf_sd: np.ndarray
    mtt_sd: np.ndarray
    delay_sd: np.ndarray
    noise: np.ndarray


def posterior(attenuation: np.ndarray, atoms: Dictionary) -> Posterior:
    """The posterior of attenuation[t, n] = -ln(S/S0) under ``atoms`` made from the arterial attenuation."""
    y = np.ascontiguousarray(np.asarray(attenuation, np.float32).T)
    _, values, basis = np.linalg.svd(_thin_rows(atoms.curves, 1500), full_matrices=False)
    basis = basis[values > RANK_TOLERANCE * values[0]]
    coordinates = atoms.curves @ basis.T
    classes, weights = noise_classes(y, basis[:10])
    max_atoms = max(MAX_ATOMS, MAX_ATOMS_TIMES_VOXELS // max(len(y), 1))
    result = np.zeros((8, len(y)), np.float32)
    for k, weight in enumerate(weights):
        members = np.flatnonzero(classes == k)
        if members.size:
            result[:, members] = _class_posterior(y[members], atoms, coordinates, basis, weight, max_atoms)
    return Posterior(*result)


def noise_classes(y: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Class int[n] of each curve y[n, t], and the frame weights float64[c, t] of each class: exp(-2 y).

    Curves are smoothed by the leading directions basis[r, t] of the dictionary, else weights would follow the noise.
    A class holds curves of like height, a third of them by the time of their centre of gravity.
    """
    spans = [slice(first, first + CURVES_PER_BLOCK) for first in range(0, len(y), CURVES_PER_BLOCK)]
    height, center = np.empty(len(y), np.float32), np.empty(len(y), np.float32)
    for span in spans:
        smooth = _smooth(y[span], basis)
        height[span] = smooth.max(axis=1)
        center[span] = (smooth @ np.arange(y.shape[1], dtype=np.float32)) / np.maximum(smooth.sum(axis=1), 1e-30)
    level = np.floor(np.log(np.maximum(height, LOWEST_LEVEL) / LOWEST_LEVEL) / np.log(LEVEL_RATIO)).astype(int)
    classes, count = np.zeros(len(y), int), 0
    for each in np.unique(level):
        members = np.flatnonzero(level == each)
        subclass = np.searchsorted(np.quantile(center[members], (1 / 3, 2 / 3)), center[members]) if each > 0 else 0
        classes[members] = count + subclass
        count += 3 if each > 0 else 1
    total = np.zeros((count, y.shape[1]))
    for span in spans:
        for k in np.unique(classes[span]):
            total[k] += _smooth(y[span][classes[span] == k], basis).sum(axis=0, dtype=np.float64)
    mean = total / np.maximum(np.bincount(classes, minlength=count), 1)[:, None]
    return classes, np.exp(-2 * mean)


def _smooth(y: np.ndarray, basis: np.ndarray) -> np.ndarray:
    return np.clip((y @ basis.T) @ basis, 0, 2.5)


def _thin_rows(rows: np.ndarray, max_rows: int) -> np.ndarray:
    """At most ``max_rows`` of the rows, evenly spread."""
    return rows[:: max(1, -(-len(rows) // max_rows))]


def _class_posterior(
    y: np.ndarray, atoms: Dictionary, coordinates: np.ndarray, basis: np.ndarray, weight: np.ndarray, max_atoms: int
) -> np.ndarray:
    """float32[8, n] in the order of ``Posterior`` for curves y[n, t] that share the frame weights weight[t]."""
    import torch

    directions, triangle = np.linalg.qr(_whiten(basis, weight).T)
    table = coordinates @ triangle.T.astype(np.float32)
    norm = np.maximum(np.linalg.norm(table, axis=1), 1e-12)
    table = torch.from_numpy(np.ascontiguousarray((table / norm[:, None]).T))
    features, sharpened = (torch.from_numpy(part) for part in _weighted_features(atoms, norm))
    whitened = _whiten(y, weight)
    energy = np.einsum("nt,nt->n", whitened, whitened)
    projected = whitened @ directions.astype(np.float32)
    freedom = max(y.shape[1] - 5, 3)
    coarse = _coarse_atoms(atoms.grid.shape)
    table_coarse = table[:, torch.from_numpy(coarse.ravel())].contiguous()
    best, best_atom = _best_coarse_atoms(projected, table_coarse)
    variance = np.maximum(energy - best**2, 0) / freedom + (MODEL_ERROR * best) ** 2
    order = _neighbor_order(best_atom, coarse.shape)
    result = np.empty((8, len(y)), np.float32)

    def average(chunk: np.ndarray) -> Iterator[None]:
        scale = np.sqrt(0.5 / variance[chunk]).astype(np.float32)
        block = torch.from_numpy(projected[chunk] * scale[:, None])
        plausible = torch.from_numpy(_plausible_atoms(block, table_coarse, coarse, atoms.grid.shape, max_atoms))
        size = torch.from_numpy(scale * np.float32(norm.mean()))
        moments = _moments(block, table[:, plausible], features[plausible], sharpened[plausible], size)
        result[:, chunk] = np.concatenate([moments.numpy(), np.sqrt(variance[chunk])[None]])
        yield

    for _ in parallel_map(average, [order[i : i + VOXELS_PER_BLOCK] for i in range(0, len(y), VOXELS_PER_BLOCK)]):
        pass
    return result


def _whiten(rows: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Rows [n, t] times the root of weight[t], without their weighted mean: white noise, and no offset."""
    root = np.sqrt(weight).astype(rows.dtype)
    white = rows * root
    white -= np.outer(white @ root, root / (root @ root))
    return white


def _weighted_features(atoms: Dictionary, norm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float32[k, 8]: prior, and prior times what is averaged: ln 1/norm, ln MTT, delay and their second moments.

    And float32[k, 4]: the first four with the SHARPNESS-th power of the prior. The prior holds 1/norm, from the
    integral over CBV.
    """
    prior = np.exp(atoms.log_prior) * norm.mean() / norm
    prior /= prior.max()
    log_size, mtt, delay = -np.log(norm / norm.mean()), np.log(atoms.mtt), atoms.delay
    columns = np.stack([np.ones_like(mtt), log_size, mtt, delay, log_size**2, mtt**2, log_size * mtt, delay**2], axis=1)
    plain, sharpened = columns * prior[:, None], columns[:, :4] * prior[:, None] ** SHARPNESS
    return plain.astype(np.float32), sharpened.astype(np.float32)


def _coarse_atoms(shape: tuple[int, int, int]) -> np.ndarray:
    """int[a, b, c]: indices of the atoms of the coarse grid."""
    return np.arange(np.prod(shape)).reshape(shape)[:: COARSE_STEPS[0], :: COARSE_STEPS[1], :: COARSE_STEPS[2]]


def _best_coarse_atoms(projected: np.ndarray, table: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Largest amplitude of each voxel and its coarse atom."""
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
    """int[m]: the atoms that may matter to any voxel of the block, with a margin of one coarse step.

    Where the posterior is wide they are many, and every second or third of them serves as well.
    """
    amplitude = block @ table
    best = amplitude.amax(dim=1, keepdim=True)
    limit = (best.clamp_min(0) ** 2 - NEGLIGIBLE).clamp_min(0).sqrt()
    # The best atom is always among them, also where no atom rises with the curve.
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
    """float32[7, n]: estimates and spreads for projected curves block[n, r] in units of their noise."""
    amplitude = (block @ table).clamp_min_(0)
    best = amplitude.amax(dim=1, keepdim=True).clamp_min(1e-6)
    # Not as a difference of squares: that would lose what single precision has left.
    weight = (amplitude - best).mul_(amplitude + best)
    # Denormal numbers cost a hundred times as much; the power of a weight must not become one either.
    weight.clamp_min_(-80 / SHARPNESS).exp_()
    total, sharpened_total = weight @ features, weight.pow(SHARPNESS) @ sharpened
    height = (weight.mul_(amplitude) @ features[:, 0]) / total[:, 0]
    return _summary(total / total[:, :1], sharpened_total / sharpened_total[:, :1], height.clamp_min(1e-6), scale)


def _summary(mean: torch.Tensor, sharpened: torch.Tensor, height: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """float32[7, n] from means of the features, of the posterior mean[n, 8] and of its power sharp[n, 4].

    ``height`` is the amplitude in units of its noise.
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
    """int[n]: neighbours in delay, then transit time, then shape come together, so that blocks need few atoms."""
    shapes, mtt, delay = np.unravel_index(best_atom, shape)
    return np.lexsort((shapes, mtt, delay))
