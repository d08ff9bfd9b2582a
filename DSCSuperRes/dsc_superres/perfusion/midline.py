"""The plane between the hemispheres, from the orientation of the slices and the shape of the brain."""

from __future__ import annotations

import numpy as np

from dsc_superres.geometry import Geometry

LEAST_ELONGATION = 1.15
"""Ratio of the variances of the brain's outline along its axes from which these show how the head is turned."""
LARGEST_TURN = 30.0
"""Largest turn of a head in degrees; an axis that deviates more from left-right is not that of the hemispheres."""


def left_of_midline(mask: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Return the voxels on the patient's left of the middle of the brain ``mask``, bool[z, y, x].

    The plane divides the brain into halves, at a right angle to the left-right axis of the patient; where the brain's
    outline is elongated in the slices, to that of its axes that is nearest.
    """
    direction, spacing = np.asarray(geometry.direction), np.asarray(geometry.spacing)
    normal = _turned_axis(mask, direction, spacing)
    along = (normal @ direction) * spacing
    z, y, x = np.ogrid[tuple(map(slice, mask.shape))]
    distance = along[0] * x + along[1] * y + along[2] * z
    return distance > np.median(distance[mask])


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
