"""A sharp head of labels, grown on the MNI152 tissue maps that nilearn ships, different for every seed.

The maps are averages over many people and therefore smooth. Individuality and sharpness are added here: the maps
are warped at several scales, sulci are cut along the folds of a random field as well as along the template's own,
and a cortical ribbon of constant thickness is laid around every sulcus.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

from dsc_superres.phantom.grid import Grid, rotation

BACKGROUND, SCALP, SKULL, CSF, GREY, WHITE, ARTERY, VEIN, RIM, NECROSIS, OEDEMA, CORE, PENUMBRA = range(13)
TISSUES = dict(
    enumerate(
        "background,scalp,skull,csf,grey,white,artery,vein,tumour rim,necrosis,oedema,stroke core,stroke penumbra".split(
            ","
        )
    )
)


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A head on a fine grid.

    labels   uint8[z, y, x], keys of ``TISSUES``
    depth    float32[z, y, x], mm below the surface of the brain; negative outside
    warp     float32[3, z, y, x]: template coordinates (RAS, mm) of every voxel
    """

    grid: Grid
    labels: np.ndarray
    depth: np.ndarray
    warp: np.ndarray
    linear: np.ndarray

    def place(self, points: np.ndarray) -> np.ndarray:
        """Voxel indices (z, y, x) of template points float[n, 3] (RAS, mm): the warp, inverted by iteration."""
        inverse = np.linalg.inv(self.linear)
        guess = np.asarray(points, float)
        for _ in range(8):
            index = self.grid.index(guess @ inverse[:3, :3].T + inverse[:3, 3])
            here = [ndimage.map_coordinates(c, index.T, order=1, mode="nearest") for c in self.warp]
            guess = guess + (points - np.stack(here, 1))
        return index


@lru_cache(maxsize=1)
def _template() -> tuple[np.ndarray, ...]:
    """Grey, white and hull maps float32[x, y, z] of MNI152 at 1 mm, and the inverse of their affine."""
    from nilearn import datasets

    grey = datasets.load_mni152_gm_template(resolution=1)
    white = datasets.load_mni152_wm_template(resolution=1)
    mask = ndimage.binary_fill_holes(datasets.load_mni152_brain_mask(resolution=1).get_fdata() > 0)
    hull = ndimage.gaussian_filter(mask.astype(np.float32), 1.0)
    maps = [np.asarray(image.dataobj, np.float32) for image in (grey, white)]
    return *maps, hull, np.linalg.inv(grey.affine)


def hull_profile(angles: np.ndarray, lateral: float = 0.0) -> np.ndarray:
    """Template points float[n, 3] on the brain's surface in a sagittal plane, at ``angles`` (radians) from the front."""
    hull, inverse = _template()[2:]
    radii = np.arange(20, 130, 0.5)
    ray = np.stack([np.zeros_like(angles), np.cos(angles), np.sin(angles)], 1)
    points = np.array([lateral, -18.0, 5.0]) + radii[:, None, None] * ray
    inside = ndimage.map_coordinates(hull, np.moveaxis(points @ inverse[:3, :3].T + inverse[:3, 3], -1, 0), order=1)
    last = radii.size - 1 - np.argmax(inside[::-1] > 0.5, axis=0)
    return points[last, np.arange(angles.size)]


def build_anatomy(rng: np.random.Generator, grid: Grid) -> Anatomy:
    """A new head on ``grid``."""
    warp, linear = _warp(rng, grid)
    grey, white, hull, inverse = _template()
    index = [sum(np.float32(inverse[i, j]) * warp[j] for j in range(3)) + np.float32(inverse[i, 3]) for i in range(3)]
    grey, white, hull = (ndimage.map_coordinates(m, index, order=1) for m in (grey, white, hull))
    depth = _depth(grid, hull > 0.5)
    labels = _brain(rng, grid, warp, grey, white, hull, depth)
    _shells(rng, grid, labels, depth)
    return Anatomy(grid, labels, depth, warp, linear)


