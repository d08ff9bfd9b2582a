"""Maps over the anatomy in the views of the comparison: each source's map in its own view, differences in theirs."""

from __future__ import annotations

import slicer

from ..Maps.Maps import DIFFERENCES, SD_SUFFIX, mapNode
from ..Result import ROLE, Result
from .CompareLayout import LAYOUTS, CompareLayout
from .MapColors import prepareColors


class MapOverlay:
    """Shows one map of a result in the views of ``layout``, or none."""

    def __init__(self, layout: CompareLayout) -> None:
        self._layout = layout

    def show(self, result: Result, name: str, opacity: float, compared: str = "reconstruction") -> None:
        """Overlay the maps ``name`` of all sources on their views with ``opacity`` (0..1).

        The view of the difference shows the map of ``compared`` minus that of the ground truth; with an uncertainty,
        the difference of the map that is uncertain.
        """
        mapName = name.removesuffix(SD_SUFFIX)
        for one in dict.fromkeys((name, mapName)):
            prepareColors(result, one)
        for role, composite in self._views(result):
            if role == "difference":
                volume = mapNode(result, mapName, DIFFERENCES[compared]) or result.proxy(role)
                assignView(composite, volume, None, opacity)
            else:
                assignView(composite, result.proxy(role), mapNode(result, name, role), opacity)

    def hide(self, result: Result) -> None:
        """Show the images without maps."""
        for role, composite in self._views(result):
            assignView(composite, result.proxy(role), None, composite.GetForegroundOpacity())

    def shown(self, result: Result) -> tuple[str, float] | None:
        """Return the name and the opacity of the map in the view of the reconstruction; None if there is none."""
        composite = self._layout.compositeNode("reconstruction")
        volume = result.scene.GetNodeByID(composite.GetForegroundVolumeID() or "") if composite else None
        role = (volume.GetAttribute(ROLE) or "").split(".") if volume is not None else []
        if len(role) != 3 or mapNode(result, role[1], "reconstruction") is not volume:
            return None
        return role[1], composite.GetForegroundOpacity()

    def _views(self, result: Result) -> list[tuple[str, slicer.vtkMRMLSliceCompositeNode]]:
        """Return the existing views with their roles."""
        roles = LAYOUTS[result.task][1]
        return [(role, composite) for role in roles if (composite := self._layout.compositeNode(role)) is not None]


def assignView(composite, background, foreground, opacity: float) -> None:
    """Show ``background`` in a view, and ``foreground`` over it with ``opacity`` (0..1); None for no volume."""
    with slicer.util.NodeModify(composite):
        composite.SetBackgroundVolumeID(background.GetID() if background is not None else None)
        composite.SetForegroundVolumeID(foreground.GetID() if foreground is not None else None)
        composite.SetForegroundOpacity(opacity)
        composite.SetInteractionFlags(composite.BackgroundVolumeFlag | composite.ForegroundVolumeFlag)
    # Color legends are drawn or removed only after a change with these flags.
    composite.SetInteractionFlags(0)
