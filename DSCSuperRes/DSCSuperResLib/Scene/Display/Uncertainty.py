"""Colored overlay of the uncertainty of a reconstruction, which is the standard deviation of its error."""

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
    """Return a limit (signal units) that makes differences of the uncertainty visible."""
    return typicalLimit(result.sequence(ROLE), SCALE_PERCENTILE)


def shownLimit(volume: slicer.vtkMRMLScalarVolumeNode) -> float:
    """Return the limit that ``colorUncertainty`` has set, in signal units."""
    return volume.GetDisplayNode().GetWindowLevelMax()


def showUncertaintyLegend(volume: slicer.vtkMRMLScalarVolumeNode, visible: bool) -> None:
    """Show or hide the color legend of ``volume``."""
    showLegend(volume, f"Uncertainty, 1 sd ({UNIT})", visible)


class UncertaintyOverlay:
    """Overlays the uncertainty of a result on its reconstruction in the views of ``layout``.

    The state is stored in the view, so that it is saved with the scene.
    """

    def __init__(self, layout: CompareLayout) -> None:
        self._layout, self._maps = layout, MapOverlay(layout)

    def show(self, result, opacity: float) -> None:
        """Overlay the uncertainty on the image with ``opacity`` (0..1), replacing maps."""
        if not self.shown(result):
            self._maps.hide(result)
        composite, volume = self._layout.compositeNode(VIEW), result.proxy(ROLE)
        if composite is not None:
            assignView(composite, result.proxy(VIEW), volume, opacity)

    def hide(self, result) -> None:
        """Remove the uncertainty from the image."""
        composite = self._layout.compositeNode(VIEW)
        if self.shown(result):
            assignView(composite, result.proxy(VIEW), None, composite.GetForegroundOpacity())

    def shown(self, result) -> bool:
        """Return whether the view of the reconstruction shows the uncertainty."""
        composite, volume = self._layout.compositeNode(VIEW), result.proxy(ROLE)
        return None not in (composite, volume) and composite.GetForegroundVolumeID() == volume.GetID()

    def opacity(self) -> float | None:
        """Return the opacity of the overlay on the reconstruction (0..1); None before there is a view."""
        composite = self._layout.compositeNode(VIEW)
        return composite.GetForegroundOpacity() if composite is not None else None