def _warp(rng: np.random.Generator, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Template coordinates (RAS, mm) of every voxel: pose, size, mirror image, and bends of several scales."""
    points = grid.patient_points()
    size = rng.uniform([1 / 1.03, 1 / 1.02, 1 / 1.03], [1 / 0.93, 1 / 0.92, 1 / 0.95])
    mirror = rng.choice([-1.0, 1.0])
    linear = np.eye(4)
    linear[:3, :3] = np.diag([-mirror, -1.0, 1.0]) @ np.diag(size) @ rotation(np.radians(rng.uniform(-4, 4, 3)))
    warp = np.einsum("ij,j...->i...", linear[:3, :3].astype(np.float32), points)
    for component in warp:
        for wavelength, amplitude in ((60.0, 3.0), (22.0, 1.3), (9.0, 0.5)):
            component += np.float32(amplitude * rng.uniform(0.6, 1.2)) * grid.field(rng, wavelength)
    return warp, linear


def _depth(grid: Grid, inside: np.ndarray) -> np.ndarray:
    """float32[z, y, x]: mm below (positive) or above (negative) the surface of ``inside``; on half the resolution."""
    coarse = inside[:, ::2, ::2]
    steps = grid.steps * (1, 2, 2)
    depth = ndimage.distance_transform_edt(coarse, sampling=steps)
    depth -= ndimage.distance_transform_edt(~coarse, sampling=steps)
    depth = depth.astype(np.float32)
    for axis in (1, 2):
        after = np.concatenate([np.take(depth, range(1, depth.shape[axis]), axis), np.take(depth, [-1], axis)], axis)
        depth = np.stack([depth, (depth + after) / 2], axis=axis + 1)
        depth = depth.reshape(*depth.shape[:axis], -1, *depth.shape[axis + 2 :])
    return depth[:, : inside.shape[1], : inside.shape[2]]


def _brain(rng, grid, warp, grey, white, hull, depth) -> np.ndarray:
    """Labels of what lies inside the hull: sulci first, then a ribbon of cortex around them, then the rest."""
    x, y, z = warp
    cerebellum = (z < -12 + 0.25 * (y + 55)) & (y < -36)
    deep = (np.abs(x) < 36) & (y < 24) & (y > -40) & (z > -20) & (z < 22) & ~cerebellum
    brain = hull > 0.5
    fluid = np.clip(hull, 0, 1) - grey - white
    rough = grid.field(rng, 3.5)
    csf = fluid + 0.06 * rough > rng.uniform(0.26, 0.40)

    fold = np.abs(grid.field(rng, rng.uniform(21, 27), 0.3))
    folia = np.abs(grid.field(rng, 9.0, 0.3))
    width = rng.uniform(0.10, 0.2)
    zone = (white + 0.12 * rough < 0.55) & ~deep & ~cerebellum
    csf |= zone & (fold < width)
    csf |= cerebellum & (folia < 0.10) & (white < 0.5)
    csf |= depth < rng.uniform(0.3, 1.2)
    csf &= brain

    ribbon = ndimage.distance_transform_edt(~csf, sampling=grid.steps).astype(np.float32)
    thickness = np.where(cerebellum, 1.6, rng.uniform(2.4, 3.0)).astype(np.float32) + 0.3 * rough
    cortex = np.where(white > 0.85, 0, thickness) > ribbon
    nuclei = deep & (grey + 0.05 * rough > white)
    inner = ~deep & (grey - white + 0.1 * rough > np.where(cerebellum, 0.75, 0.45))
    ventricle_wall = deep | (depth > 30)
    is_grey = np.where(ventricle_wall, nuclei | (inner & ~deep), cortex | inner)
    labels = np.where(is_grey, GREY, WHITE).astype(np.uint8)
    labels[csf] = CSF
    labels[~brain] = BACKGROUND
    return labels


def _shells(rng: np.random.Generator, grid: Grid, labels: np.ndarray, depth: np.ndarray) -> None:
    """Fluid, skull with marrow, and scalp around the brain; written into ``labels``."""
    uneven = grid.field(rng, 30.0)
    fluid = 1.0 + 0.5 * uneven
    skull = fluid + rng.uniform(5, 7) + uneven
    scalp = skull + rng.uniform(4, 7) + grid.field(rng, 25.0)
    above = -depth
    outside = labels == BACKGROUND
    labels[outside & (above < scalp)] = SCALP
    labels[outside & (above < skull)] = SKULL
    labels[outside & (above < fluid)] = CSF
