"""The section Perfusion: maps over the images, arterial input and method, statistics of regions."""

from __future__ import annotations

import slicer

from ..Parameters import COMPARED, PerfusionParameters
from ..Scene.Display.ChosenScales import ChosenScales
from ..Scene.Display.CompareLayout import CompareLayout
from ..Scene.Maps.Maps import mapNames, mapsWarnings
from ..Scene.Result import roleTitle
from ..Translation import _
from .ArterialControls import ArterialControls
from .MapControls import MapControls
from .ReadingControls import ReadingControls
from .RegionControls import RegionControls
from .Section import Section


class PerfusionSection(Section):
    """Controls of ``Perfusion.ui``."""

    def __init__(self, ui, context) -> None:
        super().__init__(ui, context)
        self._result = None
        layout = CompareLayout(slicer.mrmlScene, slicer.app.applicationLogic())
        self._reading = ReadingControls(ui, context, self._onHidden)
        scales = ChosenScales(self._parameters)
        self._maps = MapControls(
            ui, layout, context.sideBySide, context.overlayChanged, scales, lambda: self._reading.hidden
        )
        self._regions = RegionControls(ui, context)
        self._arterial = ArterialControls(ui, context, self._onMaps)
        for difference in (_("reconstruction - ground truth"), _("input - ground truth")):
            ui.comparedSelector.addItem(difference)
        ui.comparedSelector.connect("currentIndexChanged(int)", self._onCompared)
        self.setResult(None)

    def setResult(self, result) -> None:
        """Show the maps of ``result``; None for none."""
        self._result = result
        if self.context.parameters is not None:
            self._maps.compared = self.context.parameters.perfusion.compared
        self._maps.setResult(result)
        self._arterial.setResult(result)
        self._reading.setResult(result)
        self._regions.setResult(result)
        self._showWarnings()

    def parametersChanged(self) -> None:
        """Update the controls from the parameters."""
        parameters = self.context.parameters
        if parameters is None:
            return
        self._maps.compared = parameters.perfusion.compared
        self.ui.comparedSelector.currentIndex = COMPARED.index(parameters.perfusion.compared)
        self._arterial.parametersChanged()
        self._reading.parametersChanged()
        self._regions.parametersChanged()

    def overlayChanged(self) -> None:
        """Update the controls of the maps."""
        self._maps.overlayChanged()

    def mapsChanged(self) -> None:
        """Show the maps that a run has added."""
        self._arterial.update()
        self._onMaps()

    def showProgress(self, fraction: float, text: str) -> None:
        """Show how far a run is that computes the maps of this result."""
        self._arterial.showProgress(fraction, text)

    def cleanup(self) -> None:
        """Leave nothing running or observed."""
        self.setResult(None)
        super().cleanup()

    def _parameters(self) -> PerfusionParameters | None:
        return self.context.parameters.perfusion if self.context.parameters is not None else None

    def _onHidden(self) -> None:
        self._maps.hideRegions()

    def _onMaps(self) -> None:
        """Show the recomputed maps."""
        self._maps.chooseScale()
        self._maps.update()
        self._maps.refresh()
        self.context.overlayChanged()
        self._reading.update()
        self._showWarnings()

    def _showWarnings(self) -> None:
        result = self._result
        found = mapsWarnings(result) if result is not None else []
        lines = [f"\N{WARNING SIGN} {_warningText(sentence, sources)}" for sentence, sources in found]
        if result is not None and not mapNames(result):
            complete = self.context.logic.isComplete(result)
            coming, missing = _("The maps are being computed."), _("This result has no maps yet: compute them below.")
            lines = [missing if complete else coming]
        self.ui.warningsLabel.text = "\n".join(lines)
        self.ui.warningsLabel.visible = bool(lines)

    def _onCompared(self, row: int) -> None:
        if self.context.parameters is not None and self._maps.compared != COMPARED[row]:
            self.context.parameters.perfusion.compared = self._maps.compared = COMPARED[row]
            self._maps.refresh()


def _warningText(sentence: str, sources: list[str]) -> str:
    """Return ``sentence``, with the series if it applies to only one."""
    if len(sources) > 1:
        return sentence
    return _("{sentence} ({series})").format(sentence=sentence, series=roleTitle(sources[0]))
