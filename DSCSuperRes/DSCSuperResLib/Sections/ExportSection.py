"""The section Export: the choice of files, and the folder for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import qt
import slicer

from dsc_superres.errors import DSCError
from dsc_superres.jobs.export import is_export

from ..Jobs.BackgroundJob import Finished
from ..Jobs.ExportRequest import ExportRequest, freeFolder
from ..Logic import incompleteText
from ..Scene.Export.ExportFiles import reportIsOlder
from ..Scene.Maps.Maps import mapNames
from ..Scene.Result import REPORT
from ..Translation import _
from .Section import Section


class ExportSection(Section):
    """Controls of ``Export.ui``."""

    def __init__(self, ui, context) -> None:
        super().__init__(ui, context)
        self._result, self._done, self._reportIsOlder = None, "", False
        self._written: Path | None = None
        ui.progressBar.visible = ui.openFolderButton.visible = False
        ui.folderEdit.connect("currentPathChanged(QString)", self._onFolder)
        ui.exportButton.connect("clicked()", self._onExport)
        ui.cancelButton.connect("clicked()", self._onCancel)
        ui.openFolderButton.connect("clicked()", self._onOpenFolder)

    def setResult(self, result) -> None:
        """Set the result to export."""
        if result != self._result:
            self._done, self._written = "", None
        self._result = result
        self._update()

    def parametersChanged(self) -> None:
        """Update the folder, and whether an export is possible."""
        parameters = self.context.parameters
        if parameters is not None and self.ui.folderEdit.currentPath != parameters.export.folder:
            self.ui.folderEdit.currentPath = parameters.export.folder
        self._update()

    def mapsChanged(self) -> None:
        """Offer the maps that a run has added."""
        self._update()

    def _onFolder(self, path: str) -> None:
        if self.context.parameters is not None:
            self.context.parameters.export.folder = path

    def _onExport(self) -> None:
        self._done, self._written = "", None
        if not self._chooseFolder():
            return
        try:
            request = self._agreed(self.context.logic.exportRequest(self.context.parameters, self._result))
            if request is not None:
                self._reportIsOlder = request.report and reportIsOlder(self._result)
                self.context.logic.startExport(self._result, request, self._onFinished, self._onProgress)
        except DSCError as error:
            self._done = str(error)
        self._update()

    def _chooseFolder(self) -> bool:
        """Ask the user for a folder if there is none yet, and return whether there is one."""
        if not self.context.parameters.export.folder:
            title = _("Choose the folder to write to")
            self.ui.folderEdit.currentPath = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), title)
        return bool(self.context.parameters.export.folder)

    def _agreed(self, request: ExportRequest) -> ExportRequest | None:
        """Return ``request`` with the user's decision about an existing folder; None to cancel."""
        output = request.output
        if not output.exists():
            return request
        free = freeFolder(output)
        if not is_export(output):
            return replace(request, output=free)
        text = _("There is an export called {name} already.\n\nReplace it, with everything in it? No writes {free}.")
        buttons = qt.QMessageBox.Yes | qt.QMessageBox.No | qt.QMessageBox.Cancel
        answer = slicer.util.messageBox(text.format(name=output.name, free=free.name), standardButtons=buttons)
        if answer == qt.QMessageBox.Cancel:
            return None
        return replace(request, replace=True) if answer == qt.QMessageBox.Yes else replace(request, output=free)

    def _onCancel(self) -> None:
        self.ui.cancelButton.enabled = False
        self.ui.statusLabel.text = _("Canceling")
        self.context.logic.cancelExport()

    def _onProgress(self, fraction: float, stage: str, left: float | None) -> None:
        self.ui.progressBar.value = round(1000 * fraction)
        self.ui.statusLabel.text = stage

    def _onFinished(self, finished: Finished) -> None:
        exported = finished.result
        if finished.cancelled:
            self._done = _("Canceled. Nothing was written.")
        elif exported is None:
            self._done = finished.error
        else:
            self._written = exported.folder
            text = _("Done: {count} files in {folder}.")
            lines = [text.format(count=len(exported.files), folder=exported.folder)]
            if self._reportIsOlder:
                lines.append(_("The report shows the maps of the run before they were recomputed."))
            self._done = "\n".join(lines)
            self.context.status(lines[0])
        self._update()

    def _onOpenFolder(self) -> None:
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._written)))

    def _update(self) -> None:
        """Update buttons and texts: what is possible now, and why not."""
        ui, running = self.ui, self.context.logic.exporting
        problem = _("An export is in progress.") if running else self._findProblem()
        ui.exportButton.enabled = not problem
        ui.exportButton.toolTip = problem or _("Write the files in the background. Nothing is overwritten unasked.")
        ui.cancelButton.enabled = ui.progressBar.visible = running
        ui.openFolderButton.visible = self._written is not None and not running
        if not running:
            ui.progressBar.value = 0
            ui.statusLabel.text = self._done or problem
        ui.statusLabel.visible = bool(ui.statusLabel.text)
        self._showChoices(running)

    def _findProblem(self) -> str:
        """Return why an export cannot start; empty if it can, or if only the folder is missing."""
        parameters = self.context.parameters
        if parameters is None:
            return _("The scene is closing.")
        if not self.context.logic.isComplete(self._result):
            return incompleteText()
        try:
            self.context.logic.exportRequest(parameters, self._result)
        except DSCError as error:
            return str(error) if parameters.export.folder or self._result is None else ""
        return ""

    def _showChoices(self, running: bool) -> None:
        """Enable the files that the result has, and state the study of the DICOM maps."""
        ui, result = self.ui, self._result
        hasMaps = result is not None and bool(mapNames(result))
        for box in (ui.sequenceCheckBox, ui.niftiCheckBox, ui.tablesCheckBox, ui.screenshotsCheckBox):
            box.enabled = not running
        for box in (ui.mapsNiftiCheckBox, ui.mapsNrrdCheckBox, ui.mapsDicomCheckBox):
            box.enabled = not running and (hasMaps or result is None)
        ui.reportCheckBox.enabled = not running and (result is None or result.node(REPORT) is not None)
        ui.folderEdit.enabled = not running
        known = result is not None and self.context.logic.studyFile(result) is not None
        ui.studyLabel.visible = result is not None and hasMaps and ui.mapsDicomCheckBox.checked
        ui.studyLabel.text = (
            _("DICOM: in the study of the series that was opened.")
            if known
            else _("DICOM: the patient's files are not known; the maps go to a new study without a patient.")
        )
