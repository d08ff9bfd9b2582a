"""Maps over the anatomy in the views of the comparison: each source's map in its own view, differences in theirs."""

from __future__ import annotations

import slicer

from .CompareLayout import LAYOUTS, CompareLayout
from .MapColours import prepareColours
from .Maps import DEVIATION, DIFFERENCES, mapNode
from .Result import ROLE, Result


class MapOverlay:
    """Shows one map of a result in the views of ``layout``, or none."""

    def __init__(self, layout: CompareLayout) -> None:
        self._layout = layout

    def show(self, result: Result, name: str, opacity: float, compared: str = "reconstruction") -> None:
        """Lay the maps ``name`` of all sources over their views with ``opacity`` (0..1).

        The view of the difference shows the map's own: that of ``compared`` minus the ground truth.
        """
        prepareColours(result, name)
        for role in LAYOUTS[result.task][1]:
            composite = self._layout.compositeNode(role)
            if composite is None:
                continue
            with slicer.util.NodeModify(composite):
                if role == "difference":
                    volume = mapNode(result, name, DIFFERENCES[compared]) or result.proxy(role)
                    composite.SetBackgroundVolumeID(volume.GetID() if volume else None)
                    continue
                volume = mapNode(result, name, role)
                composite.SetForegroundVolumeID(volume.GetID() if volume else None)
                composite.SetForegroundOpacity(opacity)

    def hide(self, result: Result) -> None:
        """Show the images alone."""
        for role in LAYOUTS[result.task][1]:
            composite = self._layout.compositeNode(role)
            if composite is None:
                continue
            with slicer.util.NodeModify(composite):
                composite.SetForegroundVolumeID(None)
                if role == "difference" and result.proxy(role) is not None:
                    composite.SetBackgroundVolumeID(result.proxy(role).GetID())

    def shown(self, result: Result) -> tuple[str, float] | None:
        """The name and the opacity of the map in the view of the reconstruction; None for none."""
        composite = self._layout.compositeNode("reconstruction")
        volume = result.scene.GetNodeByID(composite.GetForegroundVolumeID() or "") if composite else None
        role = (volume.GetAttribute(ROLE) or "").split(".") if volume is not None else []
        if len(role) != 3 or mapNode(result, role[1], "reconstruction") is not volume:
            return None
        return role[1], composite.GetForegroundOpacity()


def deviationOf(name: str) -> str:
    """The name of the map of a map's uncertainty."""
    return name if name.endswith(DEVIATION) else f"{name}{DEVIATION}"
