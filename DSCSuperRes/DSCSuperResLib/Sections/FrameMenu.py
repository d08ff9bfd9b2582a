"""The menu of the plot below the views: frames to leave out, or to show, by a right click on their time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import qt
import vtk

from ..Jobs.ExcludedFrames import excludedFrames, toggled
from ..Scene.Curves.ChartTime import timeAt
from ..Scene.Result import SOURCE_SERIES
from ..Translation import _

MOVED = 3
"""Pixels from which a click is a drag, with which Slicer zooms."""


class FrameMenu:
    """Opens the menu in the plot views that it is attached to. ``show(seconds)`` shows the frame of that time."""

    def __init__(self, context, show: Callable[[float], None]) -> None:
        self._context, self._show = context, show
        self._view, self._menu, self._pressed = None, None, (0, 0)
        self._watched: list[tuple[vtk.vtkObject, int]] = []

    def attach(self, view) -> None:
        """Follow right clicks in the plot ``view`` (qMRMLPlotView) alone; None for none."""
        self.detach()
        self._view = view
        interactor = _interactor(view)
        if interactor is not None:
            for event, slot in (
                ("RightButtonPressEvent", self._onPressed),
                ("RightButtonReleaseEvent", self._onReleased),
            ):
                self._watched.append((interactor, interactor.AddObserver(event, slot)))

    def detach(self) -> None:
        """Follow no view."""
        for interactor, tag in self._watched:
            interactor.RemoveObserver(tag)
        self._watched, self._view = [], None

    def actions(self, seconds: float) -> list[tuple[str, Callable[[], None] | None]]:
        """Return titles and functions of the menu at a time (s); those without a function are disabled."""
        result, parameters = self._context.result, self._context.parameters
        if result is None or parameters is None:
            return []
        source = result.node("reconstruction").GetNodeReference(SOURCE_SERIES)
        found: list[tuple[str, Callable[[], None] | None]] = [
            (_("Show the frame at {time} s").format(time=f"{seconds:.1f}"), lambda: self._show(seconds))
        ]
        if source is None or parameters.input.sequence is not source:
            return [*found, (_("Leave out a frame: choose the series of this result as the input first"), None)]
        times = self._context.logic.inputInfo(parameters).times
        frame = int(np.abs(times - seconds).argmin())
        isOut = frame in excludedFrames(parameters.input.exclude)
        text = _("Use frame {frame} again") if isOut else _("Leave out frame {frame} ({time} s)")
        return [*found, (text.format(frame=frame, time=f"{times[frame]:.1f}"), lambda: self._toggle(frame, isOut))]

    def _toggle(self, frame: int, isOut: bool) -> None:
        chosen = self._context.parameters.input
        chosen.exclude = toggled(chosen.exclude, frame)
        text = _("The next run uses frame {frame} again.") if isOut else _("The next run leaves frame {frame} out.")
        self._context.status(text.format(frame=frame))

    def _onPressed(self, interactor: vtk.vtkObject, event: str) -> None:
        self._pressed = interactor.GetEventPosition()

    def _onReleased(self, interactor: vtk.vtkObject, event: str) -> None:
        x, y = interactor.GetEventPosition()
        if abs(x - self._pressed[0]) > MOVED or abs(y - self._pressed[1]) > MOVED:
            return
        seconds = timeAt(self._view.chart(), x)
        actions = self.actions(seconds) if seconds is not None else []
        if not actions:
            return
        self._menu = qt.QMenu(self._view)
        for text, slot in actions:
            action = self._menu.addAction(text)
            action.enabled = slot is not None
            if slot is not None:
                action.connect("triggered()", slot)
        self._menu.popup(qt.QCursor.pos())


def _interactor(view) -> vtk.vtkRenderWindowInteractor | None:
    """Return what sends the events of the plot; None before it has a window."""
    scene = view.chart().GetScene() if view is not None and view.chart() is not None else None
    renderer = scene.GetRenderer() if scene is not None else None
    window = renderer.GetRenderWindow() if renderer is not None else None
    return window.GetInteractor() if window is not None else None
