"""The part of the Perfusion panel that shows and sets the arterial input, and starts the computation of maps."""

from __future__ import annotations

from collections.abc import Callable

import slicer

from dsc_superres.errors import DSCError

from ..Jobs.BackgroundJob import Finished
from ..Parameters import AIF, PerfusionParameters
from ..Scene.Maps.ArterialInput import ArterialCurve, arterialInput, bolusTimes, candidates, drawCurve, markVoxels
from ..Translation import _
from .MapOptionControls import MapOptionControls
from .PerfusionControls import PerfusionControls

PLOT_VIEW = "DSCSuperResArterialInput"


class ArterialControls(PerfusionControls):
    """Controls of ``Perfusion.ui`` for the arterial input. ``onMaps`` is called when maps were computed."""

    def __init__(self, ui, context, onMaps: Callable[[], None]) -> None:
        super().__init__(ui, context)
        self._onMaps, self._result = onMaps, None
        self._options = MapOptionControls(ui, context)
        self._plot = None
        ui.progressBar.visible = False
        self._offer(ui.aifSelector, _aifTitles())
        self._observe(ui.candidateSelector)
        self._observe(ui.segmentSelector)
        self._observeFile(ui.aifFile, "aifFile")
        ui.ownBaselineCheckBox.connect("clicked(bool)", self._onOwnBaseline)
        ui.marksCheckBox.connect("toggled(bool)", self._onMarks)
        ui.computeButton.connect("clicked()", self.compute)
        ui.cancelButton.connect("clicked()", self._onCancel)

    def setResult(self, result) -> None:
        """Show the arterial input of ``result``; stop a computation for another one."""
        if result != self._result:
            self.stop()
        self._result = result
        self.update()

    def update(self) -> None:
        """Update the controls from the current maps and parameters."""
        ui, result = self._ui, self._result
        ui.aifBox.enabled = result is not None
        arterial = arterialInput(result) if result is not None else None
        found = candidates(result) if result is not None else []
        self._showArterial(arterial, found)
        self._fillCandidates(found)
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
        self._fillSegments()
        rows = {
            "candidate": (ui.candidateLabel, ui.candidateSelector),
            "segment": (ui.segmentLabel, ui.aifSegmentation, ui.segmentSelector),
            "points": (ui.pointsLabel, ui.aifPoints),
            "file": (ui.fileLabel, ui.aifFile),
        }
        for kind, widgets in rows.items():
            for widget in widgets:
                widget.visible = kind == chosen.aif
        for widget in (ui.baselineStart, ui.baselineEnd):
            widget.enabled = chosen.ownBaseline
        computing = self._context.logic.computingMaps
        ui.computeButton.enabled = self._result is not None and not computing
        ui.cancelButton.enabled = ui.progressBar.visible = computing
        self._options.parametersChanged()

    def compute(self) -> None:
        """Recompute the maps in the background."""
        logic, parameters = self._context.logic, self._context.parameters
        self._ui.statusLabel.text = ""
        try:
            request = logic.mapsRequest(parameters, self._result)
            logic.startMaps(self._result, request, self._onFinished, self._onProgress)
        except DSCError as error:
            self._ui.statusLabel.text = str(error)
        self.parametersChanged()

    def stop(self) -> None:
        """Stop the computation of maps."""
        self._context.logic.stopMaps()
        self._ui.progressBar.visible = False

    def _onCancel(self) -> None:
        self._context.logic.cancelMaps()

    def _onProgress(self, fraction: float, stage: str, left: float | None) -> None:
        self._ui.progressBar.value = round(1000 * fraction)
        self._ui.statusLabel.text = stage

    def _onFinished(self, finished: Finished) -> None:
        if finished.result is not None:
            self._ui.statusLabel.text = _("The maps are up to date.")
        else:
            self._ui.statusLabel.text = _("Canceled.") if finished.cancelled else finished.error
        self.update()
        if finished.result is not None:
            self._onMaps()

    def _showArterial(self, arterial: ArterialCurve | None, found: list[ArterialCurve]) -> None:
        ui, result = self._ui, self._result
        for widget in (ui.marksCheckBox, ui.plotPlace):
            widget.visible = arterial is not None
        ui.aifFacts.text = _("There are no maps yet: compute them.") if arterial is None else _facts(result, arterial)
        if arterial is None:
            return
        others = [
            one
            for one in found
            if not (one.voxels.shape == arterial.voxels.shape and (one.voxels == arterial.voxels).all())
        ]
        chart = drawCurve(result, arterial, others)
        points = markVoxels(result, arterial)
        ui.marksCheckBox.enabled = points is not None
        if points is not None:
            ui.marksCheckBox.checked = bool(points.GetDisplayVisibility())
        self._plotView().SetPlotChartNodeID(chart.GetID())

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

    def _fillCandidates(self, found: list[ArterialCurve]) -> None:
        selector = self._ui.candidateSelector
        self._updating = True
        selector.clear()
        for number, one in enumerate(found, 1):
            text = _("{number}: likeness to an artery {score}, {voxels} voxels")
            score = "–" if one.score is None else f"{one.score:.2f}"
            selector.addItem(text.format(number=number, score=score, voxels=len(one.voxels)))
        self._updating = False

    def _fillSegments(self) -> None:
        """List the segments of the chosen segmentation; must not change parameters, which would call this again."""
        selector, chosen = self._ui.segmentSelector, self._context.parameters.perfusion
        segmentation = chosen.aifSegmentation
        ids = segmentation.GetSegmentation().GetSegmentIDs() if segmentation is not None else ()
        self._updating = True
        selector.clear()
        for one in ids:
            selector.addItem(segmentation.GetSegmentation().GetSegment(one).GetName(), one)
        selector.currentIndex = ids.index(chosen.aifSegment) if chosen.aifSegment in ids else (0 if ids else -1)
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
        points = self._result.node("points.aif") if self._result is not None else None
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
