"""The part of the Perfusion panel for the display of maps over the images, and their colors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import slicer

from ..Scene.Display.ChosenScales import ChosenScales
from ..Scene.Display.CompareLayout import CompareLayout
from ..Scene.Display.Difference import colorDifference, shownDifference, updateLabels
from ..Scene.Display.MapColors import (
    EVERY_VALUE,
    automaticScale,
    prepareColors,
    resetScale,
    setScale,
    setThreshold,
)
from ..Scene.Display.MapOverlay import MapOverlay
from ..Scene.Display.SharedWindow import SharedWindow
from ..Scene.Display.ViewState import setShown, shownOf
from ..Scene.Maps.MapMasking import maskMaps
from ..Scene.Maps.Maps import (
    DIFFERENCES,
    SD_SUFFIX,
    SOURCES,
    absoluteMap,
    mapNames,
    mapNode,
    mapNodes,
    mapUnit,
    relativeMap,
    scaleIsTrusted,
    unitText,
)

BUTTONS = ("cbv", "cbf", "mtt", "ttp", "tmax", "k2")


class MapControls:
    """Controls of ``Perfusion.ui`` for the display of maps, whose state is stored in views and display nodes.

    ``sideBySide`` brings the views to the screen; ``onShown`` is called when the overlay of the images has changed. A
    window that the user sets with the mouse in one view is that of all views, and of the controls; ``scales`` remembers
    it for maps to come. ``hidden()`` names the regions that maps leave out.
    """

    def __init__(
        self,
        ui,
        layout: CompareLayout,
        sideBySide: Callable[[], None],
        onShown: Callable[[], None],
        scales: ChosenScales,
        hidden: Callable[[], tuple[str, ...]],
    ) -> None:
        self._ui, self._overlay, self._sideBySide, self._onShown = ui, MapOverlay(layout), sideBySide, onShown
        self._scales, self._windows, self._shared, self._hidden = scales, [], None, hidden
        self._result, self._name, self._updating = None, "", False
        self.compared = "reconstruction"
        ui.imageButton.connect("clicked()", self.hide)
        for name in BUTTONS:
            self._button(name).connect("clicked()", lambda *, name=name: self.show(name))
        ui.relativeCheckBox.connect("toggled(bool)", self._onRelative)
        ui.uncertaintyCheckBox.connect("toggled(bool)", self._onUncertainty)
        ui.opacitySlider.connect("valueChanged(double)", self._onOpacity)
        ui.scaleRange.connect("valuesChanged(double,double)", self._onScale)
        ui.scaleAutoButton.connect("clicked()", self._onScaleAuto)
        ui.threshold.connect("valueChanged(double)", self._onThreshold)
        ui.legendCheckBox.connect("toggled(bool)", self._onLegend)
        ui.colorSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._onColors)
        ui.differenceLimit.connect("valueChanged(double)", self._onLimit)

    def setResult(self, result) -> None:
        """Offer the maps of ``result``, and restore the one that its views show.

        The view of the difference is also restored, which may have been filled with images.
        """
        self._closeWindows()
        self._result = result
        shown = self._overlay.shown(result) if result is not None else None
        self._name = shown[0] if shown else ""
        self.chooseScale()
        if shown:
            self._set(self._ui.opacitySlider, "value", shown[1])
            self._overlay.choose(result, *shown, self.compared)
            self._shareWindows()
        self.update()

    def chooseScale(self) -> None:
        """Prefer relative maps where absolute values are wrong by an unknown factor; a map that is shown stays."""
        base = self._name.removesuffix(SD_SUFFIX)
        shown = base if absoluteMap(base) != base or (base and relativeMap(self._result, base) != base) else ""
        relative = (
            absoluteMap(shown) != shown if shown else self._result is not None and not scaleIsTrusted(self._result)
        )
        self._set(self._ui.relativeCheckBox, "checked", relative)

    def update(self) -> None:
        """Update the controls from the current maps and their display."""
        names = mapNames(self._result) if self._result is not None else []
        for name in BUTTONS:
            self._button(name).enabled = name in names
        self._button("k2").visible = "k2" in names
        self._ui.imageButton.enabled = bool(names)
        self._ui.relativeCheckBox.visible = "rcbv" in names
        base = absoluteMap(self._name.removesuffix(SD_SUFFIX))
        (self._button(base) if base in names else self._ui.imageButton).checked = True
        self._ui.display.visible = bool(base)
        if base:
            self._showState()

    def show(self, name: str) -> None:
        """Overlay the maps ``name`` on the images, side by side; relative to white matter where that is chosen."""
        result = self._result
        name = relativeMap(result, name) if self._ui.relativeCheckBox.checked else name
        uncertainty = self._ui.uncertaintyCheckBox.checked and mapNode(result, name + SD_SUFFIX, "reconstruction")
        self._name = name + SD_SUFFIX if uncertainty else name
        prepareColors(result, self._name, self._scales.chosen(self._name, result))
        self.hideRegions()
        self._shareWindows()
        self._overlay.choose(result, self._name, self._ui.opacitySlider.value, self.compared)
        self._sideBySide()
        self.update()
        self._onShown()

    def hideRegions(self) -> None:
        """Leave the hidden regions out of the map that is shown, and restore other maps where none are hidden."""
        if self._result is not None:
            maskMaps(self._result, self._hidden(), self._name)

    def hide(self) -> None:
        """Show the images without a map."""
        self._name = ""
        self._closeWindows()
        if self._result is not None:
            self._overlay.chooseNone(self._result)
        self.update()
        self._onShown()

    def overlayChanged(self) -> None:
        """Update the controls if another overlay has replaced the map."""
        if self._name and self._overlay.shown(self._result) is None:
            self._name = ""
            self._closeWindows()
            self.update()
        if self._name:
            shown = shownOf(self._result)
            self._set(self._ui.legendCheckBox, "checked", shown.legends)
            self._set(self._ui.opacitySlider, "value", shown.opacity)

    def refresh(self) -> None:
        """Show the current map again, after its volumes or the compared series have changed."""
        if self._name and mapNode(self._result, self._name, "reconstruction") is not None:
            self.show(absoluteMap(self._name.removesuffix(SD_SUFFIX)))
        elif self._name:
            self.hide()

    def _button(self, name: str):
        return getattr(self._ui, f"{name}Button")

    def _volumes(self) -> list[slicer.vtkMRMLScalarVolumeNode]:
        return [volume for source in SOURCES if (volume := mapNode(self._result, self._name, source)) is not None]

    def _differences(self) -> list[slicer.vtkMRMLScalarVolumeNode]:
        found = (mapNode(self._result, self._name, source) for source in DIFFERENCES.values())
        return [volume for volume in found if volume is not None]

    def _showState(self) -> None:
        """Update the widgets from the display of the map."""
        ui, volumes, differences = self._ui, self._volumes(), self._differences()
        display = volumes[0].GetDisplayNode()
        self._updating = True
        isRelative = absoluteMap(self._name) != self._name
        ui.unitLabel.text = "" if isRelative else unitText(self._name)  # the legend says that white matter is 1
        ui.unitLabel.visible = not isRelative
        suffix = "" if isRelative else f" {mapUnit(self._name)}"
        ui.threshold.suffix = suffix
        automatic = automaticScale(self._result, self._name)
        ui.scaleRange.minimum = min(automatic.lower, display.GetWindowLevelMin())
        ui.scaleRange.maximum = max(2 * automatic.upper, display.GetWindowLevelMax())
        ui.scaleRange.singleStep = automatic.upper / 100
        ui.scaleRange.setValues(display.GetWindowLevelMin(), display.GetWindowLevelMax())
        ui.threshold.minimum = min(automatic.lower, 0.0)
        ui.threshold.value = max(display.GetLowerThreshold(), ui.threshold.minimum)
        ui.legendCheckBox.checked = shownOf(self._result).legends
        ui.colorSelector.setCurrentNode(display.GetColorNode())
        for widget in (ui.differenceLabel, ui.comparedSelector, ui.differenceLimit):
            widget.visible = bool(differences)
        if differences:
            ui.differenceLimit.value = shownDifference(differences[0])[0]
        base = self._name.removesuffix(SD_SUFFIX)
        ui.uncertaintyCheckBox.enabled = (base + SD_SUFFIX, "reconstruction") in mapNodes(self._result)
        ui.uncertaintyCheckBox.checked = self._name.endswith(SD_SUFFIX)
        self._updating = False

    def _set(self, widget, name: str, value: object) -> None:
        self._updating = True
        setattr(widget, name, value)
        self._updating = False

    def _onRelative(self) -> None:
        if not self._updating and self._name:
            self.show(absoluteMap(self._name.removesuffix(SD_SUFFIX)))

    def _onUncertainty(self) -> None:
        if not self._updating and self._name:
            self.show(absoluteMap(self._name.removesuffix(SD_SUFFIX)))

    def _onOpacity(self, opacity: float) -> None:
        if not self._updating and self._name:
            self._overlay.show(self._result, self._name, opacity, self.compared)

    def _onScale(self, lower: float, upper: float) -> None:
        if not self._updating and self._windows:
            self._windows[0].set(lower, upper)

    def _onScaleAuto(self) -> None:
        if self._name:
            resetScale(self._result, self._name)
            self._scales.forget(self._name)
            self._showState()

    def _onThreshold(self, lowest: float) -> None:
        if not self._updating and self._name:
            setThreshold(self._volumes(), lowest if lowest > self._ui.threshold.minimum else EVERY_VALUE)

    def _shareWindows(self) -> None:
        """Let a window that is set in one view apply to all, the difference apart."""
        self._closeWindows()
        self._shared = (self._name, self._result)
        for volumes, changed in ((self._volumes(), self._onWindow), (self._differences(), self._onDifferenceWindow)):
            if volumes:
                self._windows.append(SharedWindow(volumes, changed))

    def _closeWindows(self) -> None:
        """Leave the map that is shown, and remember the scale that the user gave it."""
        if self._windows:
            self._scales.remember(*self._shared)
        for window in self._windows:
            window.close()
        self._windows, self._shared = [], None

    def _onWindow(self, lower: float, upper: float) -> None:
        """Follow a window that was set in a view or by the controls: legends, controls, and what is remembered."""
        for volume in self._volumes():
            updateLabels(volume)
        if not self._updating and self._windows:
            self._showState()

    def _onDifferenceWindow(self, lower: float, upper: float) -> None:
        for volume in self._differences():
            updateLabels(volume)
        if not self._updating and self._windows:
            self._showState()

    def _onLegend(self, on: bool) -> None:
        if not self._updating and self._name:
            setShown(self._result, replace(shownOf(self._result), legends=on))
            self._onShown()

    def _onColors(self, node) -> None:
        if not self._updating and self._name and node is not None:
            lower, upper = self._ui.scaleRange.minimumValue, self._ui.scaleRange.maximumValue
            setScale(self._volumes(), lower, upper, node)

    def _onLimit(self, limit: float) -> None:
        if not self._updating and self._name:
            for volume in self._differences():
                colorDifference(volume, limit, absolute=False)
