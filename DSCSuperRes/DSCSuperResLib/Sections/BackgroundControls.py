"""The part of the Reconstruct panel about the background process: its Python, missing packages, and log."""

from __future__ import annotations

from collections.abc import Callable

import qt
import slicer

from ..Logic import Logic
from ..Process.Installation import Installation, lacks
from ..Process.Interpreter import VARIABLE, chooseInterpreter, chosenInterpreter, fixedInterpreter
from ..Translation import _


class BackgroundControls:
    """Controls of the background process; ``problem`` is the reason why it cannot work, empty if there is none.

    ``onChanged`` is called when the interpreter or its packages have changed.
    """

    def __init__(self, ui, logic: Logic, onChanged: Callable[[], None]) -> None:
        self._ui, self._logic, self._onChanged = ui, logic, onChanged
        self._capabilities: dict | None = None
        self._installation: Installation | None = None
        self._broken = False
        self.problem = ""
        logic.log.onLine = self._onLogLine
        ui.installButton.visible = False
        ui.installButton.connect("clicked()", self._onInstall)
        ui.interpreterButton.connect("clicked()", self._onInterpreter)
        ui.ownInterpreterButton.connect("clicked()", self._onOwnInterpreter)
        ui.copyLogButton.connect("clicked()", self._onCopyLog)

    def show(self, capabilities: dict | None, error: str) -> None:
        """Show the result of the probe, or why it failed; neither while it is running."""
        self._capabilities = capabilities
        missing = lacks(capabilities) if capabilities else []
        self.problem = error
        if missing:
            self.problem = _("The background process lacks {packages}: install them, or choose another Python.").format(
                packages=", ".join(missing)
            )
        elif capabilities and capabilities.get("problem"):
            self.problem = capabilities["problem"]
        elif capabilities is None and not error:
            self.problem = _("Checking the background process...")
        self._broken = bool(capabilities and capabilities.get("problem") and not missing)
        self._ui.installButton.visible = bool(missing) or self._broken
        self._ui.installButton.text = _("Reinstall PyTorch...") if self._broken else _("Install PyTorch...")
        self._ui.interpreterLabel.text = self._interpreterText()
        fixed = fixedInterpreter()
        self._ui.interpreterButton.enabled = not fixed
        self._ui.ownInterpreterButton.enabled = bool(chosenInterpreter()) and not fixed

    def cleanup(self) -> None:
        """Stop observing the log, and stop an installation."""
        self._logic.log.onLine = lambda line: None
        if self._installation is not None:
            self._installation.kill()

    def _interpreterText(self) -> str:
        versions = self._capabilities["versions"] if self._capabilities else {}
        known = [
            f"{name} {versions[key]}" for name, key in (("Python", "python"), ("PyTorch", "torch")) if versions.get(key)
        ]
        where = chosenInterpreter() or _("Slicer's own Python")
        if fixedInterpreter():
            where = _("{path} (set by {variable})").format(path=where, variable=VARIABLE)
        return ", ".join([where, *known])

    def _onLogLine(self, line: str) -> None:
        self._ui.logText.appendPlainText(line)

    def _onInterpreter(self) -> None:
        path = qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), _("Choose a Python interpreter"))
        if path:
            chooseInterpreter(path)
            self._onChanged()

    def _onOwnInterpreter(self) -> None:
        chooseInterpreter("")
        self._onChanged()

    def _onCopyLog(self) -> None:
        versions = self._capabilities["versions"] if self._capabilities else {}
        known = [f"{name} {version}" for name, version in versions.items()]
        slicer.app.clipboard().setText("\n".join([", ".join(known), *self._logic.log.lines]))

    def _onInstall(self) -> None:
        self._installation = Installation(self._logic.log, self._onInstalled, again=self._broken)
        if self._installation.confirmed():
            self._ui.installButton.enabled = False
            self._ui.statusLabel.text = _("Installing: this takes some minutes")
            self._ui.backgroundButton.collapsed = False
            self._installation.start()

    def _onInstalled(self, error: str) -> None:
        self._installation = None
        self._ui.installButton.enabled = True
        if error:
            slicer.util.errorDisplay(error)
        self._onChanged()
