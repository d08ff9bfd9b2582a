"""Sequences as files for a background process: voxels frame by frame, and their description."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import slicer

from dsc_superres.io.sidecar import recorded, sidecar_path
from dsc_superres.utils.atomic_writing import write_json

from .SequenceFrames import writeFrames
from .SequenceInput import InputInfo, readInput


def describeSeries(sequence: slicer.vtkMRMLSequenceNode, file: str) -> dict[str, object]:
    """Return the entry of a series in a job file: ``file``, times (s), geometry (LPS, mm), and slice times (s)."""
    info = readInput(sequence)
    described = {"file": file, "times": info.times.tolist(), "geometry": info.geometry.as_dict()}
    return described if info.sliceTimes is None else {**described, "slice_times": list(info.sliceTimes)}


def writeSidecar(info: InputInfo, path: Path) -> None:
    """Write the sidecar of the .npy file ``path``: sources of values, provenance, and notes of the series."""
    write_json(sidecar_path(path), recorded(info.provenance, info.sources))


def writeSequence(sequence: slicer.vtkMRMLSequenceNode, path: Path) -> Iterator[float]:
    """Write all frames to ``path`` as .npy, float32[t, z, y, x], with a sidecar; yields the fraction done."""
    writeSidecar(readInput(sequence), path)
    return writeFrames(sequence, path, range(sequence.GetNumberOfDataNodes()), slice(None))
