"""Export: screenshots, tables, and voxels of a result to the worker, which makes the files of one new folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from ..Scene.Export.ExportFiles import (
    derivation,
    writeMaps,
    writeProvenance,
    writeReport,
    writeSeries,
    writeTables,
)
from ..Scene.Result import Result
from ..Screenshots import takeScreenshots
from ..Translation import _
from .BackgroundJob import BackgroundJob, Finished
from .ExportRequest import ExportRequest


@dataclass(frozen=True)
class Exported:
    """The ``files`` (relative) that were written into ``folder``."""

    folder: Path
    files: tuple[str, ...]


class ExportJob(BackgroundJob):
    """Exports ``result`` as ``request`` asks for; the result of the job is ``Exported``.

    The folder appears when everything is in it.
    """

    prepared = 0.3
    computed = 1.0
    preparing = _("Collecting what is exported")

    def __init__(self, result: Result, request: ExportRequest) -> None:
        self._result, self._request = result, request
        self._maps: list[dict] = []
        self._series: list[dict] = []

    def prepare(self, folder: Path) -> Iterator[float]:
        """Write what the job file names; the fractions are rough."""
        request, result, files = self._request, self._result, folder / "files"
        files.mkdir()
        if request.screenshots:
            for _fraction in takeScreenshots(files / "screenshots"):
                yield 0.1
        if request.tables:
            for _fraction in writeTables(result, files / "tables"):
                yield 0.2
        if request.report:
            writeReport(result, files)
        for _fraction in writeMaps(result, folder, request.maps, request.dicom, self._maps):
            yield 0.3
        if request.series:
            for fraction in writeSeries(result, folder, request.series, self._series):
                yield 0.3 + 0.7 * fraction
        writeProvenance(result, files)
        yield 1.0

    def fields(self) -> dict[str, object]:
        """A job "export"."""
        reference = self._request.reference
        return {
            "task": "export",
            "output": str(self._request.output),
            "replace": self._request.replace,
            "files": "files",
            "series": self._series,
            "maps": self._maps,
            "dicom": {**derivation(self._result), "reference": None if reference is None else str(reference)},
        }

    def load(self, folder: Path, message: dict) -> Iterator[float]:
        """Nothing: the scene stays as it is."""
        return iter(())

    def finished(self, message: dict) -> Finished:
        """What was written."""
        return Finished(Exported(Path(message["folder"]), tuple(message["files"])))

    def discard(self) -> None:
        """Remove what a process that was ended by force left beside the folder."""
        output = self._request.output
        for left in output.parent.glob(f".{escape(output.name)}.????????.part"):
            shutil.rmtree(left, ignore_errors=True)

    def explain(self, error: Exception) -> str:
        """``error`` in a sentence, also where the disk is full or the result was removed."""
        if isinstance(error, OSError):
            text = _("The export cannot be prepared in {folder}: {reason}.")
            return text.format(folder=self._folder, reason=error.strerror or super().explain(error))
        if self._result.sequence("reconstruction") is None:
            return _("The result was removed from the scene while it was exported.")
        return super().explain(error)
