"""Forms that fit a narrow panel, so that long names neither widen the panel nor push the window off the screen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import qt

SHORTEST = 4
"""Letters of a choice that remain visible in the narrowest panel."""
ELIDING = ("QComboBox", "qMRMLNodeComboBox")
"""Classes that shorten their text where there is no room for it."""
NUMBERS = ("QSpinBox", "QDoubleSpinBox")
NUMBER_WIDTH = 64
"""Pixels that a number needs at least; texts that stand for a number may need more and get it where there is room."""
IGNORING = ("ctkPathLineEdit", "QProgressBar")
"""Classes that can be of any width, whatever they hold."""
NARROWEST = 300
"""Pixels for the contents of a module panel of 360 pixels: Slicer adds about 55 for a scroll bar of 14."""


def fitPanel(panel: Any) -> None:
    """Let ``panel`` be as narrow as ``NARROWEST``.

    Slicer's module panel is never narrower than its module would like to be, which for long lines is without wrapping.
    """
    panel.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Preferred)
    panel.minimumWidth = NARROWEST


def letShrink(widget: Any) -> None:
    """Let ``widget`` become narrower than its widest row.

    Where it is too narrow for that row, its layout would wrap lines as if it were as wide, and give them a height for
    fewer lines than there are.
    """
    widget.minimumWidth = 1


def makeNarrow(widgets: Iterable[Any]) -> None:
    """Let ``widgets`` of a form become narrower than their contents."""
    for widget in widgets:
        if any(map(widget.inherits, ELIDING)):
            widget.sizeAdjustPolicy = qt.QComboBox.AdjustToMinimumContentsLengthWithIcon
        if widget.inherits("QComboBox"):
            widget.minimumContentsLength = SHORTEST
        elif any(map(widget.inherits, NUMBERS)) and not widget.minimumWidth:
            widget.minimumWidth = NUMBER_WIDTH
        elif any(map(widget.inherits, IGNORING)):
            widget.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Fixed)
        elif widget.inherits("ctkCollapsibleButton"):
            # By default it is never narrower than its contents would like to be.
            widget.setSizePolicy(qt.QSizePolicy.Preferred, qt.QSizePolicy.Preferred)
            letShrink(widget)
            if widget.layout() is not None:
                widget.layout().setContentsMargins(4, 4, 4, 4)
