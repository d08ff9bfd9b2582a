"""The series of a scene that are reconstructed one after the other, with the same settings."""

from __future__ import annotations

import slicer

from ..Scene.Result import RUN
from ..Translation import _


def seriesOfScene() -> list[slicer.vtkMRMLSequenceNode]:
    """Return the user's series of volumes; those of results are none."""
    nodes = slicer.util.getNodesByClass("vtkMRMLSequenceNode")
    return [node for node in nodes if not node.GetAttribute(RUN) and _hasVolumes(node)]


class SeriesQueue:
    """The series that wait, by their IDs because they may be removed meanwhile, and what became of the others."""

    def __init__(self) -> None:
        self._waiting: list[str] = []
        self._count, self._done, self._notes = 0, 0, []

    @property
    def active(self) -> bool:
        """Whether series were queued whose end was not summarized yet."""
        return self._count > 0

    @property
    def place(self) -> str:
        """Which of the series is being reconstructed, in words; empty without a queue."""
        number = self._count - len(self._waiting)
        return _("Series {number} of {count}: ").format(number=number, count=self._count) if self.active else ""

    def start(self, first: slicer.vtkMRMLSequenceNode | None) -> None:
        """Queue all series of the scene, ``first`` at its front."""
        series = sorted(seriesOfScene(), key=lambda node: node is not first)
        self._waiting = [node.GetID() for node in series]
        self._count, self._done, self._notes = len(series), 0, []

    def clear(self) -> None:
        """Forget all series."""
        self._waiting, self._count = [], 0

    def next(self) -> slicer.vtkMRMLSequenceNode | None:
        """Take the next series that is still in the scene; None after the last one."""
        while self._waiting:
            node = slicer.mrmlScene.GetNodeByID(self._waiting.pop(0))
            if node is not None:
                return node
        return None

    def note(self, name: str, failure: str) -> None:
        """Note what became of the series ``name``: ``failure`` is empty where it was reconstructed."""
        self._done += not failure
        if failure:
            self._notes.append(f"{name}: {failure}")

    def summary(self) -> str:
        """Return how many series were reconstructed, and why others were not; the queue is empty then."""
        text = _("Done: {done} of {count} series.").format(done=self._done, count=self._count)
        self.clear()
        return "\n".join([text, *self._notes])


def _hasVolumes(node: slicer.vtkMRMLSequenceNode) -> bool:
    first = node.GetNthDataNode(0) if node.GetNumberOfDataNodes() > 1 else None
    return first is not None and first.IsA("vtkMRMLScalarVolumeNode")  # None while a scene is read
