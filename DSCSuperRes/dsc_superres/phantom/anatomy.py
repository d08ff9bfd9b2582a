"""A labeled head with sharp tissue boundaries, derived from a template's tissue maps and different for every seed.

The tissue maps are averages over many people and therefore smooth. Individuality and sharpness are added here: the maps
are warped at several scales, sulci are cut along the folds of a random field as well as along those of the template,
and a cortical ribbon of constant thickness surrounds every sulcus.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from dsc_superres.phantom.head_grid import HeadGrid, coverage, rotation
from dsc_superres.phantom.template import Template

BACKGROUND = 0
SCALP = 1
SKULL = 2
CSF = 3
GRAY = 4
WHITE = 5
ARTERY = 6
VEIN = 7
RIM = 8
NECROSIS = 9
EDEMA = 10
CORE = 11
PENUMBRA = 12
TISSUES = {
    BACKGROUND: "background",
    SCALP: "scalp",
    SKULL: "skull",
    CSF: "csf",
    GRAY: "gray",
    WHITE: "white",
    ARTERY: "artery",
    VEIN: "vein",
    RIM: "tumor rim",
    NECROSIS: "necrosis",
    EDEMA: "edema",
    CORE: "stroke core",
    PENUMBRA: "stroke penumbra",
}
"""Name of each label."""


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A head on a fine grid.

    labels   uint8[z, y, x], keys of ``TISSUES``: content of a voxel besides fluid and large vessels
    fluid    float32[z, y, x], fraction of the voxel that is cerebrospinal fluid
    depth    float32[z, y, x], mm below the surface of the brain; negative outside
    warp     float32[3, z, y, x], template coordinates (RAS, mm) of every voxel
    linear   float64[4, 4], linear part of the warp, from patient (LPS) to template (RAS) coordinates
    """

    grid: HeadGrid
    template: Template
    labels: np.ndarray
    fluid: np.ndarray
    depth: np.ndarray
    warp: np.ndarray
    linear: np.ndarray

    def place(self, points: np.ndarray) -> np.ndarray:
        """Return the voxel indices (z, y, x) of template points float[n, 3] (RAS, mm), by iteration."""
        inverse = np.linalg.inv(self.linear)
        guess = np.asarray(points, float)
        for _ in range(8):
            index = self.grid.index(guess @ inverse[:3, :3].T + inverse[:3, 3])
            here = [ndimage.map_coordinates(c, index.T, order=1, mode="nearest") for c in self.warp]
            guess = guess + (points - np.stack(here, 1))
        return index


def build_anatomy(rng: np.random.Generator, grid: HeadGrid, template: Template) -> Anatomy:
    """Return a new head on ``grid``, derived from ``template``."""
    warp, linear = _pose(rng, grid)
    _add_displacements(rng, grid, warp, ((110.0, 2.4), (45.0, 0.7)))
    hull = template.sample("hull", warp)
    depth = _depth(grid, hull > 0.5)
    # Small displacements vanish at the surface: the outline of the brain is smooth, its sulci are not.
    _add_displacements(rng, grid, warp, ((35.0, 1.8), (18.0, 0.9), (9.0, 0.5)), np.clip(depth / 8, 0, 1))
    gray, white = (template.sample(name, warp) for name in ("gray", "white"))
    labels, fluid = _label_brain(rng, grid, warp, gray, white, hull, depth)
    _add_skull_and_scalp(rng, grid, labels, fluid, depth)
    return Anatomy(grid, template, labels, fluid, depth, warp, linear)


def _pose(rng: np.random.Generator, grid: HeadGrid) -> tuple[np.ndarray, np.ndarray]:
    """Return the template coordinates (RAS, mm) of the voxels by random pose, size and reflection, and the matrix."""
    points = grid.patient_points()
    size = rng.uniform([1 / 1.03, 1 / 1.02, 1 / 1.03], [1 / 0.93, 1 / 0.92, 1 / 0.95])
    mirror = rng.choice([-1.0, 1.0])
    linear = np.eye(4)
    linear[:3, :3] = np.diag([-mirror, -1.0, 1.0]) @ np.diag(size) @ rotation(np.radians(rng.uniform(-4, 4, 3)))
    return np.einsum("ij,j...->i...", linear[:3, :3].astype(np.float32), points), linear


def _add_displacements(rng, grid: HeadGrid, warp: np.ndarray, scales, weight: np.ndarray | float = 1.0) -> None:
    """Add random displacements, given as (wavelength, size) in mm, to ``warp``."""
    for component in warp:
        for wavelength, size in scales:
            component += np.float32(size * rng.uniform(0.6, 1.2)) * weight * grid.field(rng, wavelength)


