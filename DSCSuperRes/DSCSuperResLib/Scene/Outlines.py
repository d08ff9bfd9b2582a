"""Regions of a result as segments that the views outline, and that the user may edit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import slicer
from vtk.util.numpy_support import numpy_to_vtk

from dsc_superres.geometry import Geometry

from .Result import Result
from .Volumes import ijkToRas


def newOutlines(result: Result, title: str, role: str, visible: bool = True) -> slicer.vtkMRMLSegmentationNode:
    """Add a segmentation whose segments are drawn as outlines to ``result`` as its ``role``, and return it."""
    node = result.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", title)
    with slicer.util.NodeModify(node):
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        with slicer.util.NodeModify(display):
            display.SetVisibility(visible)
            display.SetVisibility2DFill(False)
            display.SetVisibility2DOutline(True)
            display.SetVisibility3D(False)
        result.add(node, role)
    return node


@contextmanager
def drawnAfterwards(node: slicer.vtkMRMLSegmentationNode) -> Iterator[None]:
    """A context in which the views do not show ``node``: they would draw it anew after each change."""
    display = node.GetDisplayNode()
    visible = display.GetVisibility()
    display.SetVisibility(False)
    try:
        yield
    finally:
        display.SetVisibility(visible)


def fillOutlines(
    node: slicer.vtkMRMLSegmentationNode,
    regions: Mapping[str, np.ndarray],
    geometry: Geometry,
    titles: Mapping[str, str],
    colors: Mapping[str, tuple[float, float, float]],
) -> None:
    """Replace the segments of ``node`` by ``regions``, bool[z, y, x] by id, with titles and colors (0..1) by id."""
    matrix = ijkToRas(geometry)
    representation = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    with drawnAfterwards(node), slicer.util.NodeModify(node):
        node.GetSegmentation().RemoveAllSegments()
        for name, region in regions.items():
            labelmap = slicer.vtkOrientedImageData()
            labelmap.SetDimensions(region.shape[::-1])
            labelmap.SetImageToWorldMatrix(matrix)
            values = np.ascontiguousarray(region, np.uint8).ravel()
            labelmap.GetPointData().SetScalars(numpy_to_vtk(values, deep=True))
            segment = slicer.vtkSegment()
            segment.SetName(titles[name])
            segment.SetColor(*colors[name])
            segment.AddRepresentation(representation, labelmap)
            node.GetSegmentation().AddSegment(segment, name)
