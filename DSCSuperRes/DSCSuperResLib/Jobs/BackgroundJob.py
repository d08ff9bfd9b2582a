"""A background job: writes files from the scene, runs the worker on them, and loads its results; it never blocks."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import qt

from dsc_superres.errors import DSCError

from ..Process.LineProcess import Command
from ..Process.WaitingWorker import WaitingWorker
from ..Process.WorkerProcess import Log, Outcome, WorkerProcess
from .RemoveFiles import removeFiles
from .TimeSlicedTask import PAUSE, TimeSlicedTask

PROGRESS_INTERVAL = 100
"""ms between two reports of the worker's progress at least: each lays out the panel."""
Progress = Callable[[float, str, float | None], None]
"""Called with the fraction done (0..1), the stage in words, and the seconds left, if known."""
ShowImages = Callable[[dict], Iterator[object]]
IMAGES = "images"
"""Folder of the images that the worker hands over before their maps are computed, among the job's temporary files."""


@dataclass
class Finished:
    """The outcome of a job: a ``result``, an ``error`` (one sentence), or ``cancelled``.

    A job that has shown a part of its result keeps that, whatever happens later: there is a ``result`` then beside an
    ``error``, or although the job was ``cancelled``. ``notes`` are sentences for the user about the result.
    """

    result: Any = None
    error: str = ""
    cancelled: bool = False
    notes: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the result is all that was asked for."""
        return self.result is not None and not self.error and not self.cancelled


class BackgroundJob(ABC):
    """Base class of background jobs, whose ``steps`` prepare files, run the worker, and load the results.

    Files are read and written on the GUI thread in short slices; the worker is a separate process. A job that fails,
    crashes, or is canceled leaves no process, no file, and no node but those of what it has shown before. ``active`` is
    whether the job is running, and ``shown`` the part of its result that it has shown.
    """

    active = False
    shown: Finished | None = None

    @abstractmethod
    def steps(self, folder: Path) -> Generator[object, None, Finished]:
        """Write the worker's input into ``folder``, run the worker, load its results, and return the outcome.

        This is a generator of ``part`` and ``compute``. It is closed if the job fails or is canceled, and must then
        remove the nodes that it has added to the scene, but for those of what is ``shown``.
        """

    def start(
        self,
        command: Command,
        log: Log,
        onFinished: Callable[[Finished], None],
        onProgress: Progress,
        waiting: WaitingWorker | None = None,
    ) -> None:
        """Start the job and return immediately; ``command`` is the interpreter. ``onFinished`` is called once.

        A worker of ``waiting`` does the work where there is one, which saves the seconds that a new one needs to start.
        """
        self._command, self._log, self._waiting = command, log, waiting
        self._onFinished, self._onProgress = onFinished, onProgress
        self.active = True
        self._temporary = qt.QTemporaryDir()
        self._worker: WorkerProcess | None = None
        self._ahead: dict | None = None
        self._outcome: Outcome | None = None
        self._cancelled = self._waits = False
        self._progress = (0.0, "", None)
        self._progressTimer = qt.QTimer()
        self._progressTimer.setSingleShot(True)
        self._progressTimer.connect("timeout()", self._reportProgress)
        steps = self._stepsAndCleaning(Path(self._temporary.path()))
        self._task = TimeSlicedTask(steps, self._end, self._fail, lambda part: onProgress(*part, None))

    def _stepsAndCleaning(self, folder: Path) -> Generator[object, None, Finished]:
        """Do the steps, then remove their files piece by piece: those of a long series take a while."""
        finished = yield from self.steps(folder)
        for _piece in removeFiles(folder):
            yield None
        return finished

    def cancel(self) -> None:
        """Ask the job to stop, which takes up to some seconds. What only has to be loaded into a shown result, is."""
        if self._worker is not None:
            self._cancelled = True
            self._worker.cancel()
        elif self.shown is None:
            self._end(Finished(cancelled=True))

    def kill(self) -> None:
        """Stop the job immediately, without calling ``onFinished``."""
        self._onFinished = lambda finished: None
        if self._worker is not None:
            self._worker.kill()
        self._end(Finished(cancelled=True))

    def part(self, stage: str, start: float, end: float, work: Iterator[float]) -> Iterator[tuple[float, str]]:
        """Do ``work``, which yields fractions, as the part of the job from progress ``start`` to ``end``."""
        for fraction in work:
            yield start + (end - start) * fraction, stage

    def compute(
        self, fields: dict[str, object], folder: Path, start: float, end: float, showImages: ShowImages | None = None
    ) -> Generator[object, None, dict]:
        """Run the worker on a job with these ``fields``, whose paths are relative to ``folder``; return its message.

        ``showImages`` shows the images while the worker computes maps: it is called with the message about them. Raises
        ``DSCError`` with the worker's sentence if that fails.
        """
        self._startWorker(fields, folder, start, end, None if showImages is None else folder / IMAGES)
        while self._outcome is None or self._ahead is not None:
            if self._ahead is not None:
                message, self._ahead = self._ahead, None
                yield from showImages(message)
            else:
                self._waits = True
                yield PAUSE
                self._waits = False
        if self._outcome.message is None:
            raise DSCError(self._outcome.error)
        return self._outcome.message

    def _startWorker(
        self, fields: dict[str, object], folder: Path, start: float, end: float, images: Path | None
    ) -> None:
        job = folder / "job.json"
        job.write_text(json.dumps(fields), encoding="utf-8")
        # Temporary files of a worker that crashes are removed with the job's own.
        environment = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
        ahead = () if images is None else ("--images", str(images))
        command = self._command.following("-m", "dsc_superres.worker", "--job", str(job), *ahead, **environment)
        waiting = self._waiting.take(self._command) if self._waiting is not None else None

        def report(fraction: float, stage: str, left: float | None) -> None:
            self._progress = (start + (end - start) * fraction, stage, left)
            if not self._progressTimer.active:
                self._reportProgress()
                self._progressTimer.start(PROGRESS_INTERVAL)

        def startNew() -> None:
            self._worker = WorkerProcess(command, self._onOutcome, report, self._log, self._onAhead)

        def ended(outcome: Outcome) -> None:
            if waiting.started or self._cancelled:
                self._onOutcome(outcome)
            else:  # it was gone before it had read its job
                startNew()

        if waiting is None:
            startNew()
        else:
            self._worker = waiting
            waiting.assign(job, folder, images, ended, report, self._onAhead)

    def _reportProgress(self) -> None:
        if self.active and self._waits and not self._cancelled:
            self._onProgress(*self._progress)

    def _onAhead(self, message: dict) -> None:
        self._ahead = message
        self._task.resume()

    def _onOutcome(self, outcome: Outcome) -> None:
        self._worker = None
        self._progressTimer.stop()
        if outcome.cancelled or self._cancelled:
            self._end(Finished(cancelled=True))
        else:
            self._outcome = outcome
            self._task.resume()

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, DSCError):
            self._log.add(f"{type(error).__name__}: {error}")
        self._end(Finished(error=str(error) or type(error).__name__))

    def _end(self, finished: Finished) -> None:
        if finished.result is None and self.shown is not None:
            finished = replace(finished, result=self.shown.result, notes=self.shown.notes)
        self._task.stop()
        self._progressTimer.stop()
        self._temporary.remove()
        self.active = False
        self._onFinished(finished)
