"""Signal over time of single voxels and of regions, read straight from the frames of a sequence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import slicer
from vtk.util.numpy_support import vtk_to_numpy

from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion import delta_r2star, find_bolus

STRIDE = 7
"""One in STRIDE voxels is used to find the bolus; coprime to common matrix sizes, so that no column is preferred."""


def meanFrames(sequence: slicer.vtkMRMLSequenceNode, voxels: np.ndarray) -> Iterator[float]:
    """Yield the mean signal over ``voxels`` (flat indices, int[n]) of each frame; NaN without voxels.

    Only these voxels are read.
    """
    single = int(voxels[0]) if len(voxels) == 1 else None
    for frame in range(sequence.GetNumberOfDataNodes()):
        scalars = sequence.GetNthDataNode(frame).GetImageData().GetPointData().GetScalars()
        if single is not None:
            yield scalars.GetTuple1(single)
        else:
            yield float(vtk_to_numpy(scalars)[voxels].mean(dtype=np.float64)) if len(voxels) else np.nan


def meanCurve(sequence: slicer.vtkMRMLSequenceNode, voxels: np.ndarray) -> np.ndarray:
    """Return the mean signal over ``voxels`` in all frames, float64[t]."""
    return np.fromiter(meanFrames(sequence, voxels), np.float64, sequence.GetNumberOfDataNodes())


def findBaseline(sequence: slicer.vtkMRMLSequenceNode, times: np.ndarray) -> tuple[float, float] | None:
    """Return the first and last time (s) of the frames before the bolus, found in the mean of the bright voxels.

    ``times`` is float64[t] in s. Returns None if there is no bolus.
    """
    scalars = sequence.GetNthDataNode(0).GetImageData().GetPointData().GetScalars()
    first = vtk_to_numpy(scalars)[::STRIDE]
    bright = STRIDE * np.flatnonzero(first > first.mean())
    try:
        baseline = find_bolus(meanCurve(sequence, bright), times).baseline
    except PerfusionError:
        return None
    return float(times[baseline.start]), float(times[baseline.stop - 1])


@dataclass(frozen=True)
class Relaxation:
    """Parameters of the conversion to Delta R2*: echo time (s), and first and last time (s) of the baseline."""

    echoTime: float
    baseline: tuple[float, float]

    def change(self, signal: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return Delta R2* (1/s), float64[t], of signal[t] at times[t] (s)."""
        start = int(np.searchsorted(times, self.baseline[0] - 1e-3))
        stop = int(np.searchsorted(times, self.baseline[1] + 1e-3))
        return delta_r2star(signal, self.echoTime, slice(start, max(stop, start + 1))).astype(np.float64)
