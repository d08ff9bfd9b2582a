"""Volumes and numpy: voxels in and out without copying, geometry between RAS (MRML) and LPS (ours)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from dsc_superres.geometry import Geometry

_FLIP = np.diag([-1.0, -1.0, 1.0])
"""RAS to LPS, and back."""


def frameArray(volume: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    """Return the voxels [z, y, x] of a scalar volume, a view of its image."""
    image = volume.GetImageData()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])


def setFrame(volume: slicer.vtkMRMLScalarVolumeNode, voxels: np.ndarray, ijkToRas: vtk.vtkMatrix4x4) -> None:
    """Set the image of ``volume`` to a copy of ``voxels`` [z, y, x]."""
    image = vtk.vtkImageData()
    image.SetDimensions(voxels.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(voxels).ravel(), deep=True))
    volume.SetIJKToRASMatrix(ijkToRas)
    volume.SetAndObserveImageData(image)


def geometryOf(volume: slicer.vtkMRMLVolumeNode) -> Geometry:
    """Return the geometry (LPS) of a volume. Raises ``SeriesError`` for axes that are not at right angles."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    affine = np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(3)])
    columns = _FLIP @ affine[:, :3]
    spacing = np.linalg.norm(columns, axis=0)
    direction = columns / np.where(spacing > 0, spacing, 1)
    return Geometry(tuple(spacing), tuple(_FLIP @ affine[:, 3]), tuple(map(tuple, direction)))


def ijkToRas(geometry: Geometry) -> vtk.vtkMatrix4x4:
    """Return the matrix of a volume node for ``geometry``."""
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ geometry.affine
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(affine.ravel())
    return matrix


def releaseViews(scene: slicer.vtkMRMLScene, nodes: Iterable[slicer.vtkMRMLNode]) -> None:
    """Take volumes out of all slice views that show them."""
    gone = {node.GetID() for node in nodes}
    kind = "vtkMRMLSliceCompositeNode"
    for index in range(scene.GetNumberOfNodesByClass(kind)):
        composite = scene.GetNthNodeByClass(index, kind)
        with slicer.util.NodeModify(composite):
            if composite.GetBackgroundVolumeID() in gone:
                composite.SetBackgroundVolumeID(None)
            if composite.GetForegroundVolumeID() in gone:
                composite.SetForegroundVolumeID(None)
            if composite.GetLabelVolumeID() in gone:
                composite.SetLabelVolumeID(None)
