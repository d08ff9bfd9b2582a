"""Glioma and stroke, added to the labels of a head."""

from __future__ import annotations

import numpy as np

from dsc_superres.phantom.anatomy import (
    BACKGROUND,
    CORE,
    EDEMA,
    GRAY,
    NECROSIS,
    PENUMBRA,
    RIM,
    SCALP,
    SKULL,
    WHITE,
    Anatomy,
)

LESION_KINDS = ("glioma", "stroke", "none")
"""Kinds of lesion."""


def draw_lesion_kind(rng: np.random.Generator) -> str:
    """Draw glioma for four of five patients, as in the study that is reproduced; otherwise stroke, rarely none."""
    return str(rng.choice(LESION_KINDS, p=(0.80, 0.14, 0.06)))


def add_lesion(rng: np.random.Generator, anatomy: Anatomy, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return copies of the labels, uint8[z, y, x], and the fluid, float32[z, y, x], with a lesion of ``kind``."""
    labels, fluid = anatomy.labels.copy(), anatomy.fluid.copy()
    if kind == "glioma":
        _glioma(rng, anatomy, labels, fluid)
    elif kind == "stroke":
        _stroke(rng, anatomy, labels)
    return labels, fluid


def _glioma(rng: np.random.Generator, anatomy: Anatomy, labels: np.ndarray, fluid: np.ndarray) -> None:
    """Add an irregular ball with a vascular rim and, mostly, a necrotic core; edema spreads along white matter."""
    x, _, z = anatomy.warp
    middle_slices = np.abs(np.arange(labels.shape[0]) - labels.shape[0] / 2) < labels.shape[0] / 4
    candidates = (
        (labels == WHITE)
        & (fluid == 0)
        & (anatomy.depth > 12)
        & (np.abs(x) > 18)
        & (z > -5)
        & (z < 45)
        & middle_slices[:, None, None]
    )
    center_index = np.unravel_index(rng.choice(np.flatnonzero(candidates)), labels.shape)
    radius = rng.uniform(11, 23)
    distance = _distance(anatomy, anatomy.warp[(slice(None), *center_index)], np.ones(3))
    uneven_distance = distance + 0.14 * radius * anatomy.grid.field(rng, 26.0) + 0.5 * anatomy.grid.field(rng, 5.0)
    necrosis_radius = radius * rng.uniform(0.35, 0.7) + 0.14 * radius * anatomy.grid.field(rng, 20.0)
    edema_radius = radius + rng.uniform(5, 15) + 6 * anatomy.grid.field(rng, 30.0)
    brain = ~np.isin(labels, (BACKGROUND, SCALP, SKULL))
    solid = brain & (uneven_distance < radius)
    labels[(labels == WHITE) & (uneven_distance < edema_radius)] = EDEMA
    labels[solid] = RIM
    fluid[solid] = 0
    if radius > 13:
        labels[solid & (uneven_distance < necrosis_radius)] = NECROSIS


def _stroke(rng: np.random.Generator, anatomy: Anatomy, labels: np.ndarray) -> None:
    """Add part of the territory of one middle cerebral artery: a core inside tissue at risk."""
    side = rng.choice([-1.0, 1.0])
    center = np.array([side * 46, -8, 16]) + rng.uniform([-4, -16, -8], [4, 16, 10])
    extent = np.array([26, 40, 34]) * rng.uniform(0.7, 1.05)
    edge = 0.10 * anatomy.grid.field(rng, 24.0)
    tissue = np.isin(labels, (GRAY, WHITE)) & (side * anatomy.warp[0] > 4)
    territory = _distance(anatomy, center, extent) + edge < 1
    core_center = center - (side * rng.uniform(2, 10), 0, 0)
    core = _distance(anatomy, core_center, extent * rng.uniform(0.35, 0.6)) + 2 * edge < 1
    labels[tissue & territory] = PENUMBRA
    labels[tissue & territory & core] = CORE


def _distance(anatomy: Anatomy, center: np.ndarray, extent: np.ndarray) -> np.ndarray:
    """Return the distance from a template point in units of ``extent`` along x, y, z, float32[z, y, x]."""
    parts = (((c - np.float32(p)) / np.float32(e)) ** 2 for c, p, e in zip(anatomy.warp, center, extent, strict=True))
    return np.sqrt(sum(parts))