def _depth(grid: HeadGrid, inside: np.ndarray) -> np.ndarray:
    """Return the depth below the surface of ``inside`` in mm, float32[z, y, x], computed at half the resolution.

    It is negative outside.
    """
    coarse = inside[:, ::2, ::2]
    steps = grid.steps * (1, 2, 2)
    depth = ndimage.distance_transform_edt(coarse, sampling=steps)
    depth -= ndimage.distance_transform_edt(~coarse, sampling=steps)
    return _upsample(ndimage.gaussian_filter(depth.astype(np.float32), (0.6, 1, 1)))


def _upsample(coarse: np.ndarray) -> np.ndarray:
    """Double the number of rows and columns by linear interpolation; the first ones stay in place."""
    for axis in (1, 2):
        after = np.concatenate([coarse, coarse.take([-1], axis)], axis).take(range(1, coarse.shape[axis] + 1), axis)
        pair = np.stack([coarse, (coarse + after) / 2], axis=axis + 1)
        coarse = pair.reshape(*coarse.shape[:axis], -1, *coarse.shape[axis + 1 :])
    return coarse


def _label_brain(rng, grid, warp, gray, white, hull, depth) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and fluid inside the hull: sulci first, then a ribbon of cortex around them, then the rest."""
    _, y, z = warp
    cerebellum = (z < -12 + 0.25 * (y + 55)) & (y < -36)
    deep = _ellipsoid(warp, (0, -8, 1), (37, 34, 22)) & ~cerebellum
    brain = hull > 0.5
    rough = grid.field(rng, 3.5)
    fluid, sulci = _fluid_and_sulci(
        rng, grid, white, hull, depth, hull - gray - white + 0.06 * rough, rough, deep, cerebellum
    )

    to_fluid = np.zeros(brain.shape, np.float32)
    box = ndimage.find_objects(brain.view(np.uint8))[0]
    to_fluid[box] = ndimage.distance_transform_edt(~sulci[box], sampling=grid.steps)
    ribbon = (to_fluid < rng.uniform(2.4, 3.0) + 0.3 * rough) & (white < 0.85) & (depth < 30)
    gray_islands = gray - white + 0.1 * rough > 0.45
    gray_by_map = gray + 0.05 * rough > white
    labels = np.where(np.where(deep | cerebellum, gray_by_map, ribbon | gray_islands), GRAY, WHITE).astype(np.uint8)
    labels[~brain] = BACKGROUND
    return labels, fluid * brain


def _fluid_and_sulci(
    rng, grid, white, hull, depth, fluid_map, rough, deep, cerebellum
) -> tuple[np.ndarray, np.ndarray]:
    """Return the fluid as fractions and the sulci as bool[z, y, x]: of the template, at random, and on the surface."""
    fold, folia = grid.field(rng, rng.uniform(21, 27), 0.3), grid.field(rng, 11.0, 0.3)
    cortical = ((white + 0.12 * rough < 0.55) | (depth < rng.uniform(7, 13))) & ~deep & ~cerebellum
    folded = cerebellum & (white < 0.3) & (depth < 14)
    width, narrow, limit, surface = rng.uniform(0.10, 0.20), 0.05, rng.uniform(0.26, 0.40), rng.uniform(0.55, 0.75)
    sulci = (fluid_map > limit) | (cortical & (np.abs(fold) < width)) | (hull < surface)
    fluid = np.maximum(coverage(fluid_map - limit), coverage(surface - hull))
    np.maximum(fluid, cortical * (coverage(fold + width) - coverage(fold - width)), out=fluid)
    np.maximum(fluid, folded * (coverage(folia + narrow) - coverage(folia - narrow)), out=fluid)
    return fluid, sulci


def _ellipsoid(warp: np.ndarray, center: tuple[float, ...], radii: tuple[float, ...]) -> np.ndarray:
    """Return the voxels inside an ellipsoid in template coordinates."""
    return sum(((c - np.float32(p)) / np.float32(r)) ** 2 for c, p, r in zip(warp, center, radii, strict=True)) < 1


def _add_skull_and_scalp(
    rng: np.random.Generator, grid: HeadGrid, labels: np.ndarray, fluid: np.ndarray, depth: np.ndarray
) -> None:
    """Add fluid, skull and soft tissue around the brain to ``labels`` and ``fluid``.

    Soft tissue fills hollows such as the temporal fossa.
    """
    margin = 18.0
    within_margin = -depth[:, ::2, ::2] < margin
    distance = margin - _upsample(
        ndimage.distance_transform_edt(within_margin, sampling=grid.steps * (1, 2, 2)).astype(np.float32)
    )
    uneven = 0.7 * grid.field(rng, 70.0)
    gap = 0.8 + 0.5 * uneven
    skull = gap + rng.uniform(4.5, 6.5) + uneven
    scalp = np.minimum(skull + rng.uniform(4, 8) + 0.7 * grid.field(rng, 70.0), margin - 2)
    outside = labels == BACKGROUND
    labels[outside & (distance < scalp)] = SCALP
    labels[outside & (-depth < skull)] = SKULL
    fluid += outside * coverage(gap + depth)
