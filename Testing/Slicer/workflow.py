"""What the steps of the test inside Slicer have in common: the panel, waiting, checking and pictures."""

import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import slicer


class Workflow:
    """The module, opened. A step fails by an exception; what fails in a slot is counted too."""

    def __init__(self) -> None:
        self._folder = os.environ.get("DSC_SCREENSHOTS")
        self._pictures, self.slotErrors = 0, []
        sys.excepthook = self._onSlotError
        if self._folder:
            Path(self._folder).mkdir(parents=True, exist_ok=True)
        window = slicer.util.mainWindow()
        if window is not None:
            window.resize(1700, 1150)
        slicer.util.selectModule("DSCSuperRes")
        self.panel = slicer.modules.DSCSuperResWidget.panel
        self.logic = self.panel.logic

    @property
    def result(self):
        """The run that the panel looks at."""
        return self.panel.result

    def ui(self, section: str):
        """The widgets of a section, by name."""
        return self.panel.sections[section].ui

    def wait(self, condition: Callable[[], object], seconds: float, what: str) -> None:
        """Let Slicer live until ``condition()`` holds."""
        end = time.monotonic() + seconds
        while not condition():
            self.check(time.monotonic() < end, f"{what} did not happen within {seconds:g} s")
            slicer.app.processEvents()
            time.sleep(0.002)

    def settle(self, turns: int = 20) -> None:
        """Let Slicer do what is due now."""
        for _turn in range(turns):
            slicer.app.processEvents()
            time.sleep(0.005)

    def check(self, holds: object, what: str) -> None:
        """Fail unless ``holds``."""
        if not holds:
            raise AssertionError(what)

    def picture(self, name: str) -> None:
        """Save the window as the next numbered PNG."""
        if not self._folder or slicer.util.mainWindow() is None:
            return
        self.settle()
        slicer.util.forceRenderAllViews()
        self.settle(5)
        self._pictures += 1
        slicer.util.mainWindow().grab().save(os.path.join(self._folder, f"{self._pictures:02d}-{name}.png"))

    def show(self, section: str) -> None:
        """Scroll the panel so that a section is seen, opened and alone."""
        for name in self.panel.sections:
            getattr(self.panel.ui, f"{name.lower()}Section").collapsed = name != section
        self.settle()

    def _onSlotError(self, kind, error, trace) -> None:
        self.slotErrors.append(f"{kind.__name__}: {error}")
        traceback.print_exception(kind, error, trace)
