"""Everything a user can click, for scripts: parameters, files, runs. Keeps what is going on in the background."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import slicer

from dsc_superres.errors import DSCError, SeriesError

from .ExportRequest import ExportRequest, makeExportRequest
from .ExportRun import Exported, ExportRun
from .Opening import Opening
from .Parameters import Parameters
from .Process.Interpreter import interpreter
from .Process.WorkerProcess import Log, Outcome, WorkerProcess
from .Request import Request, makeRequest
from .Run import Ended, Run
from .Scene.Result import Result
from .Scene.SequenceInput import InputInfo, readInput, sequenceOf
from .Scene.SourceStudy import noteFile, studyFile
from .Translation import _

Progress = Callable[[float, str, float | None], None]
"""Called with the fraction done (0..1), the stage in words, and the seconds left, if known."""


class Logic:
    """The workflow. One run, one opening of a file, one export and one probe can be going on at a time.

    A script that waits for one of them lets the event loop turn: ``slicer.app.processEvents()`` until it is done.
    """

    def __init__(self, getParameterNode: Callable[[], slicer.vtkMRMLNode]) -> None:
        self.parameterNode = getParameterNode
        self.log = Log()
        self.capabilities: dict | None = None
        self.files: dict[str, Path] = {}
        self._run: Run | None = None
        self._opening: Opening | None = None
        self._export: ExportRun | None = None
        self._probe: WorkerProcess | None = None

    def parameters(self) -> Parameters:
        """The scene's parameters."""
        return Parameters(self.parameterNode())

    def inputInfo(self, parameters: Parameters) -> InputInfo:
        """What the chosen series is, with the user's corrections. Raises ``SeriesError``."""
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

    def request(self, parameters: Parameters) -> Request:
        """The run that ``parameters`` ask for. Raises ``DSCError`` where it is not possible."""
        info = self.inputInfo(parameters)
        name = f"{parameters.input.sequence.GetName()} {parameters.reconstruct.model}"
        return makeRequest(parameters, info, name)

    @property
    def running(self) -> bool:
        """Whether a run is going on."""
        return self._run is not None

    def startRun(
        self,
        parameters: Parameters,
        onFinished: Callable[[Ended], None],
        onProgress: Progress = lambda fraction, stage, left: None,
    ) -> None:
        """Reconstruct in the background. Raises ``DSCError`` where that is not possible."""
        if self._run is not None:
            raise DSCError(_("Another run is going on: wait for it, or cancel it."))

        def finished(ended: Ended) -> None:
            self._run = None
            onFinished(ended)

        request = self.request(parameters)
        self._run = Run(request, parameters.input.sequence, interpreter(), onProgress, finished, self.log)

    def cancelRun(self) -> None:
        """Ask the run to stop; ``onFinished`` is told within some seconds."""
        if self._run is not None:
            self._run.cancel()

    @property
    def opening(self) -> bool:
        """Whether a file is being opened."""
        return self._opening is not None

    def openFile(
        self,
        path: str | Path | None,
        onFinished: Callable[[slicer.vtkMRMLSequenceNode | None, str], None],
        onProgress: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Open a 4D NIfTI, a NRRD or a DICOM folder as a sequence; None simulates the sample patient.

        ``onFinished`` gets the sequence, or None and a sentence that says why not.
        """
        if self._opening is not None:
            raise DSCError(_("Another file is being opened: wait for it."))

        def finished(sequence: slicer.vtkMRMLSequenceNode | None, error: str) -> None:
            self._opening = None
            if sequence is not None and path is not None:
                noteFile(sequence, Path(path), self.files)
            onFinished(sequence, error)

        source = None if path is None else Path(path)
        self._opening = Opening(slicer.mrmlScene, interpreter(), source, onProgress, finished, self.log)

    @property
    def exporting(self) -> bool:
        """Whether an export is going on."""
        return self._export is not None

    def studyFile(self, result: Result) -> Path | None:
        """A DICOM file or folder of the series that ``result`` was computed from, if that is known."""
        return studyFile(result, self.files)

    def exportRequest(self, parameters: Parameters, result: Result | None) -> ExportRequest:
        """The export that ``parameters`` ask for. Raises ``DSCError`` where it is not possible."""
        if result is None or result.sequence("reconstruction") is None:
            raise DSCError(_("There is no result to export: press Apply in the section Reconstruct first."))
        return makeExportRequest(parameters.export, result, self.studyFile(result))

    def startExport(
        self,
        result: Result,
        request: ExportRequest,
        onFinished: Callable[[Exported], None],
        onProgress: Callable[[float, str], None] = lambda fraction, stage: None,
    ) -> None:
        """Write the files of ``request`` in the background. Nothing is overwritten unless it says so.

        Raises ``DSCError`` while another export is going on.
        """
        if self._export is not None:
            raise DSCError(_("Another export is going on: wait for it, or cancel it."))

        def finished(exported: Exported) -> None:
            self._export = None
            onFinished(exported)

        self._export = ExportRun(result, request, interpreter(), onProgress, finished, self.log)

    def cancelExport(self) -> None:
        """Ask the export to stop; ``onFinished`` is told within some seconds."""
        if self._export is not None:
            self._export.cancel()

    def probe(self, onFinished: Callable[[Outcome], None]) -> None:
        """Ask the worker for its versions, devices and models; they are kept in ``capabilities``."""
        if self._probe is not None:
            self._probe.kill()

        def finished(outcome: Outcome) -> None:
            self._probe = None
            self.capabilities = outcome.message
            onFinished(outcome)

        self._probe = WorkerProcess(interpreter().following("-m", "dsc_superres.worker", "--probe"), finished)

    def results(self) -> list[Result]:
        """The runs in the scene, the newest last."""
        return Result.all(slicer.mrmlScene)

    def stopWork(self) -> None:
        """End now what works for or on the scene; no process, file or half a result stays."""
        for work in (self._run, self._opening, self._export):
            if work is not None:
                work.kill()
        self._run = self._opening = self._export = None

    def stopAll(self) -> None:
        """End everything in the background now."""
        self.stopWork()
        if self._probe is not None:
            self._probe.kill()
        self._probe = None
