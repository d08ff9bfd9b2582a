"""The part of the Perfusion panel that computes maps: on a click, or at once after an artery was picked."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import qt

from dsc_superres.errors import DSCError
from dsc_superres.pipeline.estimate import maps_seconds

from ..Jobs.BackgroundJob import Finished
from ..Jobs.MapsRequest import hasSettings
from ..Logic import incompleteText
from ..Scene.Maps.Maps import SOURCES, aifGrid, mapNames
from ..Translation import _

DELAY = 500
"""ms without a change after which maps are computed at once, or the settings are compared with those of the maps."""
FAST = 20.0
"""s up to which maps are computed at once unless the user decides otherwise."""


class MapsComputation:
    """Controls of ``Perfusion.ui`` for the computation of maps. ``onMaps`` is called when maps were computed."""

    def __init__(self, ui, context, onMaps: Callable[[], None]) -> None:
        self._ui, self._context, self._onMaps = ui, context, onMaps
        self._result, self._seconds, self._started = None, None, 0.0
        ui.progressBar.visible = False
        self._computeTimer = _singleShot(self._onComputeSoon)
        self._checkTimer = _singleShot(self._showWhetherUpToDate)
        self._toolTip = ui.computeButton.toolTip
        ui.computeButton.connect("clicked()", self.compute)
        ui.cancelButton.connect("clicked()", self._onCancel)
        ui.atOnceCheckBox.connect("clicked(bool)", self._onAtOnce)

    def setResult(self, result) -> None:
        """Compute maps of ``result``; stop a computation for another one."""
        if result != self._result:
            self.stop()
            self._seconds, self._ui.statusLabel.text = None, ""
        self._result = result

    def parametersChanged(self) -> None:
        """Update the controls from the parameters."""
        ui, awaited = self._ui, self._isAwaited
        computing = self._context.logic.computingMaps or awaited
        ui.computeButton.enabled = self._result is not None and not computing
        ui.computeButton.toolTip = incompleteText() if awaited else self._toolTip
        ui.cancelButton.enabled = ui.progressBar.visible = computing
        ui.atOnceCheckBox.text = _("Compute at once ({duration})").format(duration=_durationText(self.seconds))
        ui.atOnceCheckBox.checked = self.atOnce
        self._checkTimer.start(DELAY)

    @property
    def seconds(self) -> float:
        """The time that maps take, s: as measured the last time, else as estimated; 0 without a result."""
        if self._seconds is not None or self._result is None:
            return self._seconds or 0.0
        sequences = [found for role in SOURCES if (found := self._result.sequence(role)) is not None]
        sizes = (one.GetNthDataNode(0).GetImageData().GetDimensions() for one in sequences)
        return maps_seconds(sum(map(math.prod, sizes)), len(sequences))

    @property
    def atOnce(self) -> bool:
        """Whether maps are computed as soon as an artery was picked."""
        chosen = self._context.parameters.perfusion.atOnce if self._context.parameters is not None else "off"
        return self.seconds <= FAST if chosen == "automatic" else chosen == "on"

    def computeSoon(self) -> None:
        """Compute the maps at once if that is chosen, after the last of several changes; replaces a computation."""
        if self.atOnce and self._result is not None:
            self._computeTimer.start(DELAY)

    def compute(self) -> None:
        """Compute the maps in the background."""
        self._computeTimer.stop()
        logic, ui = self._context.logic, self._ui
        ui.statusLabel.text = ""
        try:
            request = logic.mapsRequest(self._context.parameters, self._result)
            logic.startMaps(self._result, request, self._onFinished, self._onProgress)
            self._started = time.monotonic()
        except DSCError as error:
            ui.statusLabel.text = str(error)
        self.parametersChanged()

    def showProgress(self, fraction: float, text: str) -> None:
        """Show how far a run is that computes the maps of this result."""
        self._onProgress(fraction, text, None)

    def stop(self) -> None:
        """Stop the computation of maps."""
        for timer in (self._computeTimer, self._checkTimer):
            timer.stop()
        self._context.logic.stopMaps()
        self._ui.progressBar.visible = False

    @property
    def _isAwaited(self) -> bool:
        """Whether a run is still computing the maps of the result."""
        return not self._context.logic.isComplete(self._result)

    def _onComputeSoon(self) -> None:
        if self._isAwaited:  # the maps of another artery follow them
            self._computeTimer.start(DELAY)
            return
        if self._result is None or self._areUpToDate():
            return
        self._context.logic.stopMaps()  # they would be those of another artery
        self.compute()

    def _onCancel(self) -> None:
        if self._isAwaited:
            self._ui.cancelButton.enabled = False
            self._context.logic.cancelRun()
        else:
            self._context.logic.cancelMaps()

    def _onAtOnce(self, on: bool) -> None:
        if self._context.parameters is not None:
            self._context.parameters.perfusion.atOnce = "on" if on else "off"
        if on:
            self.computeSoon()

    def _onProgress(self, fraction: float, stage: str, left: float | None) -> None:
        self._ui.progressBar.value = round(1000 * fraction)
        self._ui.statusLabel.text = stage

    def _onFinished(self, finished: Finished) -> None:
        if finished.result is not None:
            self._seconds = time.monotonic() - self._started
            self._ui.statusLabel.text = _("The maps are up to date.")
        else:
            self._ui.statusLabel.text = _("Canceled.") if finished.cancelled else finished.error
        self.parametersChanged()
        if finished.result is not None:
            self._onMaps()

    def _areUpToDate(self) -> bool:
        """Return whether the maps have the chosen settings; True while these are incomplete."""
        if self._result.sequence(aifGrid(self._result)) is None:  # the user removed it
            return True
        try:
            request = self._context.logic.mapsRequest(self._context.parameters, self._result)
        except DSCError:
            return True
        return hasSettings(self._result, request)

    def _showWhetherUpToDate(self) -> None:
        """Say that settings have changed since the maps were computed."""
        label, result = self._ui.statusLabel, self._result
        computing = self._context.logic.computingMaps or self._isAwaited
        if self._context.parameters is None or result is None or computing:
            return
        changed = _("The settings have changed since these maps were computed.")
        upToDate = not mapNames(result) or self._areUpToDate()
        if not upToDate and label.text in ("", _("The maps are up to date.")):
            label.text = changed
        elif upToDate and label.text == changed:
            label.text = _("The maps are up to date.")


def _singleShot(slot: Callable[[], None]) -> qt.QTimer:
    timer = qt.QTimer()
    timer.setSingleShot(True)
    timer.connect("timeout()", slot)
    return timer


def _durationText(seconds: float) -> str:
    if seconds < 90:
        return _("about {seconds} s").format(seconds=max(1, round(seconds)))
    return _("about {minutes} min").format(minutes=round(seconds / 60))
