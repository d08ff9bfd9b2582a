"""Which points the user is placing, kept while this software adds points of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import slicer


@contextmanager
def keptActivePoints(scene: slicer.vtkMRMLScene) -> Iterator[None]:
    """Let the points that the user is placing stay active: Slicer makes those active that were added last.

    Nobody is told of it in between, or the placing would end.
    """
    selection = scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
    if selection is None:
        yield
        return
    kind, points = selection.GetActivePlaceNodeClassName(), selection.GetActivePlaceNodeID()
    with slicer.util.NodeModify(selection):
        yield
        selection.SetReferenceActivePlaceNodeClassName(kind)
        selection.SetActivePlaceNodeID(points)
