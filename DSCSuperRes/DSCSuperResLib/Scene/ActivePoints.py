"""Which points the user is placing, kept while this software adds points of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import slicer


@contextmanager
def keptActivePoints(scene: slicer.vtkMRMLScene) -> Iterator[None]:
    """Let the points that the user is placing stay active: Slicer makes those active that were added last."""
    selection = scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
    before = selection.GetActivePlaceNodeID() if selection is not None else None
    yield
    if selection is not None and selection.GetActivePlaceNodeID() != before:
        selection.SetActivePlaceNodeID(before)
