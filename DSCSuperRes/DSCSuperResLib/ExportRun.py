"""One export: pictures, tables and voxels out of the scene, the files made in the background. Nothing of it waits."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from glob import escape
from pathlib import Path

import qt

from dsc_superres.errors import DSCError

from .ExportRequest import ExportRequest
from .Process.Chore import Chore
from .Process.LineProcess import Command
from .Process.WorkerProcess import Log, Outcome, WorkerProcess
from .Scene.ExportFiles import (
    derivation,
    writeMaps,
    writeProvenance,
    writeReport,
    writeSeries,
    writeTables,
)
from .Scene.Result import Result
from .Screenshots import takeScreenshots
from .Translation import _

PREPARE = 0.3
"""Share of the progress for what comes out of the scene; the rest is writing the files."""


@dataclass
class Exported:
    """How an export ended: with the ``files`` (relative) in ``folder``; else cancelled, or for ``error``."""

    folder: Path | None = None
    files: tuple[str, ...] = ()
    error: str = ""
    cancelled: bool = False


class ExportRun:
    """Starts at once. ``onProgress(fraction, stage)``, then ``onFinished(Exported)`` once.

    The folder appears when all is in it; until then, and where it fails, nothing is left.
    """

    def __init__(
        self,
        result: Result,
        request: ExportRequest,
        command: Command,
        onProgress: Callable[[float, str], None],
        onFinished: Callable[[Exported], None],
        log: Log,
    ) -> None:
        self._result, self._request, self._command, self._log = result, request, command, log
        self._onProgress, self._onFinished = onProgress, onFinished
        self._folder = qt.QTemporaryDir()
        self._worker: WorkerProcess | None = None
        self._chore = Chore(self._gather(), self._work, self._fail, self._onGathered)

    @property
    def _path(self) -> Path:
        return Path(self._folder.path())

    def cancel(self) -> None:
        """Ask it to stop; it ends within some seconds, as cancelled."""
        if self._worker is not None:
            self._worker.cancel()
        else:
            self._end(Exported(cancelled=True))

    def kill(self) -> None:
        """End it now, leaving no process or file. Nobody is told."""
        self._onFinished = lambda exported: None
        if self._worker is not None:
            self._worker.kill()
        self._end(Exported(cancelled=True))

    def _gather(self) -> Iterator[float]:
        """Write job.json and what it names; the fractions that it yields are rough."""
        request, result = self._request, self._result
        files, job = self._path / "files", {"maps": [], "series": []}
        files.mkdir()
        if request.screenshots:
            for _fraction in takeScreenshots(files / "screenshots"):
                yield 0.1
        if request.tables:
            for _fraction in writeTables(result, files / "tables"):
                yield 0.2
        if request.report:
            writeReport(result, files)
        for _fraction in writeMaps(result, self._path, request.maps, request.dicom, job["maps"]):
            yield 0.3
        if request.series:
            for fraction in writeSeries(result, self._path, request.series, job["series"]):
                yield 0.3 + 0.7 * fraction
        writeProvenance(result, files)
        reference = None if request.reference is None else str(request.reference)
        job |= {"output": str(request.output), "replace": request.replace, "files": "files"}
        job["dicom"] = {**derivation(result), "reference": reference}
        (self._path / "job.json").write_text(json.dumps(job), encoding="utf-8")
        yield 1.0

    def _work(self) -> None:
        temporary = str(self._path)
        command = self._command.following(
            *("-m", "dsc_superres.pipeline.export", "--job", str(self._path / "job.json")),
            TMPDIR=temporary,
            TEMP=temporary,
            TMP=temporary,
        )
        self._worker = WorkerProcess(command, self._onOutcome, self._onWorkerProgress, self._log)

    def _onGathered(self, fraction: float) -> None:
        self._onProgress(PREPARE * fraction, _("Collecting what is exported"))

    def _onWorkerProgress(self, fraction: float, stage: str, left: float | None) -> None:
        self._onProgress(PREPARE + (1 - PREPARE) * fraction, stage)

    def _onOutcome(self, outcome: Outcome) -> None:
        self._worker = None
        if outcome.message is None:
            self._end(Exported(error=outcome.error, cancelled=outcome.cancelled))
        else:
            self._end(Exported(Path(outcome.message["folder"]), tuple(outcome.message["files"])))

    def _fail(self, error: Exception) -> None:
        text = str(error) or type(error).__name__
        if isinstance(error, OSError):
            reason = error.strerror or text
            text = _("The export cannot be prepared in {folder}: {reason}.").format(folder=self._path, reason=reason)
        elif self._result.sequence("reconstruction") is None:
            text = _("The result was removed from the scene while it was exported.")
        elif not isinstance(error, DSCError):
            self._log.add(f"{type(error).__name__}: {error}")
        self._end(Exported(error=text))

    def _end(self, exported: Exported) -> None:
        """Clean up, also what a process that was ended by force left beside the folder, and tell."""
        self._chore.stop()
        self._folder.remove()
        output = self._request.output
        for left in output.parent.glob(f".{escape(output.name)}.????????.part"):
            shutil.rmtree(left, ignore_errors=True)
        self._onFinished(exported)
