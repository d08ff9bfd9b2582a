"""Export of a result: its screenshots, tables, and voxels are written by the worker into one new folder."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from dsc_superres.errors import DSCError, FileError

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

PREPARED = 0.3
"""Progress when everything that is exported has been written from the scene."""


@dataclass(frozen=True)
class Exported:
    """The ``files`` (relative) that were written into ``folder``."""

    folder: Path
    files: tuple[str, ...]


class ExportResult(BackgroundJob):
    """Exports ``result`` according to ``request``; the result of the job is ``Exported``.

    The folder appears only when it is complete.
    """

    def __init__(self, result: Result, request: ExportRequest) -> None:
        self._result, self._request = result, request

    def steps(self, folder: Path) -> Generator[object, None, Finished]:
        """Run a job "export", and remove partial folders that a killed worker has left."""
        request, reference = self._request, self._request.reference
        fields = {
            "task": "export",
            "output": str(request.output),
            "replace": request.replace,
            "files": "files",
            "series": [],
            "maps": [],
            "dicom": {**derivation(self._result), "reference": None if reference is None else str(reference)},
        }
        with self._explaining(folder):
            yield from self.part(_("Collecting what is exported"), 0.0, PREPARED, self._collect(folder, fields))
        try:
            message = yield from self.compute(fields, folder, PREPARED, 1.0)
        except BaseException:
            for left in request.output.parent.glob(f".{escape(request.output.name)}.????????.part"):
                shutil.rmtree(left, ignore_errors=True)
            raise
        return Finished(Exported(Path(message["folder"]), tuple(message["files"])))

    def _collect(self, folder: Path, fields: dict) -> Iterator[float]:
        """Write the exported data into ``folder`` and describe it in ``fields``; yield rough fractions."""
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
        for _fraction in writeMaps(result, folder, request.maps, request.dicom, fields["maps"]):
            yield 0.3
        if request.series:
            for fraction in writeSeries(result, folder, request.series, fields["series"]):
                yield 0.3 + 0.7 * fraction
        writeProvenance(result, files)
        yield 1.0

    @contextmanager
    def _explaining(self, folder: Path) -> Iterator[None]:
        """Turn errors into sentences, for example if the disk is full or the result was removed."""
        try:
            yield
        except OSError as error:
            text = _("The export cannot be prepared in {folder}: {reason}.")
            raise FileError(text.format(folder=folder, reason=error.strerror or error)) from error
        except Exception as error:
            if self._result.sequence("reconstruction") is None:
                raise DSCError(_("The result was removed from the scene while it was exported.")) from error
            raise
