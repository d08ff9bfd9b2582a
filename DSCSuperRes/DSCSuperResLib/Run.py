"""One run: frames out of the scene, the worker, its results into the scene. Nothing of it waits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import qt
import slicer

from dsc_superres.errors import DSCError

from .Process.Chore import Chore
from .Process.LineProcess import Command
from .Process.WorkerProcess import Log, Outcome, WorkerProcess
from .Request import Request
from .Scene.Maps import SOURCES, addMaps
from .Scene.Result import Result
from .Scene.RunOutput import addRun
from .Scene.SequenceFrames import writeFrames
from .Translation import _

PREPARE, WORK = 0.05, 0.9
"""Shares of the progress: writing the input, and the worker; the rest is loading its results."""


@dataclass
class Ended:
    """How a run ended: with a result; else cancelled, or for the reason in ``error``."""

    result: Result | None = None
    error: str = ""
    cancelled: bool = False
    notes: tuple[str, ...] = ()


class Run:
    """Starts at once. ``onProgress(fraction, stage, seconds left or None)``, then ``onFinished(Ended)`` once.

    Until the very end the scene only has nodes added to it that go away again when the run fails or is cancelled.
    """

    def __init__(
        self,
        request: Request,
        sequence: slicer.vtkMRMLSequenceNode,
        command: Command,
        onProgress: Callable[[float, str, float | None], None],
        onFinished: Callable[[Ended], None],
        log: Log,
    ) -> None:
        self._request, self._command, self._log = request, command, log
        self._onProgress, self._onFinished = onProgress, onFinished
        self._scene, self._sequenceId = sequence.GetScene(), sequence.GetID()
        self._folder = qt.QTemporaryDir()
        self._worker: WorkerProcess | None = None
        self._result: Result | None = None
        self._message: dict = {}
        self._cancelled = False
        writing = writeFrames(sequence, self._path / "input.npy", request.frames, request.slices)
        self._chore = Chore(writing, self._work, self._fail, self._report(0.0, PREPARE, _("Preparing the input")))

    @property
    def _path(self) -> Path:
        return Path(self._folder.path())

    def cancel(self) -> None:
        """Ask it to stop; it ends within some seconds, as cancelled."""
        self._cancelled = True
        if self._worker is not None:
            self._worker.cancel()
        else:
            self._end(Ended(cancelled=True))

    def kill(self) -> None:
        """End it now, leaving no process, file or node. Nobody is told."""
        self._onFinished = lambda ended: None
        if self._worker is not None:
            self._worker.kill()
        self._end(Ended(cancelled=True))

    def _work(self) -> None:
        """The input is written: start the worker."""
        job = self._path / "job.json"
        job.write_text(json.dumps(self._request.job("input.npy", "result")), encoding="utf-8")
        temporary = str(self._path)  # what the worker itself leaves in a temporary place goes away with the run
        command = self._command.following(
            "-m", "dsc_superres.worker", "--job", str(job), TMPDIR=temporary, TEMP=temporary, TMP=temporary
        )
        self._worker = WorkerProcess(command, self._onOutcome, self._onWorkerProgress, self._log)

    def _onWorkerProgress(self, fraction: float, stage: str, left: float | None) -> None:
        if not self._cancelled:
            self._onProgress(PREPARE + (WORK - PREPARE) * fraction, stage, left)

    def _onOutcome(self, outcome: Outcome) -> None:
        self._worker = None
        if outcome.message is None or self._cancelled:
            self._end(Ended(error=outcome.error, cancelled=outcome.cancelled or self._cancelled))
            return
        self._message = outcome.message
        report = self._report(WORK, 1.0, _("Loading the result"))
        self._chore = Chore(self._load(), self._done, self._fail, report)

    def _load(self) -> Iterator[float]:
        source = self._scene.GetNodeByID(self._sequenceId)
        if source is None:
            raise DSCError(_("The series was removed from the scene while it was reconstructed."))
        self._result = Result.create(self._scene, self._request.name, beside=source)
        folder, files = Path(self._message["folder"]), self._message["files"]
        yield from addRun(self._result, self._request, source, self._message, folder)
        for role in SOURCES:
            if f"maps_{role}" in files:
                for _fraction in addMaps(self._result, folder / files[f"maps_{role}"], role):
                    yield 1.0

    def _done(self) -> None:
        notes = tuple(self._message["notes"])
        if self._message["maps_error"]:
            notes += (_("No perfusion maps: {reason}").format(reason=self._message["maps_error"]),)
        result, self._result = self._result, None
        self._end(Ended(result, notes=notes))

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, DSCError):
            self._log.add(f"{type(error).__name__}: {error}")
        self._end(Ended(error=str(error) or type(error).__name__))

    def _end(self, ended: Ended) -> None:
        """Clean up, and tell."""
        self._chore.stop()
        if self._result is not None:
            self._result.remove()
            self._result = None
        self._folder.remove()
        self._onFinished(ended)

    def _report(self, start: float, end: float, stage: str) -> Callable[[float], None]:
        return lambda fraction: self._onProgress(start + (end - start) * fraction, stage, None)
