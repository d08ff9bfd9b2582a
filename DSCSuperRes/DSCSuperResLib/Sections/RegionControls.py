"""The part of the Perfusion panel that measures maps in segments, and compares these with other regions."""

from __future__ import annotations

import slicer

from ..Jobs.TimeSlicedTask import LatestTask
from ..Parameters import COMPARISONS
from ..Scene.Maps.RegionStatistics import (
    READABLE,
    Statistics,
    regionStatistics,
    showMirrored,
    showStatistics,
)
from ..Translation import _
from .PerfusionControls import PerfusionControls
from .SegmentEditorButton import connectSegmentEditor


class RegionControls(PerfusionControls):
    """Controls of the box *Regions* in ``Perfusion.ui``."""

    def __init__(self, ui, context) -> None:
        super().__init__(ui, context)
        self._result, self._measuring = None, LatestTask()
        self._offer(ui.comparisonSelector, _comparisonTitles())
        ui.measureButton.connect("clicked()", self._onMeasure)
        connectSegmentEditor(ui.regionsSegmentEditorButton, ui.regionsSelector, _("Region"), self._volume)

    def setResult(self, result) -> None:
        """Show the table of ``result``; None for none."""
        self._measuring.stop()
        self._result = result
        self._showTable()

    def parametersChanged(self) -> None:
        """Update the controls from the parameters."""
        chosen = self._context.parameters.perfusion
        self._updating = True
        self._ui.comparisonSelector.currentIndex = COMPARISONS.index(chosen.comparison)
        self._updating = False
        measuring = self._measuring.active
        self._ui.measureButton.enabled = self._result is not None and chosen.regions is not None and not measuring

    def store(self, chosen) -> None:
        """Store what segments are compared with."""
        chosen.comparison = COMPARISONS[self._ui.comparisonSelector.currentIndex]

    def _volume(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """Return the volume on which regions are drawn."""
        return self._result.proxy("reconstruction") if self._result is not None else None

    def _onMeasure(self) -> None:
        """Measure segment by segment, so that the event loop runs in between."""
        found: list[Statistics] = []
        work = (found.append(one) for one in regionStatistics(self._result, self._context.parameters.perfusion.regions))
        self._measuring.start(work, lambda done: self._onMeasured(found), self._onFailed)
        self._ui.measureButton.enabled = False

    def _onMeasured(self, found: list[Statistics]) -> None:
        self._ui.measureButton.enabled = True
        if not found:
            self._context.status(
                _("There is nothing to measure: the segmentation shows no segment, or there are no maps.")
            )
            return
        chosen = self._context.parameters.perfusion
        showStatistics(self._result, found, chosen.comparison)
        showMirrored(self._result, chosen.regions if chosen.comparison == "mirrored" else None)
        self._showTable()

    def _onFailed(self, error: Exception) -> None:
        self._ui.measureButton.enabled = True
        self._context.status(str(error))

    def _showTable(self) -> None:
        table = self._result.node(READABLE) if self._result is not None else None
        self._ui.regionsTable.setMRMLTableNode(table)
        self._ui.regionsTable.visible = table is not None


def _comparisonTitles() -> dict[str, str]:
    return {
        "mirrored": _("Compare with the other side"),
        "white": _("Compare with white matter"),
        "none": _("No comparison"),
    }
