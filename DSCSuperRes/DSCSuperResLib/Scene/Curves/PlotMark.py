"""A mark in the module's views at the position whose curves are plotted, while the mouse is elsewhere."""

from __future__ import annotations

import numpy as np
import slicer

from ..ActivePoints import keptActivePoints

ROLE = "points.cursor"
COLOR = (0.23, 0.56, 0.85)


class PlotMark:
    """The mark of one ``Result`` in the slice views ``views``. It is neither listed for the user nor saved."""

    def __init__(self, result, views: list[slicer.vtkMRMLSliceNode]) -> None:
        self.result, self._views, self._shown = result, views, True

    def show(self, ras: np.ndarray) -> None:
        """Show the mark at ``ras`` (mm)."""
        node = self.result.node(ROLE) or self._create()
        if not np.allclose(node.GetNthControlPointPositionWorld(0), ras):
            node.SetNthControlPointPosition(0, *ras)
        node.SetDisplayVisibility(True)
        self._shown = True

    def hide(self) -> None:
        """Hide the mark."""
        node = self.result.node(ROLE) if self._shown else None  # quick while the mouse moves
        self._shown = False
        if node is not None:
            node.SetDisplayVisibility(False)

    def _create(self) -> slicer.vtkMRMLMarkupsFiducialNode:
        scene = self.result.scene
        node = scene.CreateNodeByClass("vtkMRMLMarkupsFiducialNode")
        node.UnRegister(None)
        node.SetName("Curves")
        node.SetHideFromEditors(True)
        node.SetSaveWithScene(False)
        with keptActivePoints(scene):
            scene.AddNode(node)
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetSaveWithScene(False)
        for view in self._views:
            display.AddViewNodeID(view.GetID())
        display.SetSelectedColor(*COLOR)
        display.SetGlyphTypeFromString("CrossDot2D")
        display.SetPointLabelsVisibility(False)
        display.SetPropertiesLabelVisibility(False)
        node.AddControlPoint(0, 0, 0)
        node.SetLocked(True)
        self.result.add(node, ROLE)
        return node
