"""The bars above the views of the comparison: titles in words, with the room that they need; no names on the images."""

from __future__ import annotations

from collections.abc import Iterable

import slicer

PADDING = 8
"""Pixels beside a title."""


def arrangeBars(views: Iterable[slicer.vtkMRMLSliceNode]) -> None:
    """Give the titles of ``views`` their full width, and take the names of volumes off the images.

    The position of the slice in mm makes room: the slider beside it stays.
    """
    manager = slicer.app.layoutManager()
    for view in views if manager is not None else ():
        widget = manager.sliceWidget(view.GetLayoutName())
        if widget is None:
            continue
        controller = widget.sliceController()
        label = controller.viewLabel()
        label.setMinimumWidth(label.fontMetrics().horizontalAdvance(view.GetLayoutLabel()) + PADDING)
        controller.sliceOffsetSlider().setSpinBoxVisible(False)
        widget.sliceView().cornerAnnotation().SetVisibility(False)
