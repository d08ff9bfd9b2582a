"""Opening a series: the worker reads a file or simulates the sample patient, and a volume sequence is created."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator, Mapping, Sequence
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
GATHERED = "series"
"""Folder for the files of one series, as messages call it."""


class OpenSeries(BackgroundJob):
    """Opens ``source``: a file, a folder, the DICOM files of one series, or None, which simulates the sample patient.

    The result is a sequence node called ``name``, or like the file or folder. ``images`` chooses the "series", the
    "echo" and the "stack" of DICOM files that have several.
    """

    def __init__(
        self,
        scene: slicer.vtkMRMLScene,
        source: Path | Sequence[Path] | None,
        images: Mapping[str, int] | None = None,
        name: str = "",
    ) -> None:
        self._scene, self._source, self._images, self._name = scene, source, dict(images or {}), name

    def steps(self, folder: Path) -> Generator[object, None, Finished]:
        """Run a job "open"; an incomplete sequence is removed."""
        fields: dict[str, object] = {"task": "open", "output": "result"}
        source = self._source
        if source is None:
            name, stage = SAMPLE_NAME, _("Simulating a patient: this takes about ten seconds")
            fields |= {"sample_seed": SAMPLE_SEED, "sample_slices": SAMPLE_SLICES}
        else:
            name = self._name or _path(source).name.split(".")[0]
            stage = _("Reading {name}").format(name=name)
            if not isinstance(source, Path):
                yield from self.part(stage, 0.0, 0.0, _gather(source, folder / GATHERED))
                source = folder / GATHERED
            fields |= {"input": str(source.absolute()), **self._images}
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


def _path(source: Path | Sequence[Path]) -> Path:
    return source if isinstance(source, Path) else source[0]


def _gather(files: Sequence[Path], folder: Path) -> Iterator[float]:
    """Link the ``files``, which may lie beside others, into a ``folder`` of their own; copies where links cannot be."""
    folder.mkdir()
    for number, file in enumerate(files):
        place = folder / f"{number}.dcm"
        try:
            os.link(file, place)
        except OSError:
            shutil.copyfile(file, place)
        yield number / len(files)


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
