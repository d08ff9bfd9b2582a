"""The first place of the curves in the patient: one that lies well within a voxel of every series."""

from __future__ import annotations

import numpy as np
import slicer

from ..Segments import voxelToPatient


def clearPlace(volumes: list[slicer.vtkMRMLScalarVolumeNode]) -> np.ndarray:
    """Return a place near the middle of the first of ``volumes``, float64[3] (RAS, mm).

    Of the voxels around the middle, which lies on the border of voxels in most images, it is the center of that which
    keeps the largest distance to borders of voxels in all ``volumes``: all curves are those of the same tissue.
    """
    first = volumes[0]
    dimensions = np.array(first.GetImageData().GetDimensions())
    steps = np.array([(i, j, 0) for j in (0, -1, 1) for i in (0, -1, 1)])
    voxels = np.clip(dimensions // 2 + steps, 0, dimensions - 1)
    matrix = voxelToPatient(first)
    places = voxels @ matrix[:3, :3].T + matrix[:3, 3]
    return places[np.argmax(np.round(_clearance(places, volumes), 3))]


def _clearance(places: np.ndarray, volumes: list[slicer.vtkMRMLScalarVolumeNode]) -> np.ndarray:
    """Return the smallest distance of each of ``places`` float[n, 3] to a border of voxels in plane, in voxels."""
    found = np.full(len(places), 0.5)
    for volume in volumes:
        inverse = np.linalg.inv(voxelToPatient(volume))
        within = (places @ inverse[:3, :3].T + inverse[:3, 3] + 0.5)[:, :2]
        found = np.minimum(found, np.abs(within - np.round(within)).min(axis=1))
    return found
