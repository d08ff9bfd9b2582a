"""The part of the Perfusion panel that shows and sets the arterial input, and starts the computation of maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import qt
import slicer
import vtk
from slicer.util import VTKObservationMixin

from dsc_superres.errors import DSCError
from dsc_superres.perfusion import read_aif_csv

from ..Jobs.MapsRequest import chosenVoxels
from ..Jobs.TimeSlicedTask import DRAWN, LatestTask
from ..Parameters import AIF, PerfusionParameters
from ..Scene.Maps.ArterialChart import drawCurvesInSteps
from ..Scene.Maps.ArterialInput import ArterialCurve, bolusTimes, candidates
from ..Scene.Maps.ArterialPoints import POINTS, hideOtherMarks, markVoxels, voxelsUnderMouse
from ..Scene.Maps.Maps import aifGrid
from ..Scene.Maps.VoxelArtery import VoxelArtery, arterialInputOfMaps
from ..Translation import _
from .ArteryTool import ArteryTool
from .MapOptionControls import MapOptionControls
from .MapsComputation import MapsComputation
from .PerfusionControls import PerfusionControls
from .SegmentEditorButton import connectSegmentEditor

PLOT_VIEW = "DSCSuperResArterialInput"


class ArterialControls(PerfusionControls, VTKObservationMixin):
    """Controls of ``Perfusion.ui`` for the arterial input. ``onMaps`` is called when maps were computed."""

    def __init__(self, ui, context, onMaps: Callable[[], None]) -> None:
        VTKObservationMixin.__init__(self)
        PerfusionControls.__init__(self, ui, context)
        self._onMaps, self._result = onMaps, None
        self._arterial, self._found = None, []
        self._curves: VoxelArtery | None = None
        self._ownBaseline, self._segmentation = None, None
        self._options = MapOptionControls(ui, context, self._volume)
        self._computation = MapsComputation(ui, context, self._onComputed)
        self._tool = ArteryTool(ui, context, self._drawSoon, self._computation.computeSoon)
        self._plot, self._toMark, self._drawn = None, False, None
        self._drawing = LatestTask()
        self._drawTimer = qt.QTimer()
        self._drawTimer.setSingleShot(True)
        self._drawTimer.connect("timeout()", self._onDraw)
        self._offer(ui.aifSelector, _aifTitles())
        self._observe(ui.candidateSelector)
        self._observe(ui.segmentSelector)
        self._observeFile(ui.aifFile, "aifFile")
        ui.candidateSelector.connect("activated(int)", self._computation.computeSoon)
        ui.ownBaselineCheckBox.connect("clicked(bool)", self._onOwnBaseline)
        ui.marksCheckBox.connect("toggled(bool)", self._onMarks)
        connectSegmentEditor(ui.aifSegmentEditorButton, ui.aifSegmentation, _("Artery"), self._volume)

    def setResult(self, result) -> None:
        """Show the arterial input of ``result``; stop a computation for another one."""
        self._computation.setResult(result)
        if result != self._result or result is None:
            self._tool.stop()
            self._options.stop()
        self._drawing.stop()
        self._result = result
        self.update()

    def update(self) -> None:
        """Update the controls from the current maps and parameters."""
        ui, result = self._ui, self._result
        ui.aifBox.enabled = result is not None
        self._curves = None
        self._arterial = arterialInputOfMaps(result) if result is not None else None
        self._found = candidates(result) if result is not None else []
        hideOtherMarks(result)
        self._showArterial()
        self._fillCandidates()
        self.parametersChanged()

    def parametersChanged(self) -> None:
        """Update the selectors from the parameters."""
        parameters = self._context.parameters
        if parameters is None:
            return
        ui, chosen = self._ui, parameters.perfusion
        self._updating = True
        ui.aifSelector.currentIndex = AIF.index(chosen.aif)
        ui.candidateSelector.currentIndex = min(chosen.candidate, ui.candidateSelector.count - 1)
        ui.aifFile.currentPath = chosen.aifFile
        self._updating = False
        self._watchSegments(chosen.aifSegmentation)
        self._fillSegments()
        rows = {
            "candidate": (ui.candidateLabel, ui.candidateSelector),
            "segment": (ui.segmentLabel, ui.aifSegmentation, ui.segmentSelector, ui.aifSegmentEditorButton),
            "points": (ui.pointsLabel, ui.aifPoints, ui.addPointsButton),
            "file": (ui.fileLabel, ui.aifFile),
        }
        for kind, widgets in rows.items():
            for widget in widgets:
                widget.visible = kind == chosen.aif
        for widget in (ui.baselineStart, ui.baselineEnd):
            widget.enabled = chosen.ownBaseline
        self._tool.watch(chosen.aifPoints if chosen.aif == "points" and self._result is not None else None)
        self._computation.parametersChanged()
        self._options.parametersChanged()
        self._drawSoon()

    def showProgress(self, fraction: float, text: str) -> None:
        """Show how far a run is that computes the maps of this result."""
        self._computation.showProgress(fraction, text)

    def _onComputed(self) -> None:
        self.update()
        self._onMaps()

    def _showArterial(self) -> None:
        ui, result, arterial = self._ui, self._result, self._arterial
        for widget in (ui.marksCheckBox, ui.plotPlace):
            widget.visible = arterial is not None
        ui.aifFacts.text = _("There are no maps yet: compute them.") if arterial is None else _facts(result, arterial)
        self._toMark = arterial is not None

    def _drawSoon(self) -> None:
        """Draw marks and curves at the next turns of the event loop, once after several changes."""
        self._drawTimer.start(0)

    def _onDraw(self) -> None:
        self._drawing.start(self._draw(), pause=DRAWN)
        if not self._toMark:  # a curve follows the mouse
            self._drawing.advance()

    def _draw(self) -> Iterator[None]:
        """Mark the voxels of the maps' input. Draw it, the candidates, and the one chosen or under the mouse now."""
        if self._result is None or self._context.parameters is None:
            return
        arterial = self._arterial
        if self._toMark and arterial is not None:
            self._toMark = False
            visible = self._ui.marksCheckBox.checked
            points = markVoxels(self._result, arterial.voxels, arterial.source, visible)
            self._ui.marksCheckBox.enabled = points is not None
            yield
        chosen = self._chosenCurve()
        if arterial is None and chosen is None:
            return
        others = [one for one in self._found if arterial is None or not one.sameVoxels(arterial)]
        if chosen is not None and arterial is not None and chosen.sameVoxels(arterial):
            chosen = None
        if chosen is None and self._drawn is self._found:
            return
        self._drawn = None
        chart = yield from drawCurvesInSteps(self._result, arterial, others, chosen)
        self._ui.plotPlace.visible = True
        self._plotView().SetPlotChartNodeID(chart.GetID())
        self._drawn = self._found if chosen is None else None

    def _chosenCurve(self) -> ArterialCurve | None:
        """Return the curve of the chosen source; None if it is found by the worker, or cannot be computed."""
        result, chosen = self._result, self._context.parameters.perfusion
        if result.sequence(aifGrid(result)) is None:  # the user removed it
            return None
        try:
            if chosen.aif == "file":
                read = read_aif_csv(chosen.aifFile)
                return ArterialCurve(read.times, read.delta_r2star, read.voxels, aifGrid(result), None, read.source)
            voxels = self._mouseVoxels() if self._tool.picking else None
            voxels = chosenVoxels(chosen, result) if voxels is None else voxels
            if voxels is None:
                return None
            own = (chosen.baselineStart, chosen.baselineEnd) if chosen.ownBaseline else None
            if self._curves is None or own != self._ownBaseline:
                self._curves, self._ownBaseline = VoxelArtery(result, own), own
            return self._curves.curve(voxels)
        except DSCError:
            return None

    def _mouseVoxels(self):
        """Return the voxel under the mouse where a point would be placed; None outside of the series."""
        voxels = voxelsUnderMouse(self._context.parameters.perfusion.aifPoints, self._volume())
        return voxels if len(voxels) else None

    def _volume(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """Return the volume on whose voxels arterial inputs are chosen."""
        return self._result.proxy(aifGrid(self._result)) if self._result is not None else None

    def _plotView(self) -> slicer.vtkMRMLPlotViewNode:
        """Return the view node of the plot in the panel."""
        scene = slicer.mrmlScene
        node = scene.GetSingletonNode(PLOT_VIEW, "vtkMRMLPlotViewNode")
        if node is None:
            node = scene.CreateNodeByClass("vtkMRMLPlotViewNode")
            node.UnRegister(None)
            node.SetSingletonTag(PLOT_VIEW)
            node.SetName(PLOT_VIEW)
            node.SetLayoutLabel("AIF")
            node.SetHideFromEditors(True)
            node = scene.AddNode(node)
        if self._plot is None:
            self._plot = slicer.qMRMLPlotView()
            self._plot.setMinimumHeight(200)
            self._ui.plotPlace.layout().addWidget(self._plot)
        self._plot.setMRMLScene(scene)
        self._plot.setMRMLPlotViewNode(node)
        return node

    def _fillCandidates(self) -> None:
        selector = self._ui.candidateSelector
        self._updating = True
        selector.clear()
        for number, one in enumerate(self._found, 1):
            text = _("{number}: likeness to an artery {score}, {voxels} voxels")
            score = "–" if one.score is None else f"{one.score:.2f}"
            selector.addItem(text.format(number=number, score=score, voxels=len(one.voxels)))
        self._updating = False

    def _watchSegments(self, segmentation: slicer.vtkMRMLSegmentationNode | None) -> None:
        """List the segments again after one was drawn, renamed or removed."""
        if segmentation is self._segmentation:
            return
        self.removeObservers(self._onSegments)
        self._segmentation = segmentation
        if segmentation is None:
            return
        segments = segmentation.GetSegmentation()
        for event in (
            segments.SegmentAdded,
            segments.SegmentRemoved,
            segments.SegmentModified,
            segments.SourceRepresentationModified,
        ):
            self.addObserver(segments, event, self._onSegments)

    def _onSegments(self, caller: vtk.vtkObject, event: str) -> None:
        self._fillSegments()
        self._computation.parametersChanged()
        self._drawSoon()

    def _fillSegments(self) -> None:
        """List the segments of the chosen segmentation; must not change parameters, which would call this again."""
        selector, chosen = self._ui.segmentSelector, self._context.parameters.perfusion
        segmentation = chosen.aifSegmentation
        ids = segmentation.GetSegmentation().GetSegmentIDs() if segmentation is not None else ()
        self._updating = True
        selector.clear()
        for one in ids:
            selector.addItem(segmentation.GetSegmentation().GetSegment(one).GetName(), one)
        single = 0 if len(ids) == 1 else -1  # among several, the user chooses
        selector.currentIndex = ids.index(chosen.aifSegment) if chosen.aifSegment in ids else single
        self._updating = False

    def store(self, chosen: PerfusionParameters) -> None:
        """Store the source of the arterial input, its candidate and its segment."""
        ui = self._ui
        chosen.aif = AIF[ui.aifSelector.currentIndex]
        chosen.candidate = max(ui.candidateSelector.currentIndex, 0)
        chosen.aifSegment = ui.segmentSelector.currentData or ""

    def _onOwnBaseline(self, own: bool) -> None:
        """Initialize the user's baseline with the one that was found."""
        bolus = bolusTimes(self._result) if own and self._result is not None else None
        if bolus is not None:
            self._ui.baselineStart.value, self._ui.baselineEnd.value = bolus[:2]

    def _onMarks(self, on: bool) -> None:
        points = self._result.node(POINTS) if self._result is not None else None
        if points is not None:
            points.SetDisplayVisibility(on)


def _facts(result, arterial: ArterialCurve) -> str:
    """Return a description of the arterial input and the bolus."""
    score = (
        ""
        if arterial.score is None
        else _(", likeness to an artery {score} of 1").format(score=f"{arterial.score:.2f}")
    )
    text = _("Arterial input: {origin}{score}. Peak {peak} 1/s.")
    facts = text.format(origin=arterial.origin, score=score, peak=f"{arterial.curve.max():.1f}")
    bolus = bolusTimes(result)
    if bolus is not None:
        start, end, arrival, peak = (f"{moment:.1f}" for moment in bolus)
        text = _("Baseline {start} to {end} s; the bolus arrives at {arrival} s and peaks in tissue at {peak} s.")
        facts += " " + text.format(start=start, end=end, arrival=arrival, peak=peak)
    return facts


def _aifTitles() -> dict[str, str]:
    return {
        "automatic": _("Automatic"),
        "candidate": _("Detected candidate"),
        "segment": _("Voxels of a segment"),
        "points": _("Voxels at points"),
        "file": _("CSV file"),
    }
