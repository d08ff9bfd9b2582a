"""The plane between the hemispheres, from the orientation of the slices and the shape of the brain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsc_superres.geometry import Geometry

LEAST_ELONGATION = 1.15
"""Ratio of the variances of the brain's outline along its axes from which these show how the head is turned."""
LARGEST_TURN = 30.0
"""Largest turn of a head in degrees; an axis that deviates more from left-right is not that of the hemispheres."""


@dataclass(frozen=True, eq=False)
class Midline:
    """The plane of the points p (LPS, mm) with normal · p = offset; the unit vector ``normal`` points to the left."""

    normal: np.ndarray
    offset: float

    def distance(self, shape: tuple[int, int, int], geometry: Geometry) -> np.ndarray:
        """Return how far each voxel is to the patient's left of the plane in mm, float64[z, y, x]."""
        along = self.normal @ geometry.affine[:3, :3]
        z, y, x = np.ogrid[tuple(map(slice, shape))]
        return along[0] * x + along[1] * y + along[2] * z + self.normal @ geometry.affine[:3, 3] - self.offset

    def mirrored(self, region: np.ndarray, geometry: Geometry, within: np.ndarray | None = None) -> np.ndarray:
        """Return the voxels whose mirror image lies in ``region``, bool[z, y, x] as that.

        ``within`` is bool[z, y, x], the voxels that may belong to it; all by default.
        """
        found = np.zeros(region.shape, bool)
        targets = np.argwhere(np.ones(region.shape, bool) if within is None else within)
        images = self._images(targets, geometry)
        inside = np.all((images >= 0) & (images < region.shape), axis=1)
        hit = targets[inside][region[tuple(images[inside].T)]]
        found[tuple(hit.T)] = True
        return found

    def mirrored_values(self, values: np.ndarray, geometry: Geometry) -> np.ndarray:
        """Return values[z, y, x] of the voxels on the other side, float64[z, y, x]; NaN where there is none."""
        found = np.full(values.shape, np.nan)
        targets = np.argwhere(np.ones(values.shape, bool))
        images = self._images(targets, geometry)
        inside = np.all((images >= 0) & (images < values.shape), axis=1)
        found[tuple(targets[inside].T)] = values[tuple(images[inside].T)]
        return found

    def _images(self, voxels: np.ndarray, geometry: Geometry) -> np.ndarray:
        """Return the voxels int[n, 3] at the mirror images of ``voxels`` int[n, 3] (z, y, x), which may lie outside."""
        affine = geometry.affine
        points = voxels[:, ::-1] @ affine[:3, :3].T + affine[:3, 3]
        points -= 2 * np.outer(points @ self.normal - self.offset, self.normal)
        indices = (points - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
        return np.rint(indices).astype(int)[:, ::-1]


def find_midline(mask: np.ndarray, geometry: Geometry) -> Midline:
    """Return the plane that divides the brain ``mask``, bool[z, y, x], into halves.

    It is at a right angle to the left-right axis of the patient; where the outline of the brain is elongated in the
    slices, to that of its axes that is nearest.

    Examples
    --------
    >>> mask = np.zeros((1, 6, 9), bool)
    >>> mask[0, 1:5, 2:8] = True
    >>> midline = find_midline(mask, Geometry())
    >>> float(midline.offset)
    4.5
    >>> region = np.zeros_like(mask)
    >>> region[0, 2, 3] = True
    >>> np.argwhere(midline.mirrored(region, Geometry()))
    array([[0, 2, 6]])
    """
    direction, spacing = np.asarray(geometry.direction), np.asarray(geometry.spacing)
    at_origin = Midline(_turned_axis(mask, direction, spacing), 0.0)
    return Midline(at_origin.normal, float(np.median(at_origin.distance(mask.shape, geometry)[mask])))


def left_of_midline(mask: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Return the voxels on the patient's left of the middle of the brain ``mask``, bool[z, y, x]."""
    return find_midline(mask, geometry).distance(mask.shape, geometry) > 0


def _turned_axis(mask: np.ndarray, direction: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Return the left-right axis of the brain, a unit vector float64[3] (LPS)."""
    patient = np.array([1.0, 0.0, 0.0])
    _z, y, x = np.nonzero(mask)
    if len(x) < 3:
        return patient
    variances, axes = np.linalg.eigh(np.cov(x * spacing[0], y * spacing[1]))
    if variances[1] < LEAST_ELONGATION * variances[0]:
        return patient
    best = max((direction[:, :2] @ axis for axis in axes.T), key=lambda axis: abs(axis[0]))
    return best * np.sign(best[0]) if abs(best[0]) > np.cos(np.radians(LARGEST_TURN)) else patient
