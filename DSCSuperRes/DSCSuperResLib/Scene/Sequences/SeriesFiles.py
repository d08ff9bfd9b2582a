"""Sequences as files for a background process: voxels frame by frame, and their description."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import slicer

from .SequenceFrames import writeFrames
from .SequenceInput import readInput


def describeSeries(sequence: slicer.vtkMRMLSequenceNode, file: str) -> dict[str, object]:
    """Return the entry of a series in a job file: ``file``, times (s), and geometry (LPS, mm)."""
    info = readInput(sequence)
    return {"file": file, "times": info.times.tolist(), "geometry": info.geometry.as_dict()}


def writeSequence(sequence: slicer.vtkMRMLSequenceNode, path: Path) -> Iterator[float]:
    """Write all frames to ``path`` as .npy, float32[t, z, y, x]; yields the fraction done."""
    return writeFrames(sequence, path, range(sequence.GetNumberOfDataNodes()), slice(None))
