"""The user's own slice views: what they show of a series, and when. The views of the comparison are left alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import slicer

from ..Result import SOURCE_SERIES, Result
from ..Sequences.NewSequence import browserOf
from .SliceViews import VIEWS


def showInOwnViews(volume: slicer.vtkMRMLScalarVolumeNode, applicationLogic: slicer.vtkMRMLApplicationLogic) -> None:
    """Show all of ``volume`` in the user's views, in the orientation that each of them is for."""
    for view, composite in _ownViews(volume.GetScene()):
        composite.SetBackgroundVolumeID(volume.GetID())
        if hasattr(view, "SetOrientationToDefault"):
            view.SetOrientationToDefault()  # a series of one slice has turned it
        view.RotateToVolumePlane(volume)
        logic = applicationLogic.GetSliceLogic(view)
        if logic is not None:
            logic.FitSliceToBackground()


class SourceFrames:
    """The series that ``result`` was computed from, which the user's views show: its frame can follow the result's."""

    def __init__(self, result: Result) -> None:
        sequence = result.sequence("reconstruction")
        source = sequence.GetNodeReference(SOURCE_SERIES)
        self._browser = browserOf(source) if source is not None else None
        self._times = result.times("truth" if result.task == "compare" else "input")
        self._first = result.record("text.provenance").get("source", {}).get("frames_used", [1])[0] - 1

    def show(self, time: float) -> None:
        """Show the frame at ``time`` (s), or the one next to it."""
        if self._browser is None or not self._times.size:
            return
        frame = self._first + int(np.abs(self._times - time).argmin())
        if frame < self._browser.GetNumberOfItems() and frame != self._browser.GetSelectedItemNumber():
            self._browser.SetSelectedItemNumber(frame)


def _ownViews(scene: slicer.vtkMRMLScene) -> Iterator[tuple[slicer.vtkMRMLSliceNode, slicer.vtkMRMLSliceCompositeNode]]:
    kind, ours = "vtkMRMLSliceNode", {view.tag for view in VIEWS.values()}
    for index in range(scene.GetNumberOfNodesByClass(kind)):
        view = scene.GetNthNodeByClass(index, kind)
        composite = slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(view)
        if composite is not None and view.GetSingletonTag() not in ours:
            yield view, composite
