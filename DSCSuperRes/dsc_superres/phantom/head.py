"""Properties of a head: relaxation, perfusion and leakage of every voxel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsc_superres.phantom import anatomy as tissue
from dsc_superres.phantom.anatomy import Anatomy

# label: proton density, T1 (s), T2* (s) at 3 T, CBF (mL/100 g/min), MTT (s)
_PROPERTIES = {
    tissue.BACKGROUND: (0.0, 1.0, 0.01, 0, 1),
    tissue.SCALP: (0.30, 0.9, 0.035, 6, 6),
    tissue.SKULL: (0.05, 0.7, 0.015, 2, 6),
    tissue.GRAY: (0.84, 1.35, 0.052, 60, 4.0),
    tissue.WHITE: (0.71, 0.85, 0.048, 22, 5.4),
    tissue.RIM: (0.86, 1.55, 0.060, 110, 5.0),
    tissue.NECROSIS: (0.95, 2.6, 0.130, 3, 8.0),
    tissue.EDEMA: (0.86, 1.6, 0.090, 14, 6.0),
    tissue.CORE: (0.84, 1.4, 0.058, 7, 8.5),
    tissue.PENUMBRA: (0.80, 1.2, 0.052, 22, 9.5),
}


@dataclass(frozen=True, eq=False)
class Head:
    """A head on the fine grid, all [z, y, x]; the units are those of ``Compartment``.

    ``labels`` (uint8) is the content of a voxel besides ``fluid``, ``artery`` and ``vein``, which are volume fractions.
    """

    labels: np.ndarray
    fluid: np.ndarray
    artery: np.ndarray
    vein: np.ndarray
    density: np.ndarray
    t1: np.ndarray
    r2star: np.ndarray
    air: np.ndarray
    cbf: np.ndarray
    mtt: np.ndarray
    delay: np.ndarray
    ktrans: np.ndarray


def build_head(
    rng: np.random.Generator,
    anatomy: Anatomy,
    labels: np.ndarray,
    fluid: np.ndarray,
    vessels: tuple[np.ndarray, np.ndarray],
) -> Head:
    """Return the properties of every voxel: typical values, varied between patients and smoothly in space."""
    grid = anatomy.grid
    table = np.zeros((len(tissue.TISSUES), 5), np.float32)
    for label, values in _PROPERTIES.items():
        table[label] = values
    table *= rng.uniform([0.96, 0.92, 0.92, 0.85, 0.9], [1.04, 1.08, 1.08, 1.15, 1.1], table.shape).astype(np.float32)
    density, t1, t2star, cbf, mtt = (column[labels] for column in table.T)

    texture = 0.6 * grid.field(rng, 12.0) + 0.6 * grid.field(rng, 3.0)
    density *= 1 + 0.02 * texture
    air = _air_gradients(rng, anatomy)
    r2star = (1 + 0.03 * grid.field(rng, 14.0)) / t2star + air
    cbf *= np.exp(0.16 * grid.field(rng, 35.0) + 0.10 * grid.field(rng, 5.0))
    mtt *= np.exp(0.10 * grid.field(rng, 35.0))
    delay = np.clip(rng.uniform(0.6, 1.2) + 0.35 * grid.field(rng, 80.0), 0, None)

    rim = labels == tissue.RIM
    patchiness = np.exp(0.35 * grid.field(rng, 7.0))
    cbf[rim] *= patchiness[rim]
    ktrans = np.where(rim, np.float32(rng.uniform(0.02, 0.25) / 60) * patchiness, 0).astype(np.float32)
    stroke = np.isin(labels, (tissue.CORE, tissue.PENUMBRA))
    stroke_delay = rng.uniform(2.5, 5) + 0.5 * patchiness
    delay[stroke] += stroke_delay[stroke]
    white = (anatomy.labels == tissue.WHITE) & stroke
    cbf[white] *= 0.5
    return Head(labels, fluid, *vessels, density, t1, r2star, air, cbf, mtt, delay, ktrans)


def _air_gradients(rng: np.random.Generator, anatomy: Anatomy) -> np.ndarray:
    """Return the R2* (1/s) added near the air of the frontal sinus and of both ears, float32[z, y, x]."""
    total = np.zeros(anatomy.labels.shape, np.float32)
    for x, y, z in ((0, 46, -26), (58, -22, -32), (-58, -22, -32)):
        radius = rng.uniform(10, 15)
        parts = ((c - np.float32(p)) ** 2 for c, p in zip(anatomy.warp, (x, y, z), strict=True))
        total += np.float32(rng.uniform(30, 90)) * np.exp(-sum(parts) / np.float32(2 * radius**2))
    return total
