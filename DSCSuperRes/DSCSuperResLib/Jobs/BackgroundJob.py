"""One background job: files out of the scene, the worker on them, its results into the scene. Nothing of it waits."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import qt

from dsc_superres.errors import DSCError

from ..Process.LineProcess import Command
from ..Process.WorkerProcess import Log, Outcome, WorkerProcess
from .TimeSlicedTask import TimeSlicedTask

Progress = Callable[[float, str, float | None], None]
"""Called with the fraction done (0..1), the stage in words, and the seconds left, where they are known."""


@dataclass
class Finished:
    """How a job ended: with a ``result``; else ``cancelled``, or for the reason in ``error``, one sentence.

    ``notes`` are sentences for the user about a result.
    """

    result: Any = None
    error: str = ""
    cancelled: bool = False
    notes: tuple[str, ...] = ()


class BackgroundJob(ABC):
    """Prepares input files, runs the worker, and loads its results; ``start`` returns at once.

    Reading and writing take place on the GUI thread in short slices, computing in a process of its own. A job that
    fails, crashes, or is canceled leaves no process, no file, and no node.

    Kinds of jobs say what they prepare, which job file they write, and what they load. ``prepared`` and ``computed``
    are the fractions of the progress bar at the end of the first two parts.
    """

    prepared = 0.05
    computed = 0.9
    preparing = ""
    loading = ""

    @abstractmethod
    def prepare(self, folder: Path) -> Iterator[float]:
        """Write the worker's input into ``folder``; yields the fraction done."""

    @abstractmethod
    def fields(self) -> dict[str, object]:
        """The job file; called after ``prepare``. Paths are relative to the folder."""

    @abstractmethod
    def load(self, folder: Path, message: dict) -> Iterator[float]:
        """Put into the scene what the worker's result ``message`` names; yields the fraction done."""

    @abstractmethod
    def finished(self, message: dict) -> Finished:
        """The result; called after ``load``."""

    def discard(self) -> None:  # noqa: B027 - most kinds have nothing to take back
        """Take back what was begun: the job failed or was canceled."""

    def explain(self, error: Exception) -> str:
        """``error`` in a sentence for the user."""
        return str(error) or type(error).__name__

    def start(self, command: Command, log: Log, onFinished: Callable[[Finished], None], onProgress: Progress) -> None:
        """Start the job; ``command`` is the interpreter. ``onFinished`` is called once."""
        self._command, self._log = command, log
        self._onFinished, self._onProgress = onFinished, onProgress
        self._temporary = qt.QTemporaryDir()
        self._worker: WorkerProcess | None = None
        self._cancelled = False
        self._run(self.prepare(self._folder), self._compute, 0.0, self.prepared, self.preparing)

    def cancel(self) -> None:
        """Ask it to stop; it ends within some seconds, as canceled."""
        self._cancelled = True
        if self._worker is not None:
            self._worker.cancel()
        else:
            self._end(Finished(cancelled=True))

    def kill(self) -> None:
        """End it now, without calling ``onFinished``."""
        self._onFinished = lambda finished: None
        if self._worker is not None:
            self._worker.kill()
        self._end(Finished(cancelled=True))

    @property
    def _folder(self) -> Path:
        return Path(self._temporary.path())

    def _run(self, work: Iterator[float], then: Callable[[], None], start: float, end: float, stage: str) -> None:
        """Do ``work`` on the GUI thread in slices; its progress goes from ``start`` to ``end``."""

        def report(fraction: float) -> None:
            self._onProgress(start + (end - start) * fraction, stage, None)

        self._task = TimeSlicedTask(work, then, self._fail, report)

    def _compute(self) -> None:
        job = self._folder / "job.json"
        try:
            job.write_text(json.dumps(self.fields()), encoding="utf-8")
        except (DSCError, OSError) as error:
            self._fail(error)
            return
        temporary = str(self._folder)  # temporary files of a worker that crashes are removed with the job's own
        command = self._command.following(
            "-m", "dsc_superres.worker", "--job", str(job), TMPDIR=temporary, TEMP=temporary, TMP=temporary
        )
        self._worker = WorkerProcess(command, self._onOutcome, self._onWorkerProgress, self._log)

    def _onWorkerProgress(self, fraction: float, stage: str, left: float | None) -> None:
        if not self._cancelled:
            self._onProgress(self.prepared + (self.computed - self.prepared) * fraction, stage, left)

    def _onOutcome(self, outcome: Outcome) -> None:
        self._worker = None
        message = outcome.message
        if message is None or self._cancelled:
            self._end(Finished(error=outcome.error, cancelled=outcome.cancelled or self._cancelled))
            return
        work = self.load(self._folder, message)
        self._run(work, lambda: self._end(self.finished(message)), self.computed, 1.0, self.loading)

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, DSCError):
            self._log.add(f"{type(error).__name__}: {error}")
        self._end(Finished(error=self.explain(error)))

    def _end(self, finished: Finished) -> None:
        self._task.stop()
        if finished.result is None:
            self.discard()
        self._temporary.remove()
        self._onFinished(finished)
