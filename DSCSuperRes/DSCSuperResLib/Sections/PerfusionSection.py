"""The section Perfusion: maps over the images, arterial input and method, statistics of regions."""

from __future__ import annotations

import slicer

from ..Jobs.TimeSlicedTask import TimeSlicedTask
from ..Parameters import COMPARED, PerfusionParameters
from ..Scene.Display.ChosenScales import ChosenScales
from ..Scene.Display.CompareLayout import CompareLayout
from ..Scene.Maps.Maps import mapNames, mapsWarnings
from ..Scene.Maps.RegionStatistics import READABLE, Statistics, regionStatistics, showStatistics
from ..Scene.Result import roleTitle
from ..Translation import _
from .ArterialControls import ArterialControls
from .MapControls import MapControls
from .Section import Section
from .SegmentEditorButton import connectSegmentEditor


class PerfusionSection(Section):
    """Controls of ``Perfusion.ui``."""

    def __init__(self, ui, context) -> None:
        super().__init__(ui, context)
        self._result, self._measuring = None, None
        layout = CompareLayout(slicer.mrmlScene, slicer.app.applicationLogic())
        self._maps = MapControls(ui, layout, context.overlayChanged, ChosenScales(self._parameters))
        self._arterial = ArterialControls(ui, context, self._onMaps)
        for difference in (_("reconstruction - ground truth"), _("input - ground truth")):
            ui.comparedSelector.addItem(difference)
        ui.comparedSelector.connect("currentIndexChanged(int)", self._onCompared)
        ui.measureButton.connect("clicked()", self._onMeasure)
        connectSegmentEditor(ui.regionsSegmentEditorButton, ui.regionsSelector, _("Region"), self._volume)
        self.setResult(None)

    def setResult(self, result) -> None:
        """Show the maps of ``result``; None for none."""
        self._stopMeasuring()
        self._result = result
        if self.context.parameters is not None:
            self._maps.compared = self.context.parameters.perfusion.compared
        self._maps.setResult(result)
        self._arterial.setResult(result)
        self._showWarnings()
        self._showTable()

    def parametersChanged(self) -> None:
        """Update the controls from the parameters."""
        parameters = self.context.parameters
        if parameters is None:
            return
        self._maps.compared = parameters.perfusion.compared
        self.ui.comparedSelector.currentIndex = COMPARED.index(parameters.perfusion.compared)
        self._arterial.parametersChanged()
        self.ui.measureButton.enabled = self._result is not None and parameters.perfusion.regions is not None

    def overlayChanged(self) -> None:
        """Update the controls of the maps."""
        self._maps.overlayChanged()

    def cleanup(self) -> None:
        """Leave nothing running or observed."""
        self.setResult(None)
        super().cleanup()

    def _parameters(self) -> PerfusionParameters | None:
        return self.context.parameters.perfusion if self.context.parameters is not None else None

    def _volume(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """Return the volume on which regions are drawn."""
        return self._result.proxy("reconstruction") if self._result is not None else None

    def _onMaps(self) -> None:
        """Show the recomputed maps."""
        self._maps.chooseScale()
        self._maps.update()
        self._maps.refresh()
        self.context.overlayChanged()
        self._showWarnings()

    def _showWarnings(self) -> None:
        result = self._result
        found = mapsWarnings(result) if result is not None else []
        lines = [f"\N{WARNING SIGN} {_warningText(sentence, sources)}" for sentence, sources in found]
        if result is not None and not mapNames(result):
            lines = [_("This result has no maps yet: compute them below.")]
        self.ui.warningsLabel.text = "\n".join(lines)
        self.ui.warningsLabel.visible = bool(lines)

    def _onCompared(self, row: int) -> None:
        if self.context.parameters is not None and self._maps.compared != COMPARED[row]:
            self.context.parameters.perfusion.compared = self._maps.compared = COMPARED[row]
            self._maps.refresh()

    def _onMeasure(self) -> None:
        """Measure segment by segment, so that the event loop runs in between."""
        self._stopMeasuring()
        found: list[Statistics] = []
        work = (found.append(one) for one in regionStatistics(self._result, self.context.parameters.perfusion.regions))
        self._measuring = TimeSlicedTask(
            work, lambda done: self._onMeasured(found), lambda error: self.context.status(str(error))
        )
        self.ui.measureButton.enabled = False

    def _onMeasured(self, found: list[Statistics]) -> None:
        self._measuring = None
        self.ui.measureButton.enabled = True
        if not found:
            self.context.status(
                _("There is nothing to measure: the segmentation shows no segment, or there are no maps.")
            )
            return
        showStatistics(self._result, found)
        self._showTable()

    def _stopMeasuring(self) -> None:
        if self._measuring is not None:
            self._measuring.stop()
        self._measuring = None

    def _showTable(self) -> None:
        table = self._result.node(READABLE) if self._result is not None else None
        self.ui.regionsTable.setMRMLTableNode(table)
        self.ui.regionsTable.visible = table is not None


def _warningText(sentence: str, sources: list[str]) -> str:
    """Return ``sentence``, with the series if it applies to only one."""
    if len(sources) > 1:
        return sentence
    return _("{sentence} ({series})").format(sentence=sentence, series=roleTitle(sources[0]))
