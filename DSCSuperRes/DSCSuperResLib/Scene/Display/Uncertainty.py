"""The uncertainty of a reconstruction, the standard deviation of its error, in colors over the frames."""

from __future__ import annotations

import slicer

from .CompareLayout import CompareLayout
from .Difference import UNIT, showLegend, typicalLimit
from .MapColors import FOR_UNCERTAINTY, SCALE_PERCENTILE, firstColors, setScale
from .MapOverlay import MapOverlay, assignView

ROLE = "uncertainty"
VIEW = "reconstruction"
"""The view that shows it."""


def colorUncertainty(volume: slicer.vtkMRMLScalarVolumeNode, limit: float) -> None:
    """Color ``volume`` from 0 to ``limit`` (signal units)."""
    setScale([volume], 0.0, limit, firstColors(volume.GetScene(), FOR_UNCERTAINTY))


def typicalUncertainty(result) -> float:
    """A limit that shows where the uncertainty is larger than elsewhere, in signal units."""
    return typicalLimit(result.sequence(ROLE), SCALE_PERCENTILE)


def shownLimit(volume: slicer.vtkMRMLScalarVolumeNode) -> float:
    """The limit that ``colorUncertainty`` set, in signal units."""
    return volume.GetDisplayNode().GetWindowLevelMax()


def showUncertaintyLegend(volume: slicer.vtkMRMLScalarVolumeNode, visible: bool) -> None:
    """Show or hide the color legend of ``volume``."""
    showLegend(volume, f"Uncertainty, 1 sd ({UNIT})", visible)


class UncertaintyOverlay:
    """Lays the uncertainty of a result over its reconstruction in the views of ``layout``.

    The view itself keeps what is shown, so that it is saved with the scene.
    """

    def __init__(self, layout: CompareLayout) -> None:
        self._layout, self._maps = layout, MapOverlay(layout)

    def show(self, result, opacity: float) -> None:
        """Lay it over the image with ``opacity`` (0..1), in place of maps."""
        if not self.shown(result):
            self._maps.hide(result)
        composite, volume = self._layout.compositeNode(VIEW), result.proxy(ROLE)
        if composite is not None:
            assignView(composite, result.proxy(VIEW), volume, opacity)

    def hide(self, result) -> None:
        """Show the image alone, where the uncertainty was over it."""
        composite = self._layout.compositeNode(VIEW)
        if self.shown(result):
            assignView(composite, result.proxy(VIEW), None, composite.GetForegroundOpacity())

    def shown(self, result) -> bool:
        """Whether the view of the reconstruction shows it."""
        composite, volume = self._layout.compositeNode(VIEW), result.proxy(ROLE)
        return None not in (composite, volume) and composite.GetForegroundVolumeID() == volume.GetID()

    def opacity(self) -> float | None:
        """Of what lies over the reconstruction (0..1); None before there is a view."""
        composite = self._layout.compositeNode(VIEW)
        return composite.GetForegroundOpacity() if composite is not None else None
