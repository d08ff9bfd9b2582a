"""Updates of the plot below the views: curves at the cursor, mean curves of segments, metrics or motion over time."""

from __future__ import annotations

from collections.abc import Callable, Generator

import numpy as np
import qt
import slicer
import vtk
from slicer.util import VTKObservationMixin

from ..Jobs.TimeSlicedTask import DRAWN, LatestTask
from ..Scene.Curves.ArteryOverlay import ArteryOverlay
from ..Scene.Curves.CurveCharts import CurveCharts
from ..Scene.Curves.CurvePlace import clearPlace
from ..Scene.Curves.Curves import Relaxation
from ..Scene.Curves.MetricsTables import metricsChart, readMetrics
from ..Scene.Curves.MotionChart import motionChart, readMotion
from ..Scene.Curves.PinnedCurves import pinnedPoints, pins
from ..Scene.Curves.PlotMark import PlotMark
from ..Scene.Display.CompareLayout import CompareLayout
from ..Scene.Display.Playback import shownMoment
from .PlotCursor import PlotCursor

CURSOR = "cursor"
CROSSHAIR = "crosshair"
SEGMENTS = "segments"
MEASURES = ("nmse", "psnr", "ssim")
MOTION = "motion"
PLOTS = (CURSOR, CROSSHAIR, SEGMENTS, *MEASURES, MOTION)
THROTTLE = 100
"""ms between two updates while the mouse moves."""


class CurvePlotter(VTKObservationMixin):
    """Shows one of ``PLOTS`` of a result in the plot view of ``layout``.

    Set ``result``, ``plot``, ``segmentation``, ``relaxation``, ``artery`` and ``region``, then call ``refresh``.
    ``status(text)`` shows messages to the user.
    """

    def __init__(self, layout: CompareLayout, status: Callable[[str], None]) -> None:
        super().__init__()
        self.result, self.plot, self.region = None, CURSOR, "brain"
        self.segmentation: slicer.vtkMRMLSegmentationNode | None = None
        self.relaxation: Relaxation | None = None
        self.artery: ArteryOverlay | None = None
        self._layout, self._status = layout, status
        self._charts: CurveCharts | None = None
        self._mark: PlotMark | None = None
        self._place: np.ndarray | None = None
        self._drawing = LatestTask()
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._onTimeout)
        self._waiting = False
        self._cursor = PlotCursor(lambda: layout.plotView(slicer.app.layoutManager()))

    def refresh(self) -> None:
        """Redraw the plot, and observe the nodes that it depends on."""
        self._halt()
        pointed = self.plot in (CURSOR, CROSSHAIR)
        if self._mark is not None and not (pointed and self._mark.result == self.result):
            self._mark.hide()
        if self.result is None:
            self._layout.showChart(None)
            return
        self._charts = CurveCharts(self.result)
        self._mark = PlotMark(self.result, self._layout.sliceNodes())
        if pointed:
            self._watchPointer()
            self._layout.showChart(self.result.node("chart.cursor"))
        elif self.plot == SEGMENTS:
            self._watchSegments()
            self._layout.showChart(self.result.node("chart.segments") if self.segmentation else None)
        self._schedule(0)

    def stop(self) -> None:
        """Stop observing and working."""
        self._halt()
        self._cursor.detach()
        if self._mark is not None:
            self._mark.hide()

    def _halt(self) -> None:
        self.removeObservers()
        self._timer.stop()
        self._waiting = False
        self._drawing.stop()

    def markTime(self, seconds: float) -> None:
        """Move the line of the shown frame to ``seconds``."""
        if self._layout.shown:
            self._cursor.show(seconds)

    def _watchPointer(self) -> None:
        crosshair = _crosshair(self.result.scene)
        events = slicer.vtkMRMLCrosshairNode
        if crosshair is not None:
            event = events.CursorPositionModifiedEvent if self.plot == CURSOR else vtk.vtkCommand.ModifiedEvent
            self.addObserver(crosshair, event, self._onChanged)
        pinned = pinnedPoints(self.result)
        if pinned is not None:
            for event in (pinned.PointModifiedEvent, pinned.PointRemovedEvent, pinned.PointPositionDefinedEvent):
                self.addObserver(pinned, event, self._onChanged)

    def _watchSegments(self) -> None:
        if self.segmentation is None:
            self._status("Choose a segmentation to plot the mean curves of its segments.")
            return
        segmentation = self.segmentation.GetSegmentation()
        for event in (segmentation.SourceRepresentationModified, segmentation.SegmentRemoved):
            self.addObserver(segmentation, event, self._onChanged)
        display = self.segmentation.GetDisplayNode()
        if display is not None:
            self.addObserver(display, vtk.vtkCommand.ModifiedEvent, self._onChanged)

    def _onChanged(self, caller: vtk.vtkObject, event: str) -> None:
        self._schedule(THROTTLE)

    def _schedule(self, milliseconds: int) -> None:
        """Update soon; further changes until then are included."""
        if not self._waiting:
            self._waiting = True
            self._timer.start(milliseconds)

    def _onTimeout(self) -> None:
        self._waiting = False
        self._drawing.stop()
        if self.result is None or not self._layout.shown:
            return
        pause = 0 if self.plot == SEGMENTS else DRAWN
        self._drawing.start(self._draw(), self._onDrawn, pause=pause)
        self._drawing.advance()

    def _onDrawn(self, chart: slicer.vtkMRMLPlotChartNode | None) -> None:
        if chart is not None or self.plot not in (CURSOR, CROSSHAIR):
            self._layout.showChart(chart)

    def _draw(self) -> Generator[None, None, slicer.vtkMRMLPlotChartNode | None]:
        """Return the chart of the plot; yields between parts that take Slicer a while."""
        if self.plot in MEASURES:
            metrics = readMetrics(self.result)
            return metricsChart(self.result, metrics, self.plot, self.region) if metrics else None
        if self.plot == MOTION:
            motion = readMotion(self.result)
            return motionChart(self.result, motion) if motion else None
        if self.plot != SEGMENTS:
            return (yield from self._plotPoint())
        if self.segmentation is None:
            return None
        return (yield from self._charts.overSegments(self.segmentation, self.relaxation))

    def _plotPoint(self) -> Generator[None, None, slicer.vtkMRMLPlotChartNode | None]:
        """Return the curves at the mouse; outside the image, those of the last position or near the middle.

        The place is marked unless the mouse is there.
        """
        if shownMoment(self.result) is None:
            return None
        pointed = _position(_crosshair(self.result.scene), self.plot)
        shown = self.relaxation, self.artery, pins(self.result)
        series = (self.result.sequence(role) for role in ("reconstruction", "input", "truth"))
        first = clearPlace([sequence.GetNthDataNode(0) for sequence in series if sequence is not None])
        for place in (pointed, self._place, first):
            if place is None:
                continue
            chart = yield from self._charts.atPointInSteps(place, *shown)
            if chart is not None:
                self._place = place
                if place is pointed:
                    self._mark.hide()
                else:
                    self._mark.show(place)
                return chart
        return None


def _crosshair(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLCrosshairNode | None:
    return scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")


def _position(crosshair: slicer.vtkMRMLCrosshairNode | None, plot: str) -> np.ndarray | None:
    """Return the position of the mouse or the crosshair (RAS, mm); None outside of slices."""
    if crosshair is None:
        return None
    if plot == CROSSHAIR:
        return np.array(crosshair.GetCrosshairRAS())
    ras = [0.0, 0.0, 0.0]
    return np.array(ras) if crosshair.GetCursorPositionRAS(ras) else None
