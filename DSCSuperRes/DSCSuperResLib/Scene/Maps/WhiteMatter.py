"""The white matter that relative maps refer to: a segment with its outline in the views, which the user may edit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dsc_superres.geometry import Geometry

from ...Translation import _
from ..Outlines import fillOutlines, newOutlines
from ..Result import Result

SEGMENTATION = "segments.reference"
"""Role of the segmentation with the reference."""
WHITE = "white"
COLOR = (0.3, 0.9, 1.0)


def showReference(result: Result, region: np.ndarray, geometry: Geometry) -> Iterator[None]:
    """Outline ``region``, bool[z, y, x], as a segmentation, which is created the first time; yields between parts."""
    node = result.node(SEGMENTATION)
    if node is None:
        node = newOutlines(result, _("White matter reference"), SEGMENTATION)
        yield
    fillOutlines(node, {WHITE: region}, geometry, {WHITE: _("White matter")}, {WHITE: COLOR})
    yield


def removeReference(result: Result) -> None:
    """Remove the segmentation with the reference, where there is one."""
    node = result.node(SEGMENTATION)
    if node is not None:
        result.removeNodes([node])
