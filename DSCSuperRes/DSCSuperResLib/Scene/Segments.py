"""Segments as voxels of a volume, and the positions of voxels in the patient."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

BORDER = 1e-6
"""Width of the border between two voxels, in voxels: what is nearer lies on it, but for rounding."""


def segmentIds(segmentation: slicer.vtkMRMLSegmentationNode, visibleOnly: bool = True) -> list[str]:
    """Return the ids of the segments in order; only the visible ones, unless ``visibleOnly`` is False."""
    ids = segmentation.GetSegmentation().GetSegmentIDs()
    display = segmentation.GetDisplayNode()
    return [one for one in ids if not visibleOnly or display is None or display.GetSegmentVisibility(one)]


def segmentMask(
    segmentation: slicer.vtkMRMLSegmentationNode, segmentId: str, volume: slicer.vtkMRMLVolumeNode
) -> np.ndarray:
    """Return the voxels of ``volume`` whose center lies in the segment, bool[k, j, i]. Creates no node."""
    labelmap = slicer.vtkOrientedImageData()
    dimensions = volume.GetImageData().GetDimensions()
    if not segmentation.GetBinaryLabelmapRepresentation(segmentId, labelmap) or labelmap.GetNumberOfPoints() == 0:
        return np.zeros(dimensions[::-1], bool)
    reference, resampled = slicer.vtkOrientedImageData(), slicer.vtkOrientedImageData()
    reference.SetDimensions(dimensions)
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    reference.SetImageToWorldMatrix(matrix)
    resample = slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage
    if not resample(labelmap, reference, resampled, False, False):
        return np.zeros(dimensions[::-1], bool)
    return vtk_to_numpy(resampled.GetPointData().GetScalars()).reshape(dimensions[::-1]) > 0


def voxelCenters(mask: np.ndarray, volume: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    """Return the centers, float64[n, 3] (RAS, mm), of the voxels of ``volume`` in ``mask`` bool[k, j, i]."""
    matrix = voxelToPatient(volume)
    return np.argwhere(mask)[:, ::-1] @ matrix[:3, :3].T + matrix[:3, 3]


def voxelsAt(points: np.ndarray, volume: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    """Return flat indices int[m] (i fastest) of the voxels of ``volume`` at points float[n, 3] (RAS, mm).

    Points outside are ignored; a coarse voxel is returned once for each point in it. A point on a border belongs to the
    voxel after it, in all volumes alike.
    """
    matrix = np.linalg.inv(voxelToPatient(volume))
    ijk = np.floor(np.atleast_2d(points) @ matrix[:3, :3].T + matrix[:3, 3] + 0.5 + BORDER).astype(int)
    dimensions = volume.GetImageData().GetDimensions()
    ijk = ijk[np.all((ijk >= 0) & (ijk < dimensions), axis=1)]
    return ijk @ np.array([1, dimensions[0], dimensions[0] * dimensions[1]])


def voxelToPatient(volume: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    """Return the matrix float64[4, 4] from voxels (x, y, z) of ``volume`` to the patient (RAS, mm)."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
