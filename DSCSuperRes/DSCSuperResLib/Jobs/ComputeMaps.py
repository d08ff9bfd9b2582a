"""Recomputation of maps: the worker computes the maps of a result's series, which are loaded into the same result."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

from ..Scene.Export.ExportFiles import updateReport
from ..Scene.Maps.Maps import SOURCES, addMaps
from ..Scene.Result import REPORT, Result
from ..Scene.Sequences.SeriesFiles import describeSeries, writeSequence
from ..Translation import _
from .BackgroundJob import BackgroundJob, Finished
from .MapsRequest import MapsRequest, echoTime, noteSettings, sequences, writeMask

REPORT_FILE = "run-report.html"
PREPARED = 0.2
COMPUTED = 0.9
"""Progress when the series have been written, and when the worker has finished."""


class ComputeMaps(BackgroundJob):
    """Computes the maps of ``result`` according to ``request``; they replace the current ones at the end."""

    def __init__(self, result: Result, request: MapsRequest) -> None:
        self._result, self._request = result, request

    def steps(self, folder: Path) -> Generator[object, None, Finished]:
        """Run a job "maps"; its result is the given one."""
        result, request = self._result, self._request
        series = {role: describeSeries(result.sequence(role), f"{role}.npy") for role in sequences(result)}
        yield from self.part(_("Preparing the series"), 0.0, PREPARED, self._write(folder, list(series)))
        fields = request.job(series, echoTime(result), "result")
        for name, mask in request.masks.items():
            fields[name] = f"{name}.nii.gz"
            writeMask(result, request, mask, folder / fields[name])
        if result.text(REPORT) and "input" in series:
            (folder / REPORT_FILE).write_text(result.text(REPORT), encoding="utf-8")
            fields["update_report"] = REPORT_FILE
        message = yield from self.compute(fields, folder, PREPARED, COMPUTED)
        for source in SOURCES:
            maps = Path(message["folder"]) / f"maps_{source}"
            if maps.is_dir():
                yield from self.part(_("Loading the maps"), COMPUTED, 1.0, addMaps(result, maps, source))
        noteSettings(result, request)
        if "report" in message["files"]:
            updateReport(result, (Path(message["folder"]) / message["files"]["report"]).read_text(encoding="utf-8"))
        return Finished(result, notes=tuple(message["notes"]))

    def _write(self, folder: Path, roles: list[str]) -> Iterator[float]:
        for number, role in enumerate(roles):
            for fraction in writeSequence(self._result.sequence(role), folder / f"{role}.npy"):
                yield (number + fraction) / len(roles)
