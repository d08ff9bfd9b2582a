"""The part of the Display panel that compares two results of one series."""

from __future__ import annotations

from dsc_superres.errors import DSCError

from ..Jobs.BackgroundJob import Finished
from ..Jobs.CompareResults import comparableResults, comparedRuns
from ..Scene.Result import Result
from ..Translation import _


class CompareControls:
    """The choice of a result to compare with, in ``Display.ui``."""

    def __init__(self, ui, context) -> None:
        self._ui, self._context, self._result = ui, context, None
        ui.otherResultSelector.connect("activated(int)", self._onChosen)

    def setResult(self, result: Result | None) -> None:
        """Offer the other results of the series of ``result``; from a comparison, the two that it shows."""
        self._result = result
        results = self._context.logic.results()
        runs = comparedRuns(result) if result is not None else ()
        shown = [one for run in runs for one in results if one.run == run]
        offered = shown or (comparableResults(result, results) if result is not None else [])
        selector = self._ui.otherResultSelector
        selector.clear()
        selector.addItem(_("two results") if runs else _("no other result"), "")
        for one in offered:
            selector.addItem(_("only {name}").format(name=one.shortName) if runs else one.shortName, one.run)
        selector.enabled = bool(offered)
        selector.toolTip = (
            _("Another result of the same series, in the place of the ground truth; the difference is this - other.")
            if offered
            else _("There is no other result of this series: press Apply with another model or other settings.")
        )

    def _onChosen(self, row: int) -> None:
        results = {one.run: one for one in self._context.logic.results()}
        other = results.get(self._ui.otherResultSelector.itemData(row))
        if other is None or self._result is None:
            return
        pair = (self._result.run, other.run)
        known = next((one for one in results.values() if comparedRuns(one) == pair), None)
        if comparedRuns(self._result) or known is not None:
            self._context.selectResult(known or other)
            return
        try:
            self._context.logic.startComparison(self._result, other, self._onFinished)
        except DSCError as error:
            self._fail(str(error))

    def _onFinished(self, finished: Finished) -> None:
        if finished.result is not None:
            self._context.selectResult(finished.result)
        elif finished.error:
            self._fail(finished.error)

    def _fail(self, reason: str) -> None:
        self._ui.otherResultSelector.currentIndex = 0
        self._ui.otherResultSelector.toolTip = reason
        self._context.status(reason)
