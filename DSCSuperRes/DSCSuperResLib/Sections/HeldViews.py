"""Views that draw nothing for a while, where Slicer would draw all of them together, and several times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import slicer

from ..Jobs.TimeSlicedTask import NEXT_TURN


class HeldViews:
    """Keeps the views of the window from drawing, from ``hold`` until they are released."""

    def __init__(self) -> None:
        self._views: list[Any] = []

    def hold(self) -> None:
        """Let no view draw, on the screen or off it."""
        self._views += [view for view in _views() if view.renderEnabled]
        for view in self._views:
            view.setRenderEnabled(False)

    def release(self) -> Iterator[object]:
        """Let one view after the other draw; yields after each that is on the screen, which draws at the next turn."""
        while self._views:
            if _release(self._views.pop(0)):
                yield NEXT_TURN

    def releaseAll(self) -> None:
        """Let all views draw."""
        for _view in self.release():
            pass


def _views() -> list[Any]:
    """Return the slice views and the 3D views of all layouts."""
    manager = slicer.app.layoutManager()
    if manager is None:
        return []
    slices = [manager.sliceWidget(name).sliceView() for name in manager.sliceViewNames()]
    return slices + [manager.threeDWidget(index).threeDView() for index in range(manager.threeDViewCount)]


def _release(view: Any) -> bool:
    """Let ``view`` draw, and return whether it has to; while a scene is read, Slicer enables it at the end."""
    if slicer.mrmlScene.IsBatchProcessing():
        return False
    view.setRenderEnabled(True)
    view.scheduleRender()
    return bool(view.isVisible())
