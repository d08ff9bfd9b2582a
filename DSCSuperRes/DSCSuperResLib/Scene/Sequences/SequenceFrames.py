"""Voxels of sequences, frame by frame: generators yield after each, so that the event loop can run in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import slicer

from dsc_superres.geometry import Geometry

from ..Volumes import frameArray, ijkToRas, setFrame

TIME_FORMAT = "{:.3f}"
"""s; MRML distinguishes index values by a millisecond."""


def writeFrames(
    sequence: slicer.vtkMRMLSequenceNode, path: Path, frames: Sequence[int], slices: slice
) -> Iterator[float]:
    """Write these frames and slices to ``path`` as .npy, float32[t, z, y, x]; yields the fraction done."""
    first = frameArray(sequence.GetNthDataNode(frames[0]))[slices]
    with open(path, "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (len(frames), *first.shape)}
        np.lib.format.write_array_header_1_0(file, header)
        for count, frame in enumerate(frames, 1):
            voxels = frameArray(sequence.GetNthDataNode(frame))[slices]
            file.write(np.ascontiguousarray(voxels, "<f4").data)
            yield count / len(frames)


def readFrames(
    sequence: slicer.vtkMRMLSequenceNode, path: Path, times: Sequence[float], geometry: Geometry, kind: np.dtype
) -> Iterator[float]:
    """Fill ``sequence`` with the frames of a .npy file of float32[t, z, y, x], as voxels of ``kind``.

    Reads one frame at a time to save memory. Yields the fraction done.
    """
    matrix, limits = ijkToRas(geometry), np.iinfo(kind) if kind.kind in "iu" else None
    with open(path, "rb") as file:
        np.lib.format.read_magic(file)
        shape, _fortran, stored = np.lib.format.read_array_header_1_0(file)
        for index, time in enumerate(times):
            voxels = np.fromfile(file, stored, int(np.prod(shape[1:]))).reshape(shape[1:])
            if limits is not None:
                np.rint(voxels, out=voxels)
                np.clip(voxels, limits.min, limits.max, out=voxels)
            frame = slicer.vtkMRMLScalarVolumeNode()
            setFrame(frame, voxels.astype(kind, copy=False), matrix)
            appendFrame(sequence, frame, time)
            yield (index + 1) / len(times)


def shareFrames(
    sequence: slicer.vtkMRMLSequenceNode,
    source: slicer.vtkMRMLSequenceNode,
    frames: Sequence[int],
    times: Sequence[float],
    geometry: Geometry,
    box: tuple[slice, slice, slice],
) -> Iterator[float]:
    """Fill ``sequence`` with ``frames`` of ``source``, cut to ``box`` (z, y, x), which has ``geometry``.

    Whole frames share their voxels with the source, which costs no memory. Yields the fraction done.
    """
    matrix = ijkToRas(geometry)
    for count, (index, time) in enumerate(zip(frames, times, strict=True), 1):
        image = source.GetNthDataNode(index)
        voxels, frame = frameArray(image), slicer.vtkMRMLScalarVolumeNode()
        if voxels[box].shape == voxels.shape:
            frame.SetIJKToRASMatrix(matrix)
            frame.SetAndObserveImageData(image.GetImageData())
        else:
            setFrame(frame, voxels[box], matrix)
        appendFrame(sequence, frame, time)
        yield count / len(frames)


def appendFrame(sequence: slicer.vtkMRMLSequenceNode, frame: slicer.vtkMRMLScalarVolumeNode, time: float) -> None:
    """Append ``frame`` to ``sequence`` without copying its voxels."""
    value = TIME_FORMAT.format(time)
    sequence.SetDataNodeAtValue(slicer.vtkMRMLScalarVolumeNode(), value)
    sequence.UpdateDataNodeAtValue(frame, value, True)
