"""The part of the Display panel that shows the uncertainty of the reconstruction over the images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..Scene.Display.CompareLayout import CompareLayout
from ..Scene.Display.Difference import meanSignal
from ..Scene.Display.Uncertainty import UncertaintyOverlay, colorUncertainty, shownLimit, typicalUncertainty
from ..Scene.Display.ViewState import setShown, shownOf
from ..Scene.Result import UNCERTAINTY
from ..Translation import _

PERCENT = 1
"""Row of the unit of the limit: percent of the mean signal."""


class UncertaintyControls:
    """Controls of ``Display.ui`` for the uncertainty of a result, whose state is stored with it and in display nodes.

    ``onShown`` is called when they have changed the overlay of the images.
    """

    def __init__(self, ui, layout: CompareLayout, sideBySide: Callable[[], None], onShown: Callable[[], None]) -> None:
        self._ui, self._sideBySide, self._onShown = ui, sideBySide, onShown
        self._overlay, self._result, self._updating = UncertaintyOverlay(layout), None, False
        ui.uncertaintyCheckBox.connect("toggled(bool)", self._onToggled)
        ui.uncertaintyOpacity.connect("valueChanged(double)", self._onOpacity)
        ui.uncertaintyLimit.connect("valueChanged(double)", self._onLimit)
        ui.uncertaintyUnit.connect("currentIndexChanged(int)", self.update)
        ui.uncertaintyAutoButton.connect("clicked()", self._onAuto)
        ui.uncertaintyLegendCheckBox.connect("toggled(bool)", self._onLegend)

    def setResult(self, result) -> None:
        """Control the display of ``result``; None for nothing."""
        self._result = result
        self.update()

    def update(self) -> None:
        """Update the widgets from the display."""
        ui, volume = self._ui, self._volume()
        shown = volume is not None and self._overlay.shown(self._result)
        self._updating = True
        ui.uncertaintyCheckBox.enabled = volume is not None
        ui.uncertaintyCheckBox.toolTip = (
            _("Overlay the standard deviation of the error on the reconstruction, frame by frame, in colors.")
            if volume is not None
            else _("This run did not compute it: select Compute uncertainty in the section Reconstruct before Apply.")
        )
        ui.uncertaintyCheckBox.checked = shown
        for widget in (
            ui.uncertaintyLegendCheckBox,
            ui.uncertaintyLabel,
            ui.uncertaintyLimit,
            ui.uncertaintyUnit,
            ui.uncertaintyAutoButton,
            ui.uncertaintyOpacityLabel,
            ui.uncertaintyOpacity,
        ):
            widget.visible = shown
        if shown:
            ui.uncertaintyLimit.value = shownLimit(volume) / self._unit()
            ui.uncertaintyLegendCheckBox.checked = shownOf(self._result).legends
            ui.uncertaintyOpacity.value = self._overlay.opacity(self._result)
        self._updating = False

    def _volume(self):
        return self._result.proxy(UNCERTAINTY) if self._result is not None else None

    def _unit(self) -> float:
        """Return the unit of the limit in signal units."""
        percent = self._ui.uncertaintyUnit.currentIndex == PERCENT
        return meanSignal(self._result.sequence("input")) / 100 if percent else 1.0

    def _onToggled(self, on: bool) -> None:
        if self._updating or self._result is None:
            return
        if on:
            self._overlay.choose(self._result, self._ui.uncertaintyOpacity.value)
            self._sideBySide()
        else:
            self._overlay.chooseNone(self._result)
        self._onShown()

    def _onOpacity(self, opacity: float) -> None:
        if not self._updating and self._result is not None:
            self._overlay.show(self._result, opacity)

    def _onLimit(self, limit: float) -> None:
        if not self._updating and self._result is not None:
            colorUncertainty(self._volume(), limit * self._unit())

    def _onAuto(self) -> None:
        colorUncertainty(self._volume(), typicalUncertainty(self._result))
        self.update()

    def _onLegend(self, on: bool) -> None:
        if not self._updating and self._result is not None:
            setShown(self._result, replace(shownOf(self._result), legends=on))
            self._onShown()
