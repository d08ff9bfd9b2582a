"""Maps over the anatomy in the views of the comparison: each source's map in its own view, differences in theirs."""

from __future__ import annotations

from dataclasses import replace

from ..Maps.Maps import SD_SUFFIX, mapNode
from ..Result import Result
from .CompareLayout import CompareLayout
from .MapColors import prepareColors
from .ViewState import setShown, shownOf


class MapOverlay:
    """Shows one map of a result in the views of ``layout``, or none."""

    def __init__(self, layout: CompareLayout) -> None:
        self._layout = layout

    def show(self, result: Result, name: str, opacity: float, compared: str = "reconstruction") -> None:
        """Overlay the maps ``name`` of all sources on their views with ``opacity`` (0..1).

        See ``choose``.
        """
        self.choose(result, name, opacity, compared)
        self._layout.assign(result)

    def choose(self, result: Result, name: str, opacity: float, compared: str = "reconstruction") -> None:
        """Let the maps ``name`` be what is to be seen of ``result``, once its views are filled.

        The view of the difference shows the map of ``compared`` minus that of the ground truth; with an uncertainty,
        the difference of the map that is uncertain.
        """
        prepareColors(result, name)
        prepareColors(result, name.removesuffix(SD_SUFFIX))  # the difference beside an uncertainty is that of the map
        setShown(result, replace(shownOf(result), overlay=name, opacity=opacity, compared=compared))

    def chooseNone(self, result: Result) -> None:
        """Let the images without maps be what is to be seen of ``result``, once its views are filled."""
        setShown(result, replace(shownOf(result), overlay=""))

    def shown(self, result: Result) -> tuple[str, float] | None:
        """Return the name and the opacity of the map over the reconstruction; None if there is none."""
        shown = shownOf(result)
        if not shown.overlay or mapNode(result, shown.overlay, "reconstruction") is None:
            return None
        return shown.overlay, shown.opacity
