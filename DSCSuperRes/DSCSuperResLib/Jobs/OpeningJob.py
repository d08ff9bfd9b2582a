"""Opening: the worker reads a file or simulates the sample patient; its series becomes a volume sequence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import slicer

from dsc_superres.geometry import Geometry

from ..Scene.Sequences.NewSequence import browse, newSequence, voxelType
from ..Scene.Sequences.SequenceFrames import readFrames
from ..Scene.Sequences.SequenceInput import InputInfo
from ..Translation import _
from .BackgroundJob import BackgroundJob, Finished

SAMPLE_SEED = 7
SAMPLE_SLICES = 4
SAMPLE_NAME = "DSC sample patient"


class OpeningJob(BackgroundJob):
    """Opens ``path``, or simulates the sample patient where it is None; the result is a sequence node."""

    prepared = 0.0
    loading = _("Loading the series")

    def __init__(self, scene: slicer.vtkMRMLScene, path: Path | None) -> None:
        self._scene, self._path = scene, path
        self._name = SAMPLE_NAME if path is None else path.name.split(".")[0]
        self._sequence: slicer.vtkMRMLSequenceNode | None = None
        self.preparing = (
            _("Simulating a patient: this takes about ten seconds")
            if path is None
            else _("Reading {name}").format(name=self._name)
        )

    def prepare(self, folder: Path) -> Iterator[float]:
        """Nothing has to be written; this only shows the stage."""
        yield 0.0

    def fields(self) -> dict[str, object]:
        """A job "open"."""
        if self._path is None:
            return {"task": "open", "output": "result", "sample_seed": SAMPLE_SEED, "sample_slices": SAMPLE_SLICES}
        return {"task": "open", "output": "result", "input": str(self._path.absolute())}

    def load(self, folder: Path, message: dict) -> Iterator[float]:
        """The sequence, with a browser."""
        file = Path(message["folder"]) / message["file"]
        geometry, stored = Geometry(**message["geometry"]), np.dtype(message["scalar_type"])
        times, sources = np.array(message["times"]), dict(message["sources"])
        size = np.load(file, mmap_mode="r").shape[:0:-1]
        info = InputInfo(size, geometry, times, message["echo_time"], sources, stored)
        self._sequence = newSequence(self._scene, self._name, info)
        yield from readFrames(self._sequence, file, times, geometry, voxelType(stored))
        browse(self._sequence)

    def finished(self, message: dict) -> Finished:
        """The sequence."""
        return Finished(self._sequence)

    def discard(self) -> None:
        """Remove a sequence that was not completed."""
        if self._sequence is not None:
            self._scene.RemoveNode(self._sequence)
