"""Maps of a result computed anew: series out of the scene, the worker, maps into the scene. Nothing of it waits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import qt

from dsc_superres.errors import DSCError

from .MapsRequest import MapsRequest, echoTime, sequences
from .Process.Chore import Chore
from .Process.LineProcess import Command
from .Process.WorkerProcess import Log, Outcome, WorkerProcess
from .Scene.Maps import SOURCES, addMaps
from .Scene.Result import Result
from .Scene.SeriesFiles import describeSeries, writeSequence
from .Translation import _

PREPARE, WORK = 0.2, 0.9
"""Shares of the progress: writing the series, and the worker; the rest is loading its maps."""


class MapsRun:
    """Starts at once. ``onProgress(fraction, stage)``, then ``onFinished(error)`` once: empty when all went well.

    The maps in the scene stay as they are until the new ones are there.
    """

    def __init__(
        self,
        result: Result,
        request: MapsRequest,
        command: Command,
        onProgress: Callable[[float, str], None],
        onFinished: Callable[[str], None],
        log: Log,
    ) -> None:
        self._result, self._request, self._command, self._log = result, request, command, log
        self._onProgress, self._onFinished = onProgress, onFinished
        self._folder = qt.QTemporaryDir()
        self._worker: WorkerProcess | None = None
        self._series: dict[str, dict] = {}
        report = self._report(0.0, PREPARE, _("Preparing the series"))
        self._chore = Chore(self._write(), self._work, self._fail, report)

    @property
    def _path(self) -> Path:
        return Path(self._folder.path())

    def cancel(self) -> None:
        """Ask it to stop; it ends within some seconds."""
        if self._worker is not None:
            self._worker.cancel()
        else:
            self._end(_("Canceled."))

    def kill(self) -> None:
        """End it now, leaving no process or file. Nobody is told."""
        self._onFinished = lambda error: None
        if self._worker is not None:
            self._worker.kill()
        self._end("")

    def _write(self) -> Iterator[float]:
        sources = sequences(self._result)
        for number, source in enumerate(sources):
            sequence = self._result.sequence(source)
            self._series[source] = describeSeries(sequence, f"{source}.npy")

            for fraction in writeSequence(sequence, self._path / f"{source}.npy"):
                yield (number + fraction) / len(sources)

    def _work(self) -> None:
        job = self._path / "job.json"
        fields = self._request.job(self._series, echoTime(self._result), "result")
        job.write_text(json.dumps(fields), encoding="utf-8")
        temporary = str(self._path)
        command = self._command.following(
            "-m", "dsc_superres.worker", "--job", str(job), TMPDIR=temporary, TEMP=temporary, TMP=temporary
        )
        self._worker = WorkerProcess(command, self._onOutcome, self._onWorkerProgress, self._log)

    def _onWorkerProgress(self, fraction: float, stage: str, left: float | None) -> None:
        self._onProgress(PREPARE + (WORK - PREPARE) * fraction, stage)

    def _onOutcome(self, outcome: Outcome) -> None:
        self._worker = None
        if outcome.message is None:
            self._end(_("Canceled.") if outcome.cancelled else outcome.error)
            return
        report = self._report(WORK, 1.0, _("Loading the maps"))
        self._chore = Chore(self._load(), lambda: self._end(""), self._fail, report)

    def _load(self) -> Iterator[float]:
        for source in SOURCES:
            folder = self._path / "result" / f"maps_{source}"
            if folder.is_dir():
                yield from addMaps(self._result, folder, source)

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, DSCError):
            self._log.add(f"{type(error).__name__}: {error}")
        self._end(str(error) or type(error).__name__)

    def _end(self, error: str) -> None:
        self._chore.stop()
        self._folder.remove()
        self._onFinished(error)

    def _report(self, start: float, end: float, stage: str) -> Callable[[float], None]:
        return lambda fraction: self._onProgress(start + (end - start) * fraction, stage)
