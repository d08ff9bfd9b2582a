"""Recomputing maps: the series of a result to the worker, maps into the same result."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..Scene.Maps.Maps import SOURCES, addMaps
from ..Scene.Result import Result
from ..Scene.Sequences.SeriesFiles import describeSeries, writeSequence
from ..Translation import _
from .BackgroundJob import BackgroundJob, Finished
from .MapsRequest import MapsRequest, echoTime, sequences, writeMask

MASK = "mask.nii.gz"


class MapsJob(BackgroundJob):
    """Computes the maps of ``result`` again as ``request`` asks for; they replace the present ones at the end."""

    prepared = 0.2
    preparing = _("Preparing the series")
    loading = _("Loading the maps")

    def __init__(self, result: Result, request: MapsRequest) -> None:
        self._result, self._request = result, request
        self._series: dict[str, dict] = {}

    def prepare(self, folder: Path) -> Iterator[float]:
        """Write every series of the result, and the brain mask where a segmentation holds it."""
        roles = sequences(self._result)
        for number, role in enumerate(roles):
            sequence = self._result.sequence(role)
            self._series[role] = describeSeries(sequence, f"{role}.npy")
            for fraction in writeSequence(sequence, folder / f"{role}.npy"):
                yield (number + fraction) / len(roles)
        if self._request.brain is not None:
            writeMask(self._result, self._request, folder / MASK)

    def fields(self) -> dict[str, object]:
        """A job "maps"."""
        fields = self._request.job(self._series, echoTime(self._result), "result")
        return fields if self._request.brain is None else {**fields, "mask": MASK}

    def load(self, folder: Path, message: dict) -> Iterator[float]:
        """The maps of each series."""
        for source in SOURCES:
            maps = folder / "result" / f"maps_{source}"
            if maps.is_dir():
                yield from addMaps(self._result, maps, source)

    def finished(self, message: dict) -> Finished:
        """The result that was given."""
        return Finished(self._result)
