"""The artery in one click: points in the views, whose curve follows the mouse and that maps are computed with."""

from __future__ import annotations

from collections.abc import Callable

import qt
import slicer
import vtk
from slicer.util import VTKObservationMixin

from ..Scene.Maps.ArterialPoints import isPicked, keepLastPoint, newPoints
from ..Translation import _
from .PointPlacement import PointPlacement

FOLLOW = 30
"""ms between two updates of the curve while a point moves."""


class ArteryTool(VTKObservationMixin):
    """The buttons *Pick artery* and *Add points* of ``Perfusion.ui``.

    ``onMoved`` is called when the curve under the points may have changed, soon after and not more often than it can be
    drawn; ``onPlaced`` when a point was placed, removed, or let go after it was dragged.
    """

    def __init__(self, ui, context, onMoved: Callable[[], None], onPlaced: Callable[[], None]) -> None:
        super().__init__()
        self._context, self._onMoved, self._onPlaced = context, onMoved, onPlaced
        self._points: slicer.vtkMRMLMarkupsFiducialNode | None = None
        self._placed = self._replaces = False
        self._pick = PointPlacement(ui.pickArteryButton, self._pointsToReplace, several=False)
        self._add = PointPlacement(ui.addPointsButton, self._pointsToExtend, several=True)
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._onTimeout)

    @property
    def picking(self) -> bool:
        """Whether the next click in a view replaces all points."""
        return self._pick.active

    def watch(self, points: slicer.vtkMRMLMarkupsFiducialNode | None) -> None:
        """Follow ``points``, those that the user has chosen for the arterial input."""
        if points is self._points:
            return
        self.removeObservers()
        self._points = points
        if points is None:
            return
        self.addObserver(points, points.PointModifiedEvent, self._onPointMoved)
        self.addObserver(points, points.PointPositionDefinedEvent, self._onPointPlaced)
        for event in (points.PointEndInteractionEvent, points.PointRemovedEvent):
            self.addObserver(points, event, self._onPointsLetGo)

    def stop(self) -> None:
        """Place and follow nothing any more."""
        for placement in (self._pick, self._add):
            placement.stop()
        self._timer.stop()
        self._placed = self._replaces = False
        self.watch(None)

    def _pointsToReplace(self) -> slicer.vtkMRMLMarkupsFiducialNode | None:
        """Return the node for a point that replaces all others, which must not be those of the user's own list."""
        points = self._chosenPoints()
        return self._place(points if isPicked(points) else None)

    def _pointsToExtend(self) -> slicer.vtkMRMLMarkupsFiducialNode | None:
        return self._place(self._chosenPoints())

    def _chosenPoints(self) -> slicer.vtkMRMLMarkupsFiducialNode | None:
        return self._context.parameters.perfusion.aifPoints if self._context.parameters is not None else None

    def _place(self, points: slicer.vtkMRMLMarkupsFiducialNode | None) -> slicer.vtkMRMLMarkupsFiducialNode | None:
        """Make ``points``, or new ones, the arterial input, and return them."""
        if self._context.parameters is None:
            return None
        chosen, points = self._context.parameters.perfusion, points or newPoints(slicer.mrmlScene, _("Artery"))
        with slicer.util.NodeModify(self._context.logic.parameterNode()):
            chosen.aif, chosen.aifPoints = "points", points
        points.SetDisplayVisibility(True)
        self.watch(points)
        return points

    def _onPointMoved(self, caller: vtk.vtkObject, event: str) -> None:
        if not self._timer.isActive():
            self._timer.start(FOLLOW)

    def _onPointPlaced(self, caller: vtk.vtkObject, event: str) -> None:
        """Note whether the point replaces the others, which must not be removed while Slicer is placing one."""
        self._replaces = self._replaces or self._pick.active
        self._onPointsLetGo(caller, event)

    def _onPointsLetGo(self, caller: vtk.vtkObject, event: str) -> None:
        self._placed = True
        self._timer.start(0)

    def _onTimeout(self) -> None:
        if self._replaces and self._points is not None:
            keepLastPoint(self._points)
        placed = self._placed
        self._placed = self._replaces = False
        self._timer.stop()
        self._onMoved()
        if placed:
            self._onPlaced()
