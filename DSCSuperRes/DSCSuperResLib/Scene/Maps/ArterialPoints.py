"""Points in the views that mark arteries: the voxels of the maps' arterial input, and those that the user places."""

from __future__ import annotations

import numpy as np
import slicer

from ...Translation import _
from ..ActivePoints import keptActivePoints
from ..Result import ROLE, RUN, Result
from ..Segments import voxelCenters, voxelsAt
from ..Volumes import frameArray
from .Maps import SOURCES, mapNode

POINTS = "points.aif"
PICKED = "DSCSuperRes.Picked"
"""Attribute of the nodes that are made for points on a vessel: of which kind."""
MARKS_COLOR = (0.86, 0.15, 0.15)
PICKED_COLOR = (0.0, 0.75, 0.65)


def markVoxels(
    result: Result, voxels: np.ndarray, source: str, visible: bool = True
) -> slicer.vtkMRMLMarkupsFiducialNode | None:
    """Add points at the ``voxels`` int[k, 3] (z, y, x) of the maps of ``source`` to the scene, and return them.

    Marks of other results are hidden: they lie on the same images. Returns None if there are no voxels or no maps.
    """
    hideOtherMarks(result)
    volume = next((v for s in (source, *SOURCES) if (v := mapNode(result, "cbv", s)) is not None), None)
    node = result.node(POINTS)
    if volume is None or not len(voxels):
        if node is not None:
            result.scene.RemoveNode(node)
        return None
    if node is None:
        with keptActivePoints(result.scene):
            node = result.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", _("Arterial input"))
        node.CreateDefaultDisplayNodes()
        result.add(node, POINTS)
        _setUpDisplay(node.GetDisplayNode(), MARKS_COLOR, "Cross2D")
        node.GetDisplayNode().SetPointLabelsVisibility(True)
    with slicer.util.NodeModify(node):
        node.RemoveAllControlPoints()
        marked = np.zeros(frameArray(volume).shape, bool)
        marked[tuple(voxels.T)] = True
        # The label is beside the first of them: on the left of the image, away from the legend.
        for place in sorted(voxelCenters(marked, volume), key=lambda place: -place[0]):
            number = node.AddControlPoint(*place)
            node.SetNthControlPointLabel(number, "" if number else _("Arterial input"))  # one label for all of them
        node.SetLocked(True)
    node.SetDisplayVisibility(visible)
    return node


def hideOtherMarks(result: Result | None) -> None:
    """Hide the marks of all results but ``result``."""
    run = result.run if result is not None else None
    scene = result.scene if result is not None else slicer.mrmlScene
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode")):
        node = scene.GetNthNodeByClass(index, "vtkMRMLMarkupsFiducialNode")
        if node.GetAttribute(ROLE) == POINTS and node.GetAttribute(RUN) != run:
            node.SetDisplayVisibility(False)


def newPoints(scene: slicer.vtkMRMLScene, name: str) -> slicer.vtkMRMLMarkupsFiducialNode:
    """Return a new node in ``scene`` for points that the user places on a vessel."""
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", scene.GenerateUniqueName(name))
    node.CreateDefaultDisplayNodes()
    _setUpDisplay(node.GetDisplayNode(), PICKED_COLOR, "CrossDot2D")
    node.SetControlPointLabelFormat("")  # the mark of the maps, which is in the same place, has a label
    node.SetAttribute(PICKED, name)
    node.SetUndoEnabled(True)
    return node


def isPicked(points: slicer.vtkMRMLMarkupsNode | None) -> bool:
    """Return whether ``points`` were made by ``newPoints``, so that a pick may replace them."""
    return points is not None and bool(points.GetAttribute(PICKED))


def arterialVoxels(points: slicer.vtkMRMLMarkupsNode, volume: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    """Return the voxels int[k, 3] (z, y, x) of ``volume`` at the user's points; points outside are ignored."""
    return _voxels(_places(points, points.PositionDefined), volume)


def voxelsUnderMouse(points: slicer.vtkMRMLMarkupsNode, volume: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    """Return the voxel int[1, 3] where the next point would be placed now; int[0, 3] without one."""
    return _voxels(_places(points, points.PositionPreview), volume)


def keepLastPoint(points: slicer.vtkMRMLMarkupsNode) -> None:
    """Remove all points but the one that was placed last."""
    defined = [index for index in range(points.GetNumberOfControlPoints()) if _isAt(points, index)]
    for index in reversed(defined[:-1]):
        points.RemoveNthControlPoint(index)


def _isAt(points: slicer.vtkMRMLMarkupsNode, index: int) -> bool:
    return points.GetNthControlPointPositionStatus(index) == points.PositionDefined


def _places(points: slicer.vtkMRMLMarkupsNode, status: int) -> list:
    numbers = range(points.GetNumberOfControlPoints())
    chosen = (index for index in numbers if points.GetNthControlPointPositionStatus(index) == status)
    return [points.GetNthControlPointPositionWorld(index) for index in chosen]


def _voxels(places: list, volume: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    flat = np.unique(voxelsAt(np.array(places), volume)) if places else np.zeros(0, int)
    return np.stack(np.unravel_index(flat, frameArray(volume).shape), axis=-1)


def _setUpDisplay(display: slicer.vtkMRMLMarkupsDisplayNode, color: tuple, glyph: str) -> None:
    with slicer.util.NodeModify(display):  # each change would draw the views
        display.SetSelectedColor(*color)
        display.SetActiveColor(*color)
        display.SetColor(*color)
        display.SetGlyphTypeFromString(glyph)
        display.SetUseGlyphScale(False)
        display.SetGlyphSize(3.0)  # mm, about a voxel
        display.SetTextScale(2.5)
        display.SetPointLabelsVisibility(False)
        display.SetPropertiesLabelVisibility(False)
        display.SetSliceProjection(False)
