"""The section Reconstruct: model and device; start, progress, and cancel of the run."""

from __future__ import annotations

import qt
import slicer
import vtk
from slicer.util import VTKObservationMixin

from dsc_superres.errors import DSCError
from dsc_superres.models import DEFAULT_MODEL, find, names_with_uncertainty

from ..Jobs.BackgroundJob import Finished
from ..Jobs.RunEstimate import estimateRun
from ..ModelCard import cardText, summaryText
from ..Process.WorkerProcess import Outcome
from ..Translation import _
from .BackgroundControls import BackgroundControls
from .Section import Section, setText
from .SeriesQueue import SeriesQueue, seriesOfScene

AUTO = "auto"


class ReconstructSection(Section, VTKObservationMixin):
    """Controls of ``Reconstruct.ui``."""

    def __init__(self, ui, context) -> None:
        VTKObservationMixin.__init__(self)
        Section.__init__(self, ui, context)
        self._updating = self._probed = False
        self._outcome, self._queue, self._shown = "", SeriesQueue(), None
        self._background = BackgroundControls(ui, context.logic, self.probe)
        ui.progressBar.visible = False
        ui.modelSelector.connect("currentIndexChanged(int)", self._onModel)
        ui.deviceSelector.connect("currentIndexChanged(int)", self._onDevice)
        ui.cardButton.connect("clicked()", self._onCard)
        ui.applyButton.connect("clicked()", self._onApply)
        ui.previewButton.connect("clicked()", self._onPreview)
        ui.allSeriesButton.connect("clicked()", self._onAllSeries)
        ui.cancelButton.connect("clicked()", self._onCancel)
        self._seriesTimer = qt.QTimer()
        self._seriesTimer.setSingleShot(True)
        self._seriesTimer.connect("timeout()", self._onSeries)
        for event in (slicer.mrmlScene.NodeAddedEvent, slicer.mrmlScene.NodeRemovedEvent):
            self.addObserver(slicer.mrmlScene, event, self._onNode)
        self._fillModels(None)
        self._fillDevices(None)

    def enter(self) -> None:
        """Probe the background process, once; then one waits for the next job."""
        self.context.logic.keepWorkerWaiting(True)
        if not self._probed:
            self.probe()

    def exit(self) -> None:
        """Let no background process wait while the user works elsewhere."""
        self.context.logic.keepWorkerWaiting(False)

    def probe(self) -> None:
        """Ask the background process for its versions, devices, and models."""
        self._probed = True
        self._background.show(None, "")
        self.context.logic.probe(self._onProbed)
        self._update()

    def parametersChanged(self) -> None:
        """Update the choices, and whether a run is possible."""
        self._outcome = ""
        self._select(self.ui.modelSelector, lambda parameters: parameters.reconstruct.model)
        self._select(self.ui.deviceSelector, lambda parameters: parameters.reconstruct.device)
        self._update()

    def cleanup(self) -> None:
        """Leave nothing running or observed."""
        self.removeObservers()
        self._seriesTimer.stop()
        self._background.cleanup()
        super().cleanup()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNode(self, caller: vtk.vtkObject, event: str, node: slicer.vtkMRMLNode) -> None:
        """A series that came or went decides whether there are several; it is filled by the next turn."""
        if node.IsA("vtkMRMLSequenceNode"):
            self._seriesTimer.start(0)

    def _onSeries(self) -> None:
        """A scene that is being read or closed is not complete, and is looked at when it is."""
        if not slicer.mrmlScene.IsBatchProcessing():
            self._update()

    def _onProbed(self, outcome: Outcome) -> None:
        self._fillModels(outcome.message)
        self._fillDevices(outcome.message)
        self._background.show(outcome.message, outcome.error)
        self.context.parametersChanged()

    def _fillModels(self, capabilities: dict | None) -> None:
        models = capabilities["models"] if capabilities else []
        offered = [(_modelText(model), model["name"]) for model in models if model["available"]]
        self._fill(self.ui.modelSelector, offered or [(DEFAULT_MODEL, DEFAULT_MODEL)])
        self._select(self.ui.modelSelector, lambda parameters: parameters.reconstruct.model)

    def _fillDevices(self, capabilities: dict | None) -> None:
        offered = [(_("Automatic: the fastest available"), AUTO)]
        for device in capabilities["devices"] if capabilities else ():
            memory = _(", {size} GB").format(size=f"{device['memory'] / 1e9:.0f}") if device["memory"] else ""
            offered.append((f"{device['name'].upper()}: {device['description']}{memory}", device["name"]))
        self._fill(self.ui.deviceSelector, offered)
        self._select(self.ui.deviceSelector, lambda parameters: parameters.reconstruct.device)

    def _fill(self, selector, offered: list[tuple[str, str]]) -> None:
        self._updating = True
        selector.clear()
        for text, value in offered:
            selector.addItem(text, value)
        self._updating = False

    def _select(self, selector, chosen) -> None:
        """Select the parameter's value, or the first item if it is not offered."""
        parameters = self.context.parameters
        if parameters is None:
            return
        values = [selector.itemData(row) for row in range(selector.count)]
        self._updating = True
        selector.currentIndex = values.index(chosen(parameters)) if chosen(parameters) in values else 0
        self._updating = False
        self.ui.modelSelector.toolTip = summaryText(self.ui.modelSelector.currentData)

    def _onModel(self, row: int) -> None:
        if not self._updating and self.context.parameters is not None:
            self.context.parameters.reconstruct.model = self.ui.modelSelector.itemData(row)

    def _onDevice(self, row: int) -> None:
        if not self._updating and self.context.parameters is not None:
            self.context.parameters.reconstruct.device = self.ui.deviceSelector.itemData(row)

    def _onCard(self) -> None:
        model = self.ui.modelSelector.currentData
        slicer.util.infoDisplay(cardText(model), windowTitle=_("Model {name}").format(name=model))

    def _onApply(self) -> None:
        self._queue.clear()
        self._startRun()

    def _onPreview(self) -> None:
        self._queue.clear()
        self._startRun(preview=True)

    def _onAllSeries(self) -> None:
        """Apply the same settings to every series of the scene, one after the other."""
        self._queue.start(self.context.parameters.input.sequence)
        self._startNext()

    def _startNext(self) -> None:
        """Start the next run of the queue; a series that cannot be used is noted and passed over."""
        while (series := self._queue.next()) is not None:
            self.context.logic.setInput(series, self.context.parameters)
            if self._startRun():
                return
            self._queue.note(series.GetName(), self._outcome)
        self._outcome = self._queue.summary()
        self._update()

    def _startRun(self, preview: bool = False) -> bool:
        """Start a run, and return whether that was possible."""
        self.ui.logText.clear()
        self._outcome = ""
        try:
            self.context.logic.startRun(
                self.context.parameters, self._onFinished, self._onProgress, preview, self._onImages
            )
        except DSCError as error:
            self._outcome = str(error)
        else:
            setText(self.ui.statusLabel, self._queue.place + _("Starting"))
        self._update()
        return not self._outcome

    def _onCancel(self) -> None:
        self._queue.clear()
        self.ui.cancelButton.enabled = False
        self.ui.statusLabel.text = _("Canceling")
        self.context.logic.cancelRun()

    def _onProgress(self, fraction: float, stage: str, left: float | None) -> None:
        self.ui.progressBar.value = round(1000 * fraction)
        text = stage if left is None else f"{stage}, {_leftText(left)}"
        setText(self.ui.statusLabel, self._queue.place + text)
        self.context.showProgressOfMaps(fraction, text)

    def _onImages(self, finished: Finished) -> None:
        """Show the images of a run that goes on with the maps."""
        text = _(
            "{name} is here. Its maps are still being computed: Cancel above ends that, and leaves the images."
        ).format(name=finished.result.name)
        self.context.showNewResult(finished.result, "\n".join([text, *finished.notes]))
        self._shown = finished.result
        self._update()

    def _onFinished(self, finished: Finished) -> None:
        outcome, shown, self._shown = _outcomeText(finished), self._shown, None
        if finished.result is not None and finished.result == shown:
            self.context.completeResult(finished.result, outcome)
        elif finished.result is not None:
            self.context.showNewResult(finished.result, outcome)
        self._outcome = outcome  # showing a result changes parameters, which clears it
        if self._queue.active:
            self._queue.note(self._inputName(), finished.error)
            self._startNext()
        self._update()

    def _inputName(self) -> str:
        parameters = self.context.parameters
        series = parameters.input.sequence if parameters is not None else None
        return series.GetName() if series is not None else _("A removed series")

    def _update(self) -> None:
        """Update buttons and texts: what is possible now, and why not."""
        ui, logic = self.ui, self.context.logic
        running = logic.running
        problem = self._findProblem() if not running else _("A run is in progress.")
        ui.applyButton.enabled = not problem
        ui.applyButton.toolTip = problem or _("Reconstruct in the background. Slicer stays usable meanwhile.")
        self._showFurtherRuns(problem)
        ui.cancelButton.enabled = running
        ui.progressBar.visible = running
        if not running:
            ui.progressBar.value = 0
            ui.statusLabel.text = self._outcome or problem
        for widget in (ui.modelSelector, ui.deviceSelector, ui.mapsCheckBox):
            widget.enabled = not running
        self._showOptions(running)

    def _showFurtherRuns(self, problem: str) -> None:
        """Enable the preview and the run on all series, where they differ from *Apply*."""
        ui, several = self.ui, len(seriesOfScene()) > 1
        slices = 0 if problem else self.context.logic.request(self.context.parameters).size[2]
        ui.previewButton.enabled = slices > 1
        ui.previewButton.toolTip = problem or (
            _("Reconstruct the middle slice alone, as a result of its own, before a long run.")
            if slices > 1
            else _("There is only one slice: press Apply.")
        )
        ui.allSeriesButton.enabled = several and not problem
        ui.allSeriesButton.toolTip = problem or (
            _("Reconstruct every series of the scene with these settings, one after the other.")
            if several
            else _("There is only one series in the scene: press Apply.")
        )

    def _showOptions(self, running: bool) -> None:
        """Enable the options that the model supports; tooltips explain why others are disabled."""
        ui = self.ui
        model = find(ui.modelSelector.currentData or DEFAULT_MODEL)
        network, uncertain = not model.is_interpolator, model.estimates_uncertainty
        ui.fastCheckBox.enabled, ui.uncertaintyCheckBox.enabled = network and not running, uncertain and not running
        ui.fastCheckBox.toolTip, ui.uncertaintyCheckBox.toolTip = _fastText(network), _uncertaintyText(uncertain)

    def _findProblem(self) -> str:
        """Return why a run cannot start; empty if it can."""
        logic, parameters = self.context.logic, self.context.parameters
        if parameters is None:
            return _("The scene is closing.")
        try:
            request = logic.request(parameters)
        except DSCError as error:
            return str(error)
        if self._background.problem:
            return self._background.problem
        return estimateRun(request, logic.capabilities).problem


