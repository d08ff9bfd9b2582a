"""Keeps the module's views as the state of a result says, when other modules put their own volumes into all views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import qt
import slicer
import vtk
from slicer.util import VTKObservationMixin

from ..Jobs.TimeSlicedTask import DRAWN
from ..Scene.Display.CompareLayout import CompareLayout
from ..Scene.Display.SliceViews import ROLES
from ..Scene.Display.ViewState import setShown, shownOf


class ViewKeeper(VTKObservationMixin):
    """Watches the views of ``layout``, and calls ``restore`` soon after something else has changed them.

    That waits while ``busy()``: the views are being filled. An opacity that the user chose in a view is taken
    over.
    """

    def __init__(self, layout: CompareLayout, restore: Callable[[], None], busy: Callable[[], bool]) -> None:
        super().__init__()
        self._layout, self._restore, self._busy, self._result = layout, restore, busy, None
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._onTimeout)

    def keep(self, result) -> None:
        """Watch the views, which show ``result``."""
        self.stop()
        self._result = result
        for role in ROLES[result.task]:
            composite = self._layout.compositeNode(role)
            if composite is not None:
                self.addObserver(composite, vtk.vtkCommand.ModifiedEvent, self._onModified)

    def stop(self) -> None:
        """Leave the views to others."""
        self.removeObservers()
        self._timer.stop()
        self._result = None

    def _onModified(self, composite: slicer.vtkMRMLSliceCompositeNode, event: str) -> None:
        """Wait for the next turn of the event loop: one change is often one of several."""
        self._timer.start(0)

    def _onTimeout(self) -> None:
        result = self._result
        if result is not None and self._busy():
            self._timer.start(DRAWN)
            return
        if result is None or not self._layout.shown or self._layout.agrees(result):
            return
        opacity = self._layout.opacityChosen(result)
        if opacity is not None:
            setShown(result, replace(shownOf(result), opacity=opacity))
        self._restore()
