"""The section Task: comparison with ground truth or enhancement, factors, and range of the series."""

from __future__ import annotations

import numpy as np
import slicer

from dsc_superres.errors import DSCError

from ..Jobs.RunEstimate import estimateRun
from ..Parameters import OPERATORS
from ..Tasks import COMPARE, ENHANCE
from ..Translation import _
from .Section import Section


class TaskSection(Section):
    """Controls of ``Task.ui``."""

    def __init__(self, ui, context) -> None:
        super().__init__(ui, context)
        self._updating = False
        ui.compareRadio.connect("toggled(bool)", self._onTask)
        ui.operatorSelector.connect("currentIndexChanged(int)", self._onOperator)
        ui.framesRange.connect("valuesChanged(double,double)", self._onFrames)
        ui.slicesRange.connect("valuesChanged(double,double)", self._onSlices)

    def parametersChanged(self) -> None:
        """Show the task, the range that the series allows, and an estimate of the run."""
        parameters = self.context.parameters
        if parameters is None:
            return
        ui, task = self.ui, parameters.task
        comparing = task.task == COMPARE
        self._updating = True
        (ui.compareRadio if comparing else ui.enhanceRadio).checked = True
        ui.operatorSelector.currentIndex = OPERATORS.index(task.operator)
        for widget in (ui.operatorLabel, ui.operatorSelector):
            widget.visible = comparing
        for widget in (ui.regular, ui.interval):
            widget.visible = not comparing
        ui.space.decimals = 0 if comparing else 1
        ui.interval.enabled = task.regular
        ui.time.enabled = comparing or not task.regular
        self._showRanges(parameters)
        self._updating = False
        self._showEstimate(parameters)

    def _showRanges(self, parameters) -> None:
        ui, task = self.ui, parameters.task
        try:
            info = self.context.logic.inputInfo(parameters)
        except DSCError:
            info = None
        for widget in (ui.framesRange, ui.framesRangeLabel, ui.slicesRange, ui.slicesRangeLabel, ui.windowLabel):
            widget.visible = info is not None
        if info is None:
            return
        frames, slices = len(info.times), info.size[2]
        for widget, count, first, last, begin in (
            (ui.framesRange, frames, task.firstFrame, task.lastFrame, 0),  # as in notes, and where they are left out
            (ui.slicesRange, slices, task.firstSlice, task.lastSlice, 1),
        ):
            widget.maximum = float(count - 1 + begin)
            shown = (float(max(first, 1) - 1 + begin), float((last if 0 < last <= count else count) - 1 + begin))
            if shown != (widget.minimumValue, widget.maximumValue):
                widget.setValues(*shown)
            widget.enabled = count > 1
        start, end = round(ui.framesRange.minimumValue), round(ui.framesRange.maximumValue)
        times = info.times if info.hasTimes else np.full(frames, np.nan)
        text = _("{start} to {end} s") if info.hasTimes else ""
        ui.windowLabel.text = text.format(start=f"{times[start]:.1f}", end=f"{times[end]:.1f}")

    def _showEstimate(self, parameters) -> None:
        logic = self.context.logic
        try:
            estimate = estimateRun(logic.request(parameters), logic.capabilities)
        except DSCError:
            self.ui.estimateLabel.visible = False
            return
        self.ui.estimateLabel.visible = True
        self.ui.estimateLabel.text = estimate.text

    def _onTask(self, comparing: bool) -> None:
        parameters = self.context.parameters
        if self._updating or parameters is None:
            return
        if comparing:
            parameters.task.space = float(max(1, round(parameters.task.space)))
        parameters.task.task = COMPARE if comparing else ENHANCE

    def _onOperator(self, row: int) -> None:
        if not self._updating and self.context.parameters is not None:
            self.context.parameters.task.operator = OPERATORS[row]

    def _onFrames(self, first: float, last: float) -> None:
        if not self._updating and self.context.parameters is not None:
            task = self.context.parameters.task
            with slicer.util.NodeModify(self.context.logic.parameterNode()):  # both, before a widget shows one
                task.firstFrame, task.lastFrame = round(first) + 1, _toEnd(last + 1, self.ui.framesRange.maximum + 1)

    def _onSlices(self, first: float, last: float) -> None:
        if not self._updating and self.context.parameters is not None:
            task = self.context.parameters.task
            with slicer.util.NodeModify(self.context.logic.parameterNode()):
                task.firstSlice, task.lastSlice = round(first), _toEnd(last, self.ui.slicesRange.maximum)


def _toEnd(last: float, maximum: float) -> int:
    """Return 0 if the range goes to the end, so that it also does in another series."""
    return 0 if round(last) >= round(maximum) else round(last)
