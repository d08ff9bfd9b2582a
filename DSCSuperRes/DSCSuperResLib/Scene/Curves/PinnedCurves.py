"""Voxels that the user pins: their curves stay in the plot, beside that of the cursor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer

from ...Translation import _
from ..Result import ROLE, RUN, Result
from .Plots import Style

POINTS = "points.pinned"
"""Role of the points at the pinned voxels."""
COLORS = ((0.80, 0.47, 0.65), (0.0, 0.62, 0.45), (0.84, 0.37, 0.0), (0.34, 0.71, 0.91), (0.94, 0.89, 0.26))
"""Colors of the curves in turn, also told apart by the color-blind."""
MARKS_COLOR = (0.80, 0.47, 0.65)


@dataclass(frozen=True)
class Pin:
    """A pinned voxel: its name, the style of its curve, and its position (RAS, mm)."""

    name: str
    style: Style
    place: np.ndarray


def pinnedPoints(result: Result) -> slicer.vtkMRMLMarkupsFiducialNode | None:
    """Return the points at the pinned voxels of ``result``; None before there are any."""
    return result.node(POINTS)


def newPinnedPoints(result: Result) -> slicer.vtkMRMLMarkupsFiducialNode:
    """Return the points at the pinned voxels of ``result``, which are created the first time."""
    node = pinnedPoints(result)
    if node is not None:
        return node
    node = result.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", _("Pinned voxels"))
    node.CreateDefaultDisplayNodes()
    result.add(node, POINTS)
    node.SetUndoEnabled(True)
    node.SetControlPointLabelFormat("%d")
    display = node.GetDisplayNode()
    display.SetSelectedColor(*MARKS_COLOR)
    display.SetColor(*MARKS_COLOR)
    display.SetGlyphTypeFromString("CrossDot2D")
    display.SetPropertiesLabelVisibility(False)
    return node


def pins(result: Result) -> list[Pin]:
    """Return the pinned voxels of ``result`` in the order in which they were pinned."""
    node = pinnedPoints(result)
    count = node.GetNumberOfControlPoints() if node is not None else 0
    placed = [index for index in range(count) if node.GetNthControlPointPositionStatus(index) == node.PositionDefined]
    return [
        Pin(
            _("Pinned {label}").format(label=node.GetNthControlPointLabel(index)),
            Style(COLORS[number % len(COLORS)]),
            np.array(node.GetNthControlPointPositionWorld(index)),
        )
        for number, index in enumerate(placed)
    ]


def removePins(result: Result) -> None:
    """Remove all pinned voxels of ``result``."""
    node = pinnedPoints(result)
    if node is not None:
        result.removeNodes([node])


def showOnlyPinsOf(result: Result | None, scene: slicer.vtkMRMLScene) -> None:
    """Hide the pinned voxels of all results but ``result``: they lie on the same images."""
    run = result.run if result is not None else None
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode")):
        node = scene.GetNthNodeByClass(index, "vtkMRMLMarkupsFiducialNode")
        if node.GetAttribute(ROLE) == POINTS:
            node.SetDisplayVisibility(node.GetAttribute(RUN) == run)
