"""Reconstruction: the worker reconstructs frames of a series; series, maps, and report are loaded into a new result."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import slicer

from dsc_superres.errors import DSCError

from ..Scene.Maps.Maps import SOURCES, addMaps
from ..Scene.Result import Result
from ..Scene.Sequences.SequenceFrames import writeFrames
from ..Scene.Sequences.SeriesFiles import writeSidecar
from ..Translation import _
from .BackgroundJob import BackgroundJob, Finished
from .ReconstructionNodes import addRun
from .ReconstructionRequest import ReconstructionRequest

PREPARED = 0.05
COMPUTED = 0.9
"""Progress when the input has been written, and when the worker has finished."""


class ReconstructSeries(BackgroundJob):
    """Reconstructs ``sequence`` according to ``request``; the result is a ``Result``."""

    def __init__(self, request: ReconstructionRequest, sequence: slicer.vtkMRMLSequenceNode) -> None:
        self._request = request
        self._scene, self._sequenceId = sequence.GetScene(), sequence.GetID()

    def steps(self, folder: Path) -> Generator[object, None, Finished]:
        """Run a job "reconstruct" or "compare"; an incomplete result is removed."""
        request = self._request
        writeSidecar(request.info, folder / "input.npy")
        frames = writeFrames(self._source(), folder / "input.npy", request.frames, request.slices)
        yield from self.part(_("Preparing the input"), 0.0, PREPARED, frames)
        message = yield from self.compute(request.job("input.npy", "result"), folder, PREPARED, COMPUTED)
        source, written, files = self._source(), Path(message["folder"]), message["files"]
        result = Result.create(self._scene, request.name, beside=source)
        try:
            nodes = addRun(result, request, source, message, written)
            yield from self.part(_("Loading the result"), COMPUTED, 1.0, nodes)
            for role in SOURCES:
                if f"maps_{role}" in files:
                    yield from self.part(
                        _("Loading the maps"), 1.0, 1.0, addMaps(result, written / files[f"maps_{role}"], role)
                    )
        except BaseException:
            result.remove()
            raise
        return Finished(result, notes=_notes(message, request.frames[0]))

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
