"""Colored overlay of the uncertainty of a reconstruction, which is the standard deviation of its error."""

from __future__ import annotations

from dataclasses import replace

import slicer

from ..Result import UNCERTAINTY
from .CompareLayout import CompareLayout
from .Difference import typicalLimit
from .MapColors import FOR_UNCERTAINTY, SCALE_PERCENTILE, firstColors, setScale
from .ViewState import setShown, shownOf


def colorUncertainty(volume: slicer.vtkMRMLScalarVolumeNode, limit: float) -> None:
    """Color ``volume`` from 0 to ``limit`` (signal units)."""
    setScale([volume], 0.0, limit, firstColors(volume.GetScene(), FOR_UNCERTAINTY))


def typicalUncertainty(result) -> float:
    """Return a limit (signal units) that makes differences of the uncertainty visible."""
    return typicalLimit(result.sequence(UNCERTAINTY), SCALE_PERCENTILE)


def shownLimit(volume: slicer.vtkMRMLScalarVolumeNode) -> float:
    """Return the limit that ``colorUncertainty`` has set, in signal units."""
    return volume.GetDisplayNode().GetWindowLevelMax()


class UncertaintyOverlay:
    """Overlays the uncertainty of a result on its reconstruction in the views of ``layout``."""

    def __init__(self, layout: CompareLayout) -> None:
        self._layout = layout

    def show(self, result, opacity: float) -> None:
        """Overlay the uncertainty on the image with ``opacity`` (0..1), replacing maps."""
        self.choose(result, opacity)
        self._layout.assign(result)

    def choose(self, result, opacity: float) -> None:
        """Let the uncertainty be what is to be seen of ``result``, once its views are filled."""
        setShown(result, replace(shownOf(result), overlay=UNCERTAINTY, opacity=opacity))

    def chooseNone(self, result) -> None:
        """Let the image alone be what is to be seen of ``result``, once its views are filled. A map stays."""
        if self.shown(result):
            setShown(result, replace(shownOf(result), overlay=""))

    def shown(self, result) -> bool:
        """Return whether the uncertainty is over the reconstruction."""
        return shownOf(result).overlay == UNCERTAINTY and result.proxy(UNCERTAINTY) is not None

    def opacity(self, result) -> float:
        """Return the opacity of the overlay (0..1)."""
        return shownOf(result).opacity
