"""Buttons that pin voxels in the views, so that their curves stay in the plot, and that remove all pins."""

from __future__ import annotations

from collections.abc import Callable

import slicer

from ..Scene.Curves.PinnedCurves import newPinnedPoints, pinnedPoints, removePins, showOnlyPinsOf
from .PointPlacement import PointPlacement


class PinControls:
    """Controls of ``Display.ui`` for pinned voxels. ``onPins`` is called when there are points to observe, or none."""

    def __init__(self, ui, onPins: Callable[[], None]) -> None:
        self._ui, self._onPins, self._result = ui, onPins, None
        self._placement = PointPlacement(ui.pinButton, self._points, several=True)
        ui.unpinButton.connect("clicked()", self._onUnpin)

    def setResult(self, result) -> None:
        """Pin voxels of ``result``, and show only its pins."""
        if result != self._result or result is None:
            self._placement.stop()
        self._result = result
        showOnlyPinsOf(result, slicer.mrmlScene)

    def enable(self, on: bool) -> None:
        """Let the user pin voxels, or not."""
        self._ui.pinButton.enabled = self._ui.unpinButton.enabled = on and self._result is not None
        if not on:
            self._placement.stop()

    def _points(self) -> slicer.vtkMRMLMarkupsFiducialNode | None:
        if self._result is None:
            return None
        if pinnedPoints(self._result) is None:
            newPinnedPoints(self._result)
            self._onPins()
        return pinnedPoints(self._result)

    def _onUnpin(self) -> None:
        self._placement.stop()
        if self._result is not None:
            removePins(self._result)
            self._onPins()
