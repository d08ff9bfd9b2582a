"""Attributes that only this software reads: views and lists need not hear that they changed, and draw nothing anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import slicer


@contextmanager
def unheard(node: slicer.vtkMRMLNode) -> Iterator[None]:
    """Within this context, changes of ``node`` are not announced."""
    before = node.GetDisableModifiedEvent()
    node.SetDisableModifiedEvent(True)
    try:
        yield
    finally:
        node.SetDisableModifiedEvent(before)


def setAttributes(node: slicer.vtkMRMLNode, values: Mapping[str, str | None]) -> None:
    """Set attributes of ``node`` without announcing it; None removes one."""
    with unheard(node):
        for name, value in values.items():
            if node.GetAttribute(name) != value:
                node.SetAttribute(name, value)
