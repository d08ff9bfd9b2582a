"""Keys and mouse wheel that step through the frames: comma and period, and Shift + wheel in the module's views.

Slicer's own keys stay: in slice views the wheel alone changes the slice and Ctrl + wheel zooms, Ctrl + Shift + arrows
step the sequence of the toolbar, and the Segment Editor has comma and period for segments, while it is open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import qt
import slicer
import vtk

KEYS = {",": -1, ".": 1}
"""Steps by key."""
WHEEL = {
    "MouseWheelForwardEvent": 1,
    "MouseWheelBackwardEvent": -1,
    "MouseWheelRightEvent": 1,
    "MouseWheelLeftEvent": -1,
}
"""Steps by event of the wheel; with Shift held, some systems report it as a horizontal one."""
FIRST = 10.0
"""Priority before Slicer's own handling of the wheel."""


class FrameKeys:
    """Calls ``step(-1)`` or ``step(1)`` for the keys while ``enabled``, and for the wheel in the views attached to."""

    def __init__(self, step: Callable[[int], None]) -> None:
        self._step = step
        self._watched: list[tuple[vtk.vtkRenderWindowInteractor, int]] = []
        self._shortcuts = []
        window = slicer.util.mainWindow()
        for key, frames in KEYS.items() if window is not None else ():
            shortcut = qt.QShortcut(qt.QKeySequence(key), window)
            shortcut.connect("activated()", lambda *, frames=frames: self._step(frames))
            self._shortcuts.append(shortcut)
        self.enabled = False

    @property
    def enabled(self) -> bool:
        """Whether the keys step."""
        return any(shortcut.enabled for shortcut in self._shortcuts)

    @enabled.setter
    def enabled(self, on: bool) -> None:
        for shortcut in self._shortcuts:
            shortcut.enabled = on

    def attach(self, interactors: Iterable[vtk.vtkRenderWindowInteractor]) -> None:
        """Follow the wheel in these views alone."""
        self.detach()
        for interactor in interactors:
            self._watched += [(interactor, interactor.AddObserver(event, self._onWheel, FIRST)) for event in WHEEL]

    def detach(self) -> None:
        """Follow the wheel in no view."""
        for interactor, tag in self._watched:
            interactor.RemoveObserver(tag)
        self._watched = []

    def cleanup(self) -> None:
        """Remove the keys."""
        self.detach()
        for shortcut in self._shortcuts:
            shortcut.enabled = False
            shortcut.deleteLater()
        self._shortcuts = []

    def _onWheel(self, interactor: vtk.vtkRenderWindowInteractor, event: str) -> None:
        if not interactor.GetShiftKey() or interactor.GetControlKey():
            return
        self._step(WHEEL[event])
        for watched, tag in self._watched:
            command = watched.GetCommand(tag) if watched is interactor else None
            if command is not None:
                command.SetAbortFlag(1)  # else the view would change its slice, too
