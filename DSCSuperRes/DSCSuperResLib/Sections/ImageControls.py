"""The part of the Display panel for gray levels, interpolation, and the colors of the difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..Scene.Display.Appearance import interpolation, setInterpolation, signalVolumes
from ..Scene.Display.Difference import colorDifference, meanSignal, shownDifference, typicalLimit
from ..Scene.Display.SharedWindow import SharedWindow, automaticLevels, sampleVoxels
from ..Scene.Display.ViewState import setShown, shownOf

PERCENT = 1
"""Row of the difference's unit: percent of the mean signal."""


class ImageControls:
    """Controls of ``Display.ui`` for the display of a result, whose state is stored in the display nodes.

    ``onShown`` is called when they have changed what the views show.
    """

    def __init__(self, ui, onShown: Callable[[], None]) -> None:
        self._ui, self._onShown, self._result, self._window = ui, onShown, None, None
        self._updating = False
        ui.grayRange.connect("valuesChanged(double,double)", self._onGrayRange)
        ui.grayAutoButton.connect("clicked()", self._onGrayAuto)
        ui.interpolateCheckBox.connect("toggled(bool)", self._onInterpolate)
        ui.differenceLimit.connect("valueChanged(double)", self._onDifference)
        ui.absoluteCheckBox.connect("toggled(bool)", self._onDifference)
        ui.legendCheckBox.connect("toggled(bool)", self._onLegend)
        ui.differenceUnit.connect("currentIndexChanged(int)", self._onUnit)
        ui.differenceAutoButton.connect("clicked()", self._onDifferenceAuto)

    def setResult(self, result) -> None:
        """Control the display of ``result``; None for nothing."""
        if self._window is not None:
            self._window.close()
        self._result, self._window = result, None
        hasDifference = result is not None and result.proxy("difference") is not None
        for widget in (self._ui.grayRange, self._ui.grayAutoButton, self._ui.interpolateCheckBox):
            widget.enabled = result is not None
        for widget in (
            self._ui.differenceLabel,
            self._ui.differenceLimit,
            self._ui.differenceUnit,
            self._ui.differenceAutoButton,
            self._ui.absoluteCheckBox,
            self._ui.legendCheckBox,
        ):
            widget.visible = result is None or hasDifference
            widget.enabled = hasDifference
        if result is not None:
            self._showState(hasDifference)

    def update(self) -> None:
        """Update whether there are legends, which may have been changed elsewhere."""
        if self._result is not None:
            self._updating = True
            self._ui.legendCheckBox.checked = shownOf(self._result).legends
            self._updating = False

    def _showState(self, hasDifference: bool) -> None:
        """Update the widgets from the display nodes."""
        self._updating = True
        sample = sampleVoxels(self._result.sequence("input"))
        self._ui.grayRange.minimum = min(0.0, float(sample.min()))
        self._ui.grayRange.maximum = 1.2 * float(sample.max())
        self._ui.grayRange.decimals = 0 if sample.max() > 50 else 3
        self._ui.interpolateCheckBox.checked = interpolation(self._result)
        if hasDifference:
            volume = self._result.proxy("difference")
            self._ui.absoluteCheckBox.checked = shownDifference(volume)[1]
            self._showLimit()
        self._updating = False
        self.update()
        self._window = SharedWindow(signalVolumes(self._result), self._showLevels)

    def _showLevels(self, lower: float, upper: float) -> None:
        self._updating = True
        self._ui.grayRange.setValues(lower, upper)
        self._updating = False

    def _showLimit(self) -> None:
        limit = shownDifference(self._result.proxy("difference"))[0]
        self._ui.differenceLimit.value = limit / self._unit()

    def _unit(self) -> float:
        """Return the unit of the limit in signal units."""
        percent = self._ui.differenceUnit.currentIndex == PERCENT
        return meanSignal(self._result.sequence("truth")) / 100 if percent else 1.0

    def _onGrayRange(self, lower: float, upper: float) -> None:
        if not self._updating and self._window is not None:
            self._window.set(lower, upper)

    def _onGrayAuto(self) -> None:
        self._window.set(*automaticLevels(self._result.sequence("input")))

    def _onInterpolate(self, on: bool) -> None:
        if not self._updating and self._result is not None:
            setInterpolation(self._result, on)

    def _onUnit(self, row: int) -> None:
        if self._result is not None and not self._updating:
            self._updating = True
            self._showLimit()
            self._updating = False

    def _onDifference(self) -> None:
        if not self._updating and self._result is not None:
            self._color(self._ui.differenceLimit.value * self._unit())

    def _onDifferenceAuto(self) -> None:
        self._color(typicalLimit(self._result.sequence("difference")))
        self._onUnit(0)

    def _onLegend(self, on: bool) -> None:
        if not self._updating and self._result is not None:
            setShown(self._result, replace(shownOf(self._result), legends=on))
            self._onShown()

    def _color(self, limit: float) -> None:
        colorDifference(self._result.proxy("difference"), limit, self._ui.absoluteCheckBox.checked)
        self._onShown()
