"""The slice views of the module, by what they show."""

from __future__ import annotations

from dataclasses import dataclass

VIEW_GROUP = 59
"""The group in which the views are linked with each other, and with no other view."""


@dataclass(frozen=True)
class SliceView:
    """One slice view: its singleton tag, and the color of its bar."""

    tag: str
    color: str


VIEWS = {
    "truth": SliceView("DSCSuperResTruth", "#8c959d"),
    "input": SliceView("DSCSuperResInput", "#e69f00"),
    "reconstruction": SliceView("DSCSuperResReconstruction", "#3a8fd9"),
    "difference": SliceView("DSCSuperResDifference", "#b04a9c"),
}
ROLES = {
    "compare": ("truth", "input", "reconstruction", "difference"),
    "reconstruct": ("input", "reconstruction"),
}
"""The views of each task, in reading order."""
