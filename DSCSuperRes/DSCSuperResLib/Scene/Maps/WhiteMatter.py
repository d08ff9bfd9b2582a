"""The white matter that relative maps refer to: a segment with its outline in the views, which the user may edit."""

from __future__ import annotations

import numpy as np
import slicer
from vtk.util.numpy_support import numpy_to_vtk

from dsc_superres.geometry import Geometry

from ...Translation import _
from ..Result import Result
from ..Volumes import ijkToRas

SEGMENTATION = "segments.reference"
"""Role of the segmentation with the reference."""
COLOR = (0.3, 0.9, 1.0)


def showReference(result: Result, region: np.ndarray, geometry: Geometry) -> slicer.vtkMRMLSegmentationNode:
    """Return the segmentation with the outline of ``region`` bool[z, y, x], which is created the first time."""
    node = result.node(SEGMENTATION)
    if node is None:
        node = result.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", _("White matter reference"))
        node.CreateDefaultDisplayNodes()
        result.add(node, SEGMENTATION)
        display = node.GetDisplayNode()
        display.SetVisibility2DFill(False)
        display.SetVisibility2DOutline(True)
        display.SetVisibility3D(False)
    labelmap = slicer.vtkOrientedImageData()
    labelmap.SetDimensions(region.shape[::-1])
    labelmap.SetImageToWorldMatrix(ijkToRas(geometry))
    labelmap.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(region, np.uint8).ravel(), deep=True))
    node.GetSegmentation().RemoveAllSegments()
    node.AddSegmentFromBinaryLabelmapRepresentation(labelmap, _("White matter"), COLOR)
    return node


def removeReference(result: Result) -> None:
    """Remove the segmentation with the reference, where there is one."""
    node = result.node(SEGMENTATION)
    if node is not None:
        result.removeNodes([node])
