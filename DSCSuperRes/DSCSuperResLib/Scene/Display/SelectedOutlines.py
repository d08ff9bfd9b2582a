"""The outlines of regions of a result in the views: those of the other results are hidden meanwhile."""

from __future__ import annotations

import slicer

from ..Attributes import setAttributes
from ..Result import ROLE, Result

OUTLINES = "segments."
"""What the roles of segmentations begin with."""
HIDDEN = "DSCSuperRes.HiddenWithItsResult"
"""Attribute of outlines that were visible before another result was selected."""


def showOutlinesOf(result: Result, scene: slicer.vtkMRMLScene) -> None:
    """Hide the outlines of all other results, and show those of ``result`` that were hidden this way."""
    for one in Result.all(scene):
        for node in one.nodes():
            if not (node.GetAttribute(ROLE) or "").startswith(OUTLINES):
                continue
            if one != result and node.GetDisplayVisibility():
                setAttributes(node, {HIDDEN: "yes"})
                node.SetDisplayVisibility(False)
            elif one == result and node.GetAttribute(HIDDEN):
                setAttributes(node, {HIDDEN: None})
                node.SetDisplayVisibility(True)
