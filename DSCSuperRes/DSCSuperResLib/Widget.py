"""The panel with its sections."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import qt
import slicer
import vtk
from slicer.util import VTKObservationMixin

from .Jobs.TimeSlicedTask import DRAWN, LatestTask
from .Logic import Logic, incompleteText
from .Parameters import Parameters
from .Scene.Result import Result
from .Scene.ResultBrowser import restoreBrowser
from .Scene.Sequences.Toolbar import showInToolbar
from .Scene.Steps import finish
from .Sections.DisplaySection import DisplaySection
from .Sections.ExportSection import ExportSection
from .Sections.InputSection import InputSection
from .Sections.NarrowForm import fitPanel, letShrink, makeNarrow
from .Sections.PanelHeight import PanelHeight
from .Sections.PerfusionSection import PerfusionSection
from .Sections.ReconstructSection import ReconstructSection
from .Sections.Section import Section, setText
from .Sections.TaskSection import TaskSection
from .Translation import _

SECTIONS: dict[str, type[Section]] = {
    "Input": InputSection,
    "Task": TaskSection,
    "Reconstruct": ReconstructSection,
    "Display": DisplaySection,
    "Perfusion": PerfusionSection,
    "Export": ExportSection,
}
"""By the name of the .ui file, in the order of the panel."""
BEFORE_A_RUN = ("Input", "Task", "Reconstruct")
"""Sections that close themselves when a run has ended."""
ABOVE_RESULT = -8
"""Pixels from the selector of results to the top of the panel after a run."""
AFTER_A_RUN = ("Display", "Perfusion", "Export")
"""Sections that open themselves when there is a result."""


class Panel(VTKObservationMixin):
    """The panel, and the ``Context`` of its sections. ``widget`` is shown by the module."""

    def __init__(self, logic: Logic, resourcePath: Callable[[str], str]) -> None:
        super().__init__()
        self.logic = logic
        self.parameters: Parameters | None = None
        self.result: Result | None = None
        self._chosen: Result | None = None
        self._entered, self._unseen = False, None
        self._note, self._progressOfMaps = "", ""
        self._showing = LatestTask()
        self.widget = slicer.util.loadUI(resourcePath("UI/DSCSuperRes.ui"))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self._removalText = self.ui.removeResultButton.toolTip
        self.sections: dict[str, Section] = {}
        self._forms = []
        for name, section in SECTIONS.items():
            form = slicer.util.loadUI(resourcePath(f"UI/{name}.ui"))
            self._forms.append(form)
            self._place(form, getattr(self.ui, f"{name.lower()}Section"))
            form.setMRMLScene(slicer.mrmlScene)
            ui = slicer.util.childWidgetVariables(form)
            letShrink(form)
            makeNarrow(vars(ui).values())
            self.sections[name] = section(ui, self)
        makeNarrow(vars(self.ui).values())
        fitPanel(self.widget)
        self._height = PanelHeight(self.widget)
        self.widget.setMRMLScene(slicer.mrmlScene)
        self._offset = ABOVE_RESULT
        self._scrollTimer = qt.QTimer()
        self._scrollTimer.setSingleShot(True)
        self._scrollTimer.connect("timeout()", self._scrollToResult)
        self.ui.resultSelector.connect("activated(int)", self._onResultChosen)
        self.ui.removeResultButton.connect("clicked()", self._onRemoveResult)
        self._removalTimer = qt.QTimer()
        self._removalTimer.setSingleShot(True)
        self._removalTimer.connect("timeout()", self._onNodesRemoved)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeRemovedEvent, self._onNodeRemoved)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self._onSceneStartsClosing)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self._onSceneChanged)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartImportEvent, self._onSceneStartsImporting)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self._onSceneChanged)
        self._connect()

    def enter(self) -> None:
        """The user opens the module."""
        self._entered = True
        for section in self.sections.values():
            section.enter()
        self._showUnseen()

    def exit(self) -> None:
        """The user goes to another module."""
        self._entered = False
        for section in self.sections.values():
            section.exit()

    def cleanup(self) -> None:
        """Leave nothing running or observed."""
        self.removeObservers()
        self._height.stop()
        self._removalTimer.stop()
        self._showing.stop()
        self.logic.stopAll()
        for section in self.sections.values():
            section.cleanup()

    def status(self, text: str) -> None:
        """Show ``text`` in the line at the bottom of the window."""
        slicer.util.showStatusMessage(text, 8000)

    def selectResult(self, result: Result | None) -> None:
        """Show a result in the sections below; None for none. One that lost its images can only be removed."""
        self._showing.stop()
        finish(self._selectInSteps(result))

    def _selectInSteps(self, result: Result | None) -> Iterator[None]:
        """Do what ``selectResult`` does, section by section; yields in between."""
        if self.parameters is not None:
            self.parameters.result = result.run if result else ""
        self._chosen = result
        if result is not None:
            restoreBrowser(result)
        if result is not None and not result.complete:
            self.status(_("{name} has lost its images: remove this result.").format(name=result.name))
            result = None
        self.result = result
        results = Result.all(slicer.mrmlScene)
        selector = self.ui.resultSelector
        selector.clear()
        for one in results:
            selector.addItem(one.name, one.run)
        if not results:
            selector.addItem(_("None yet: press Apply"))
        selector.currentIndex = results.index(self._chosen) if self._chosen in results else -1 if results else 0
        self.ui.resultNote.visible = False
        selector.toolTip = _resultText(self._chosen)
        selector.enabled = bool(results)
        self._allowRemoval()
        showInToolbar(result.node("browser") if result else None)
        for name, section in self.sections.items():
            section.setResult(result)
            if name in AFTER_A_RUN:
                getattr(self.ui, f"{name.lower()}Section").collapsed = result is None
            yield

    def showNewResult(self, result: Result, note: str) -> None:
        """Show what a run has made: side by side, what led to it collapsed, ``note``, and the panel at what is next.

        While the user works in another module the views stay as they are. All but the selection is done at the next
        turns of the event loop.
        """
        self._note, self._progressOfMaps = note, ""
        self._showing.start(self._showInSteps(result), pause=DRAWN)
        self._showing.advance()

    def _showInSteps(self, result: Result) -> Iterator[None]:
        complete = self.logic.isComplete(result)
        for name in BEFORE_A_RUN:
            if complete or name != "Reconstruct":  # which can still be canceled there
                getattr(self.ui, f"{name.lower()}Section").collapsed = True
        yield from self._selectInSteps(result)
        self._showNote()
        self._unseen = result
        if self._entered:
            self._showUnseen()

    def completeResult(self, result: Result, note: str) -> None:
        """Show what a run has added to ``result`` after ``showNewResult``; views stay as they are."""
        if result == self.result:
            self._showing.advance(math.inf)
            self._note, self._progressOfMaps = note, ""
            self._showNote()
            self._allowRemoval()
            self._collapseAbove("Reconstruct")  # there is nothing left to cancel
            for section in self.sections.values():
                section.mapsChanged()

    def showProgressOfMaps(self, fraction: float, text: str) -> None:
        """Show how far a run is that computes the maps of the selected result."""
        if not self.logic.isComplete(self.result):
            self.sections["Perfusion"].showProgress(fraction, text)
            self._progressOfMaps = text
            self._showNote()

    def _showNote(self) -> None:
        """Show what a run has made and, while its maps are computed, how far they are."""
        setText(self.ui.resultNote, "\n".join(filter(None, (self._note, self._progressOfMaps))))
        self.ui.resultNote.visible = True

    def sideBySide(self) -> None:
        """Show the selected result side by side, unless it is shown so already."""
        if not self.sections["Display"].layout.shown:
            self.sections["Display"].show()

    def overlayChanged(self) -> None:
        """Notify all sections that the overlay of the images has changed."""
        for section in self.sections.values():
            section.overlayChanged()

    def parametersChanged(self) -> None:
        """Notify all sections that a parameter, or the capabilities of the background process, have changed."""
        for section in self.sections.values():
            section.parametersChanged()

    def _showUnseen(self) -> None:
        """Show the result of a run that has ended, unless another one was selected meanwhile."""
        unseen, self._unseen = self._unseen, None
        if unseen is not None and unseen == self.result:
            self.sections["Display"].show()
            self._offset = ABOVE_RESULT
            self._scrollTimer.start(0)  # the panel is laid out in between

    def _scrollToResult(self) -> None:
        """Scroll the panel to ``_offset`` pixels from the selector of results."""
        area = self._scrollArea()
        if area is not None:
            area.verticalScrollBar().setValue(self._placeOfResult(area) + self._offset)

    def _scrollArea(self) -> Any:
        """Return what the panel is scrolled in; None without one."""
        area = self.widget.parent()
        while area is not None and not area.inherits("QScrollArea"):
            area = area.parent()
        return area

    def _placeOfResult(self, area: Any) -> int:
        return self.ui.resultSelector.mapTo(area.widget(), qt.QPoint(0, 0)).y()

    def _collapseAbove(self, name: str) -> None:
        """Collapse a section above the result, and leave in place what is being read below."""
        button, area = getattr(self.ui, f"{name.lower()}Section"), self._scrollArea()
        if button.collapsed:
            return
        self._offset = area.verticalScrollBar().value - self._placeOfResult(area) if area is not None else ABOVE_RESULT
        button.collapsed = True
        self._scrollTimer.start(0)

    def _place(self, form, button) -> None:
        layout = qt.QVBoxLayout(button)
        layout.setContentsMargins(4, 4, 4, 4)
        form.layout().setContentsMargins(0, 0, 0, 0)
        layout.addWidget(form)

    def _connect(self) -> None:
        """Connect the panel with the scene's parameter node and results."""
        self.parameters = self.logic.parameters()
        node = self.logic.parameterNode()
        if not self.hasObserver(node, vtk.vtkCommand.ModifiedEvent, self._onParametersModified):
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._onParametersModified)
        for section in self.sections.values():
            section.setParameterNode(self.parameters)
        results = Result.all(slicer.mrmlScene)
        chosen = next((result for result in results if result.run == self.parameters.result), None)
        self.selectResult(chosen or (results[-1] if results else None))
        self.parametersChanged()

    def _onParametersModified(self, caller: vtk.vtkObject | None = None, event: str = "") -> None:
        self.parametersChanged()

    def _onResultChosen(self, row: int) -> None:
        results = Result.all(slicer.mrmlScene)
        self.selectResult(results[row] if 0 <= row < len(results) else None)

    def _allowRemoval(self) -> None:
        """Let the chosen result be removed, unless a run is still adding to it."""
        button, complete = self.ui.removeResultButton, self.logic.isComplete(self._chosen)
        button.enabled = self._chosen is not None and complete
        button.toolTip = self._removalText if complete else incompleteText()

    def _onRemoveResult(self) -> None:
        gone = self._chosen
        if gone is None or not self.logic.isComplete(gone):
            return
        question = _("Remove the result {name} from the scene?").format(name=gone.name)
        # Not confirmOkCancelDisplay: its answer is no wherever Slicer runs with --testing.
        buttons = qt.QMessageBox.Ok | qt.QMessageBox.Cancel
        if slicer.util.messageBox(question, standardButtons=buttons) != qt.QMessageBox.Ok:
            return
        self.selectResult(None)
        gone.remove()
        left = Result.all(slicer.mrmlScene)
        self.selectResult(left[-1] if left else None)

    def _onNodeRemoved(self, caller: vtk.vtkObject, event: str) -> None:
        if self._chosen is not None and not slicer.mrmlScene.IsClosing():
            self._removalTimer.start(0)  # once for all that are removed together

    def _onNodesRemoved(self) -> None:
        """Show the result anew if the user deleted parts of it, or another one if it is gone."""
        results = Result.all(slicer.mrmlScene)
        if self._chosen not in results:
            self.selectResult(results[-1] if results else None)
        elif self.result is not None and self.result.damaged:
            self.selectResult(self._chosen)

    def _onSceneStartsClosing(self, caller: vtk.vtkObject, event: str) -> None:
        self.logic.stopWork()
        self._showing.stop()
        self._stopObservingParameters()
        self._removalTimer.stop()
        self.result = self._chosen = None
        for section in self.sections.values():
            section.setResult(None)
            section.setParameterNode(None)

    def _onSceneStartsImporting(self, caller: vtk.vtkObject, event: str) -> None:
        """Disconnect from the parameter node, which may be overwritten by one of another version."""
        self._stopObservingParameters()
        for section in self.sections.values():
            section.setParameterNode(None)

    def _stopObservingParameters(self) -> None:
        self.removeObserver(self.logic.parameterNode(), vtk.vtkCommand.ModifiedEvent, self._onParametersModified)
        self.parameters = None

    def _onSceneChanged(self, caller: vtk.vtkObject, event: str) -> None:
        self._connect()


def _resultText(result: Result | None) -> str:
    text = _("Run that the sections below display, map, and export. Every Apply adds one.")
    return text if result is None else f"{result.name}\n{text}"
