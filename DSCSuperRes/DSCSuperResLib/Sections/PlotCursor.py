"""The line at the time of the shown frame, over the plot.

It is a widget of its own, and no curve: to draw a plot anew takes longer than a frame of a playing series may.
"""

from __future__ import annotations

from collections.abc import Callable

import qt
import vtk
from slicer.util import VTKObservationMixin

from ..Scene.Curves.ChartTime import columnAt
from ..Scene.Curves.CurveCharts import TIME

WIDTH = 2
"""Pixels."""
COLOR = "#595959"


class PlotCursor(VTKObservationMixin):
    """Lies over the plot of ``plotView()``, a qMRMLPlotView or None, where that shows something over time."""

    def __init__(self, plotView: Callable[[], object]) -> None:
        super().__init__()
        self._plotView, self._view, self._line, self._time = plotView, None, None, None
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._place)

    def show(self, seconds: float) -> None:
        """Lie at ``seconds``, wherever the axes of the plot have that, now and when they change."""
        self._time = seconds
        view = self._plotView()
        if view != self._view:
            self._attach(view)
        self._place()

    def hide(self) -> None:
        """Show no line."""
        self._time = None
        self._place()

    def detach(self) -> None:
        """Leave the plot alone."""
        self.hide()
        self._attach(None)

    def _attach(self, view) -> None:
        self.removeObservers()
        self._timer.stop()
        if self._line is not None:
            self._line.deleteLater()
        self._view, self._line = view, None
        if view is None:
            return
        self._line = qt.QFrame(view)
        self._line.setStyleSheet(f"background-color: {COLOR}")
        self._line.setAttribute(qt.Qt.WA_TransparentForMouseEvents)
        self._line.hide()
        window = _window(view)
        if window is not None:
            self.addObserver(window, vtk.vtkCommand.EndEvent, self._onDrawn)

    def _onDrawn(self, caller: vtk.vtkObject, event: str) -> None:
        """The axes may have changed. Widgets are not moved while one of them is drawn."""
        self._timer.start(0)

    def _place(self) -> None:
        if self._line is None:
            return
        chart = self._view.chart()
        isOverTime = chart is not None and chart.GetAxis(vtk.vtkAxis.BOTTOM).GetTitle() == TIME
        column = columnAt(chart, self._time) if isOverTime and self._time is not None else None
        self._line.visible = column is not None
        if column is not None:
            scene, axis = chart.GetScene(), chart.GetAxis(vtk.vtkAxis.LEFT)
            scale = self._view.height / scene.GetSceneHeight()  # of the widget's pixels to those of the screen
            top, bottom = (scene.GetSceneHeight() - point[1] for point in (axis.GetPoint2(), axis.GetPoint1()))
            left = round(scale * column - WIDTH / 2)
            self._line.setGeometry(left, round(scale * top), WIDTH, round(scale * (bottom - top)))


def _window(view) -> vtk.vtkRenderWindow | None:
    """Return what the plot is drawn into; None before it has a window."""
    scene = view.chart().GetScene() if view.chart() is not None else None
    renderer = scene.GetRenderer() if scene is not None else None
    return renderer.GetRenderWindow() if renderer is not None else None
