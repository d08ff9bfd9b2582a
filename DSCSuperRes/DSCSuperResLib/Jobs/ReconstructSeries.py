"""Reconstruction: the worker reconstructs frames of a series; series, maps, and report are loaded into a new result."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import slicer

from dsc_superres.errors import DSCError

from ..Scene.Maps.Maps import SOURCES, addMaps
from ..Scene.Result import Result
from ..Scene.Sequences.SequenceFrames import writeFrames
from ..Scene.Sequences.SeriesFiles import writeSidecar
from ..Translation import _
from .BackgroundJob import BackgroundJob, Finished
from .ReconstructionNodes import addRun, noteRun
from .ReconstructionRequest import ReconstructionRequest

PREPARED = 0.05
COMPUTED = 0.9
"""Progress when the input has been written, and when the worker has finished."""
OnImages = Callable[[Finished], None]
"""Called with the result when its images are in the scene, before its maps are computed."""


class ReconstructSeries(BackgroundJob):
    """Reconstructs ``sequence`` according to ``request``; the result is a ``Result``.

    Its images are shown as soon as they are there, while the worker computes the maps, and stay if that fails.
    """

    def __init__(
        self, request: ReconstructionRequest, sequence: slicer.vtkMRMLSequenceNode, onImages: OnImages
    ) -> None:
        self._request, self._onImages = request, onImages
        self._scene, self._sequenceId = sequence.GetScene(), sequence.GetID()

    def steps(self, folder: Path) -> Generator[object, None, Finished]:
        """Run a job "reconstruct" or "compare"; images that are incomplete are removed."""
        request = self._request
        writeSidecar(request.info, folder / "input.npy")
        frames = writeFrames(self._source(), folder / "input.npy", request.frames, request.slices)
        yield from self.part(_("Preparing the input"), 0.0, PREPARED, frames)
        ahead = self._showAhead if request.maps else None
        message = yield from self.compute(request.job("input.npy", "result"), folder, PREPARED, COMPUTED, ahead)
        written, files = Path(message["folder"]), message["files"]
        if self.shown is None:
            yield from self._addImages(message)
        result = self.shown.result
        if not result.complete:
            self.shown = None
            raise DSCError(_("The result was removed from the scene while its maps were computed."))
        noteRun(result, request, message, written)
        for role in SOURCES:
            if f"maps_{role}" in files:
                maps = addMaps(result, written / files[f"maps_{role}"], role)
                yield from self.part(_("Loading the maps"), COMPUTED, 1.0, maps)
        return Finished(result, notes=_notes(message, request.frames[0]))

    def _showAhead(self, message: dict) -> Iterator[object]:
        yield from self._addImages(message)
        self._onImages(self.shown)

    def _addImages(self, message: dict) -> Iterator[object]:
        """Load the series of the worker's ``message`` into a new result, which is removed if that fails."""
        request, source, written = self._request, self._source(), Path(message["folder"])
        result = Result.create(self._scene, request.name, beside=source)
        try:
            nodes = addRun(result, request, source, message, written)
            yield from self.part(_("Loading the result"), COMPUTED, COMPUTED, nodes)
            noteRun(result, request, message, written)
        except BaseException:
            result.remove()
            raise
        self.shown = Finished(result, notes=_notes(message, request.frames[0]))

    def _source(self) -> slicer.vtkMRMLSequenceNode:
        source = self._scene.GetNodeByID(self._sequenceId)
        if source is None:
            raise DSCError(_("The series was removed from the scene while it was reconstructed."))
        return source


def _notes(message: dict, first: int) -> tuple[str, ...]:
    """Return the worker's notes, which count frames from the ``first`` one that it was given."""
    notes = list(message["notes"])
    if message["maps_error"]:
        notes.append(_("No perfusion maps: {reason}").format(reason=message["maps_error"]))
    if first and notes:
        notes.append(_("Frames in these notes count from the first one used: add {first}.").format(first=first))
    return tuple(notes)
