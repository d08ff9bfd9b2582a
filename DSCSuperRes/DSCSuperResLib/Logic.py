"""Everything in the panel, for scripts: parameters, files, reconstruction, maps, export."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import qt
import slicer

from dsc_superres.errors import DSCError, SeriesError
from dsc_superres.pipeline.estimate import reconstruction_lap

from .Jobs.BackgroundJob import BackgroundJob, Finished, Progress
from .Jobs.CompareResults import CompareResults, commonFrames
from .Jobs.ComputeMaps import ComputeMaps
from .Jobs.ExportRequest import ExportRequest, makeExportRequest
from .Jobs.ExportResult import ExportResult
from .Jobs.MapsRequest import MapsRequest, makeMapsRequest
from .Jobs.OpenSeries import OpenSeries
from .Jobs.ReconstructionRequest import ReconstructionRequest, makeRequest
from .Jobs.ReconstructSeries import ReconstructSeries
from .Jobs.RunEstimate import deviceOf, estimateUnmeasured
from .Jobs.RunSpeed import rememberRun
from .Parameters import Parameters, renameFormerParameters
from .Process.Interpreter import interpreter
from .Process.WaitingWorker import WaitingWorker
from .Process.WorkerProcess import Log, Outcome, WorkerProcess
from .Scene.Export.SourceStudy import noteFile, studyFile
from .Scene.Result import Result
from .Scene.Sequences.SequenceInput import InputInfo, readInput, sequenceOf
from .Translation import _

RUN = "run"
MAPS = "maps"
EXPORT = "export"
OPEN = "open"
COMPARISON = "comparison"
WAIT_AFTER = 500
"""ms after a job until another worker is started to wait: first the window shows what the job has made."""
OnFinished = Callable[[Finished], None]


def noProgress(fraction: float, stage: str, left: float | None) -> None:
    """Ignore progress."""


def noResult(finished: Finished) -> None:
    """Ignore a result."""


class Logic:
    """The workflow. One job of each kind, and one probe, can run at a time.

    A script that waits for a job lets the event loop turn, ``slicer.app.processEvents()``, until ``onFinished`` is
    called with the outcome (``Finished``).
    """

    def __init__(self, getParameterNode: Callable[[], slicer.vtkMRMLNode]) -> None:
        self.parameterNode = getParameterNode
        self.log = Log()
        self.capabilities: dict | None = None
        self.files: dict[str, Path] = {}
        self._jobs: dict[str, BackgroundJob] = {}
        self._probe: WorkerProcess | None = None
        self.waiting = WaitingWorker(self.log)
        self._keepsWaiting = False
        self._waitTimer = qt.QTimer()
        self._waitTimer.setSingleShot(True)
        self._waitTimer.connect("timeout()", self._letWait)

    def parameters(self) -> Parameters:
        """The scene's parameters."""
        renameFormerParameters(self.parameterNode())
        return Parameters(self.parameterNode())

    def inputInfo(self, parameters: Parameters) -> InputInfo:
        """Return the properties of the chosen series, with the user's corrections. Raises ``SeriesError``."""
        sequence = parameters.input.sequence
        if sequence is None:
            raise SeriesError(_("Choose a volume sequence in the section Input, open a file, or try the sample."))
        return readInput(sequence).corrected(parameters.input.repetitionTime, parameters.input.echoTime)

    def setInput(self, node: slicer.vtkMRMLNode, parameters: Parameters) -> None:
        """Choose a sequence, or the volume that shows one. Raises ``SeriesError`` for anything else."""
        sequence = sequenceOf(node)
        if sequence is None:
            raise SeriesError(_("{name} is a single volume: choose a sequence.").format(name=node.GetName()))
        parameters.input.sequence = sequence

    def openFile(
        self,
        path: str | Path | Sequence[Path] | None,
        onFinished: OnFinished,
        onProgress: Progress = noProgress,
        images: Mapping[str, int] | None = None,
        name: str = "",
    ) -> None:
        """Open a 4D NIfTI, a NRRD, a DICOM folder or the DICOM files of a series; None simulates the sample patient.

        The result is a sequence, called ``name`` or like the file. ``images`` chooses the "series", the "echo" and the
        "stack" of DICOM files that have several. Raises ``DSCError`` while another file is being opened.
        """
        source = Path(path) if isinstance(path, str) else path
        opened = source if source is None or isinstance(source, Path) else source[0]

        def finished(outcome: Finished) -> None:
            if outcome.result is not None and opened is not None:
                noteFile(outcome.result, opened, self.files)
            onFinished(outcome)

        self._start(OPEN, OpenSeries(slicer.mrmlScene, source, images, name), finished, onProgress)

    def openNow(
        self, path: str | Path | Sequence[Path] | None, images: Mapping[str, int] | None = None, name: str = ""
    ) -> slicer.vtkMRMLSequenceNode:
        """Open a series like ``openFile``, and return its sequence; Slicer stays responsive meanwhile.

        For callers to whom a result cannot be handed later. Raises ``DSCError`` if the series cannot be opened.
        """
        outcomes: list[Finished] = []
        self.openFile(path, outcomes.append, images=images, name=name)
        while not outcomes and self.opening:
            slicer.app.processEvents()
        if not outcomes or outcomes[0].result is None:
            raise DSCError(outcomes[0].error if outcomes else _("The scene was closed while the series was opened."))
        return outcomes[0].result

    def request(self, parameters: Parameters, preview: bool = False) -> ReconstructionRequest:
        """Return the request for a run with ``parameters``; for a ``preview``, of the middle slice alone.

        Raises ``DSCError`` if it is not possible.
        """
        info = self.inputInfo(parameters)
        name = f"{parameters.input.sequence.GetName()} {parameters.reconstruct.model}"
        request = makeRequest(parameters, info, name)
        return request.middleSlice() if preview else request

    def startRun(
        self,
        parameters: Parameters,
        onFinished: OnFinished,
        onProgress: Progress = noProgress,
        preview: bool = False,
        onImages: OnFinished = noResult,
    ) -> None:
        """Reconstruct in the background; the result is a ``Result``. How long it takes improves later estimates.

        ``onImages`` is called when it is in the scene and its maps are still being computed; it stays there if these
        are canceled or fail. ``preview`` reconstructs the middle slice alone. Raises ``DSCError`` if that is not
        possible.
        """
        request = self.request(parameters, preview)
        device, capabilities, start = deviceOf(request, self.capabilities), self.capabilities, time.monotonic()

        def finished(outcome: Finished) -> None:
            if outcome.complete:
                estimated = estimateUnmeasured(request, capabilities)
                laps = outcome.result.record("text.provenance").get("seconds", {})
                reconstruction = laps.get(reconstruction_lap(request.model), 0.0)
                rememberRun(request, device, estimated, time.monotonic() - start, reconstruction)
            onFinished(outcome)

        self._start(RUN, ReconstructSeries(request, parameters.input.sequence, onImages), finished, onProgress)

    def startComparison(
        self, one: Result, other: Result, onFinished: OnFinished, onProgress: Progress = noProgress
    ) -> None:
        """Show two results of one series and their difference, one - other; the result is a ``Result`` of its own.

        Raises ``DSCError`` if they cannot be compared.
        """
        commonFrames(one, other)
        self._start(COMPARISON, CompareResults(one, other), onFinished, onProgress)

    def mapsRequest(self, parameters: Parameters, result: Result) -> MapsRequest:
        """Return the request for maps with ``parameters``. Raises ``DSCError`` if it is not possible."""
        return makeMapsRequest(parameters.perfusion, result)

    def startMaps(
        self, result: Result, request: MapsRequest, onFinished: OnFinished, onProgress: Progress = noProgress
    ) -> None:
        """Recompute the maps of ``result`` in the background; they replace its current ones.

        Raises ``DSCError`` while other maps are being computed.
        """
        self._checkIsComplete(result)
        self._start(MAPS, ComputeMaps(result, request), onFinished, onProgress)

    def exportRequest(self, parameters: Parameters, result: Result | None) -> ExportRequest:
        """Return the request for an export with ``parameters``. Raises ``DSCError`` if it is not possible."""
        if result is None or result.sequence("reconstruction") is None:
            raise DSCError(_("There is no result to export: press Apply in the section Reconstruct first."))
        self._checkIsComplete(result)
        return makeExportRequest(parameters.export, result, self.studyFile(result))

    def startExport(
        self, result: Result, request: ExportRequest, onFinished: OnFinished, onProgress: Progress = noProgress
    ) -> None:
        """Write the files of ``request`` in the background; the result is ``Exported``.

        Nothing is overwritten unless the request says so. Raises ``DSCError`` while another export is running.
        """
        self._start(EXPORT, ExportResult(result, request), onFinished, onProgress)

    @property
    def opening(self) -> bool:
        """Whether a file is being opened."""
        return self._active(OPEN)

    @property
    def running(self) -> bool:
        """Whether a run is active."""
        return self._active(RUN)

    def isComplete(self, result: Result | None) -> bool:
        """Return whether no run is still computing the maps of ``result``."""
        run = self._jobs.get(RUN)
        return result is None or not self.running or run.shown is None or run.shown.result != result

    @property
    def computingMaps(self) -> bool:
        """Whether maps are being recomputed."""
        return self._active(MAPS)

    @property
    def exporting(self) -> bool:
        """Whether an export is running."""
        return self._active(EXPORT)

    @property
    def comparing(self) -> bool:
        """Whether two results are being compared."""
        return self._active(COMPARISON)

    def cancelRun(self) -> None:
        """Ask the run to stop; ``onFinished`` is called within some seconds."""
        self._cancel(RUN)

    def cancelMaps(self) -> None:
        """Ask the computation of maps to stop; ``onFinished`` is called within some seconds."""
        self._cancel(MAPS)

    def cancelExport(self) -> None:
        """Ask the export to stop; ``onFinished`` is called within some seconds."""
        self._cancel(EXPORT)

    def studyFile(self, result: Result) -> Path | None:
        """Return a DICOM file or folder of the series that ``result`` was computed from; None if unknown."""
        return studyFile(result, self.files)

    def probe(self, onFinished: Callable[[Outcome], None]) -> None:
        """Ask the worker for its versions, devices, and models; they are kept in ``capabilities``."""
        self.waiting.stop()
        if self._probe is not None:
            self._probe.kill()

        def finished(outcome: Outcome) -> None:
            self._probe = None
            self.capabilities = outcome.message
            onFinished(outcome)
            self._letWait()

        self._probe = WorkerProcess(interpreter().following("-m", "dsc_superres.worker", "--probe"), finished)

    def keepWorkerWaiting(self, keep: bool) -> None:
        """Have a worker wait for the next job, or none: a job that it does starts at once, and not after seconds.

        It is started where the probe has found all that it needs, and while no job is running.
        """
        self._keepsWaiting = keep
        if keep:
            self._letWait()
        else:
            self._waitTimer.stop()
            self.waiting.stop()

    def results(self) -> list[Result]:
        """The runs in the scene, the newest last."""
        return Result.all(slicer.mrmlScene)

    def stopMaps(self) -> None:
        """Stop the computation of maps immediately, without calling its ``onFinished``."""
        self._kill(MAPS)

    def stopWork(self) -> None:
        """Stop all jobs immediately, without calling their ``onFinished``; they leave nothing behind."""
        for kind in self._jobs:
            self._kill(kind)

    def stopAll(self) -> None:
        """Stop everything in the background immediately."""
        self.keepWorkerWaiting(False)
        self.stopWork()
        if self._probe is not None:
            self._probe.kill()
        self._probe = None

    def _checkIsComplete(self, result: Result) -> None:
        if not self.isComplete(result):
            raise DSCError(incompleteText())

    def _letWait(self) -> None:
        ready = self.capabilities is not None and self.capabilities["ready"]
        busy = self._probe is not None or any(job.active for job in self._jobs.values())
        if self._keepsWaiting and ready and not busy:
            self.waiting.start(interpreter())

    def _start(self, kind: str, job: BackgroundJob, onFinished: OnFinished, onProgress: Progress) -> None:
        if self._active(kind):
            raise DSCError(_busyText(kind))
        self._jobs[kind] = job

        def finished(outcome: Finished) -> None:
            onFinished(outcome)
            self._waitTimer.start(WAIT_AFTER)

        job.start(interpreter(), self.log, finished, onProgress, self.waiting)

    def _active(self, kind: str) -> bool:
        return kind in self._jobs and self._jobs[kind].active

    def _cancel(self, kind: str) -> None:
        if self._active(kind):
            self._jobs[kind].cancel()

    def _kill(self, kind: str) -> None:
        if self._active(kind):
            self._jobs[kind].kill()
            self._letWait()


def incompleteText() -> str:
    """Return why something has to wait for the maps of a run."""
    return _("The maps of this result are being computed: wait for them, or cancel them in the section Reconstruct.")


def _busyText(kind: str) -> str:
    texts = {
        RUN: _("Another run is in progress: wait for it, or cancel it."),
        MAPS: _("Other maps are being computed: wait for them, or cancel their computation."),
        EXPORT: _("Another export is in progress: wait for it, or cancel it."),
        OPEN: _("Another file is being opened: wait for it."),
        COMPARISON: _("Another comparison is being made: wait for it."),
    }
    return texts[kind]