def _outcomeText(finished: Finished) -> str:
    """Return what became of a run, for the user."""
    if finished.result is None:
        return _("Canceled. The scene was not changed.") if finished.cancelled else finished.error
    name = finished.result.name
    if finished.cancelled:
        text = _("Canceled. The images of {name} stay, without maps; Compute maps in the section Perfusion adds them.")
    elif finished.error:
        text = _("The images of {name} stay, without maps: {error}")
    else:
        text = _("Done: {name}.")
    return "\n".join([text.format(name=name, error=finished.error), *finished.notes])


def _modelText(model: dict) -> str:
    return model["name"] if model["network"] else _("{name} (interpolation)").format(name=model["name"])


def _fastText(possible: bool) -> str:
    if not possible:
        return _("This model is an interpolator and has no half precision: choose a network.")
    return _(
        "Compute the network in half precision (bfloat16) where the processor or GPU has instructions for it: twice as "
        "fast, with differences of about a thousandth of the signal. Elsewhere this changes nothing."
    )


def _uncertaintyText(possible: bool) -> str:
    if not possible:
        text = _("This model does not estimate its uncertainty: choose {models}.")
        return text.format(models=", ".join(names_with_uncertainty()))
    return _(
        "Also load the standard deviation of the reconstruction's error, for every voxel and frame; the section "
        "Display shows it in colors over the images. It takes as much memory as the reconstruction, or twice as much."
    )


def _leftText(seconds: float) -> str:
    if seconds < 90:
        return _("about {seconds} s left").format(seconds=round(seconds))
    return _("about {minutes} min left").format(minutes=round(seconds / 60))
