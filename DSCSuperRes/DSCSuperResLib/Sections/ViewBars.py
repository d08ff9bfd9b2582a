"""The bars above the views of the comparison: titles in words, with the room that they need; no names on the images."""

from __future__ import annotations

from collections.abc import Iterable

import qt
import slicer

PADDING = 8
"""Pixels beside a title."""
LONGEST = 160
"""Pixels of a title: the names of two results may be longer than a view is wide."""


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
        title = view.GetLayoutLabel()
        label.setMinimumWidth(min(label.fontMetrics().horizontalAdvance(title) + PADDING, LONGEST))
        label.toolTip = title
        slider = controller.sliceOffsetSlider()
        slider.setSpinBoxVisible(False)
        slider.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Fixed)  # four views fit a narrow window in a row
        widget.sliceView().cornerAnnotation().SetVisibility(False)
