"""One background job: files out of the scene, the worker on them, its results into the scene. Nothing of it waits."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import qt

from dsc_superres.errors import DSCError

from ..Process.LineProcess import Command
from ..Process.WorkerProcess import Log, Outcome, WorkerProcess
from .TimeSlicedTask import PAUSE, TimeSlicedTask

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
    """A kind of job says in ``steps`` what it prepares, which job file it writes, and what it loads.

    Reading and writing take place on the GUI thread in short slices, computing in a process of its own. A job that
    fails, crashes, or is canceled leaves no process, no file, and no node. ``active`` is whether it is going on.
    """

    active = False

    @abstractmethod
    def steps(self, folder: Path) -> Generator[object, None, Finished]:
        """Do everything, from writing the worker's input into ``folder`` to loading its results.

        A generator of ``part`` and ``compute`` that returns the outcome. It is closed where the job fails or is
        canceled, and must then take back what it put into the scene.
        """

    def start(self, command: Command, log: Log, onFinished: Callable[[Finished], None], onProgress: Progress) -> None:
        """Start and return at once; ``command`` is the interpreter. ``onFinished`` is called once."""
        self._command, self._log = command, log
        self._onFinished, self._onProgress = onFinished, onProgress
        self.active = True
        self._temporary = qt.QTemporaryDir()
        self._worker: WorkerProcess | None = None
        self._message: dict = {}
        self._cancelled = False
        steps = self.steps(Path(self._temporary.path()))
        self._task = TimeSlicedTask(steps, self._end, self._fail, lambda part: onProgress(*part, None))

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

    def part(self, stage: str, start: float, end: float, work: Iterator[float]) -> Iterator[tuple[float, str]]:
        """Do ``work``, which yields fractions, as the part of the job from ``start`` to ``end``."""
        for fraction in work:
            yield start + (end - start) * fraction, stage

    def compute(
        self, fields: dict[str, object], folder: Path, start: float, end: float
    ) -> Generator[object, None, dict]:
        """Let the worker do the job of these ``fields``, with paths relative to ``folder``; returns its message."""
        job = folder / "job.json"
        job.write_text(json.dumps(fields), encoding="utf-8")
        # Temporary files of a worker that crashes are removed with the job's own.
        environment = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
        command = self._command.following("-m", "dsc_superres.worker", "--job", str(job), **environment)

        def report(fraction: float, stage: str, left: float | None) -> None:
            if not self._cancelled:
                self._onProgress(start + (end - start) * fraction, stage, left)

        self._worker = WorkerProcess(command, self._onOutcome, report, self._log)
        yield PAUSE
        return self._message

    def _onOutcome(self, outcome: Outcome) -> None:
        self._worker = None
        if outcome.message is None or self._cancelled:
            self._end(Finished(error=outcome.error, cancelled=outcome.cancelled or self._cancelled))
        else:
            self._message = outcome.message
            self._task.resume()

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, DSCError):
            self._log.add(f"{type(error).__name__}: {error}")
        self._end(Finished(error=str(error) or type(error).__name__))

    def _end(self, finished: Finished) -> None:
        self._task.stop()
        self._temporary.remove()
        self.active = False
        self._onFinished(finished)
