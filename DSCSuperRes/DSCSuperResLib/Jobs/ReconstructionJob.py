"""Reconstruction: the chosen frames of a series to the worker, its series, maps, and report into one new result."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import slicer

from dsc_superres.errors import DSCError

from ..Scene.Maps.Maps import SOURCES, addMaps
from ..Scene.Result import Result
from ..Scene.Sequences.SequenceFrames import writeFrames
from ..Translation import _
from .BackgroundJob import BackgroundJob, Finished
from .ReconstructionNodes import addRun
from .ReconstructionRequest import ReconstructionRequest


class ReconstructionJob(BackgroundJob):
    """Reconstructs ``sequence`` as ``request`` asks for; the result is a ``Result``."""

    preparing = _("Preparing the input")
    loading = _("Loading the result")

    def __init__(self, request: ReconstructionRequest, sequence: slicer.vtkMRMLSequenceNode) -> None:
        self._request = request
        self._scene, self._sequenceId = sequence.GetScene(), sequence.GetID()
        self._result: Result | None = None

    def prepare(self, folder: Path) -> Iterator[float]:
        """Write the frames and slices that are used."""
        return writeFrames(self._source(), folder / "input.npy", self._request.frames, self._request.slices)

    def fields(self) -> dict[str, object]:
        """A job "reconstruct" or "compare"."""
        return self._request.job("input.npy", "result")

    def load(self, folder: Path, message: dict) -> Iterator[float]:
        """Sequences, texts, and maps of a new result."""
        source = self._source()
        self._result = Result.create(self._scene, self._request.name, beside=source)
        written, files = Path(message["folder"]), message["files"]
        yield from addRun(self._result, self._request, source, message, written)
        for role in SOURCES:
            if f"maps_{role}" in files:
                for _fraction in addMaps(self._result, written / files[f"maps_{role}"], role):
                    yield 1.0

    def finished(self, message: dict) -> Finished:
        """The result, with the worker's notes."""
        notes = tuple(message["notes"])
        if message["maps_error"]:
            notes += (_("No perfusion maps: {reason}").format(reason=message["maps_error"]),)
        return Finished(self._result, notes=notes)

    def discard(self) -> None:
        """Remove the nodes that were loaded so far."""
        if self._result is not None:
            self._result.remove()

    def _source(self) -> slicer.vtkMRMLSequenceNode:
        source = self._scene.GetNodeByID(self._sequenceId)
        if source is None:
            raise DSCError(_("The series was removed from the scene while it was reconstructed."))
        return source
