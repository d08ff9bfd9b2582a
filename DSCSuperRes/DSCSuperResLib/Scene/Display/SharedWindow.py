"""Common brightness and contrast of several volumes: a change of one is applied to the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

SAMPLED_FRAMES = 8
SAMPLED_VOXELS = 13
"""Number of frames, and distance of the voxels, that are sampled for the automatic window."""


class SharedWindow:
    """Keeps the lower and upper gray level of ``volumes`` equal when one is changed; ``close`` when done.

    ``changed(lower, upper)`` is called after each change.
    """

    def __init__(
        self, volumes: Iterable[slicer.vtkMRMLScalarVolumeNode], changed: Callable[[float, float], None]
    ) -> None:
        self._displays = [volume.GetDisplayNode() for volume in volumes]
        self._changed, self._busy, self._last = changed, False, None
        self._tags = [display.AddObserver(vtk.vtkCommand.ModifiedEvent, self._follow) for display in self._displays]
        if self._displays:
            self.set(*self.levels)

    @property
    def levels(self) -> tuple[float, float]:
        """Lower and upper gray level, in the signal's unit."""
        display = self._displays[0]
        return display.GetWindowLevelMin(), display.GetWindowLevelMax()

    def set(self, lower: float, upper: float) -> None:
        """Set the gray levels of all volumes, and disable Slicer's automatic levels for each frame."""
        self._busy = True
        for display in self._displays:
            with slicer.util.NodeModify(display):
                display.AutoWindowLevelOff()
                display.SetWindowLevelMinMax(lower, upper)
        self._busy, self._last = False, self.levels
        self._changed(lower, upper)

    def close(self) -> None:
        """Stop observing."""
        for display, tag in zip(self._displays, self._tags, strict=True):
            display.RemoveObserver(tag)
        self._displays, self._tags = [], []

    def _follow(self, caller: slicer.vtkMRMLScalarVolumeDisplayNode, event: str) -> None:
        levels = caller.GetWindowLevelMin(), caller.GetWindowLevelMax()
        if not self._busy and levels != self._last:
            self.set(*levels)


def automaticLevels(sequence: slicer.vtkMRMLSequenceNode) -> tuple[float, float]:
    """Return gray levels for all frames: from the darkest to the 99.8th percentile of a sample of the voxels."""
    sample = sampleVoxels(sequence)
    return float(min(sample.min(), 0.0)), float(np.percentile(sample, 99.8))


def sampleVoxels(sequence: slicer.vtkMRMLSequenceNode) -> np.ndarray:
    """Return a small sample of the voxels of all frames, float[n], for percentiles of large series."""
    frames = np.unique(np.linspace(0, sequence.GetNumberOfDataNodes() - 1, SAMPLED_FRAMES).astype(int))
    images = (sequence.GetNthDataNode(int(frame)).GetImageData() for frame in frames)
    return np.concatenate([vtk_to_numpy(one.GetPointData().GetScalars())[::SAMPLED_VOXELS] for one in images])
