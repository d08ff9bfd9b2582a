"""Opening a series: the worker reads a file or simulates the sample patient, and a volume sequence is created."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path

import numpy as np
import slicer

from dsc_superres.geometry import Geometry

from ..Scene.Sequences.NewSequence import browse, newSequence, voxelType
from ..Scene.Sequences.SequenceFrames import readFrames
from ..Scene.Sequences.SequenceInput import InputInfo
from ..Translation import _
from .BackgroundJob import BackgroundJob, Finished

COMPUTED = 0.9
"""Progress when the worker has finished."""
SAMPLE_SEED = 7
SAMPLE_SLICES = 4
SAMPLE_NAME = "DSC sample patient"


class OpenSeries(BackgroundJob):
    """Opens ``path``, or simulates the sample patient if it is None; the result is a sequence node.

    ``images`` chooses the "series", the "echo" and the "stack" of a DICOM folder that has several.
    """

    def __init__(self, scene: slicer.vtkMRMLScene, path: Path | None, images: Mapping[str, int] | None = None) -> None:
        self._scene, self._path, self._images = scene, path, dict(images or {})

    def steps(self, folder: Path) -> Generator[object, None, Finished]:
        """Run a job "open"; an incomplete sequence is removed."""
        fields: dict[str, object] = {"task": "open", "output": "result"}
        if self._path is None:
            name, stage = SAMPLE_NAME, _("Simulating a patient: this takes about ten seconds")
            fields |= {"sample_seed": SAMPLE_SEED, "sample_slices": SAMPLE_SLICES}
        else:
            name = self._path.name.split(".")[0]
            stage = _("Reading {name}").format(name=name)
            fields |= {"input": str(self._path.absolute()), **self._images}
        yield from self.part(stage, 0.0, 0.0, iter((0.0,)))
        message = yield from self.compute(fields, folder, 0.0, COMPUTED)
        file = Path(message["folder"]) / message["file"]
        info = _info(message, np.load(file, mmap_mode="r").shape[:0:-1])
        sequence = newSequence(self._scene, name, info)
        try:
            frames = readFrames(sequence, file, info.times, info.geometry, voxelType(info.scalarType))
            yield from self.part(_("Loading the series"), COMPUTED, 1.0, frames)
            browse(sequence)
        except BaseException:
            self._scene.RemoveNode(sequence)
            raise
        return Finished(sequence)


def _info(message: dict, size: tuple[int, int, int]) -> InputInfo:
    return InputInfo(
        size,
        Geometry(**message["geometry"]),
        np.array(message["times"]),
        message["echo_time"],
        dict(message["sources"]),
        np.dtype(message["scalar_type"]),
        tuple(message["notes"]),
        message["provenance"],
        None if message["slice_times"] is None else tuple(message["slice_times"]),
    )
