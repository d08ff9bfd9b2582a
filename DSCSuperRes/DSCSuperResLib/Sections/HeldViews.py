"""Views that draw nothing for a while, where Slicer would draw all of them together, and several times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import slicer

from ..Jobs.TimeSlicedTask import NEXT_TURN


class HeldViews:
    """Keeps the views of the window from drawing, from ``hold`` until they are released.

    Views that have not been on the screen yet are left alone: one that does not draw then stays black.
    """

    def __init__(self) -> None:
        self._held: list[Any] = []
        self._seen: set[str] = set()

    def hold(self) -> None:
        """Let no view draw, on the screen or off it."""
        views = _views()
        self._seen |= {name for name, view in views.items() if view.isVisible()}
        self._held += [view for name, view in views.items() if name in self._seen and view.renderEnabled]
        for view in self._held:
            view.setRenderEnabled(False)

    def release(self) -> Iterator[object]:
        """Let one view after the other draw; yields after each that is on the screen, which draws at the next turn."""
        while self._held:
            if _release(self._held.pop(0)):
                yield NEXT_TURN

    def releaseAll(self) -> None:
        """Let all views draw."""
        for _view in self.release():
            pass


def _views() -> dict[str, Any]:
    """Return the slice views and the 3D views of all layouts, by name."""
    manager = slicer.app.layoutManager()
    if manager is None:
        return {}
    views = {name: manager.sliceWidget(name).sliceView() for name in manager.sliceViewNames()}
    return views | {f"3D {index}": manager.threeDWidget(index).threeDView() for index in range(manager.threeDViewCount)}


def _release(view: Any) -> bool:
    """Let ``view`` draw, and return whether it has to; while a scene is read, Slicer enables it at the end."""
    if slicer.mrmlScene.IsBatchProcessing():
        return False
    view.setRenderEnabled(True)
    view.scheduleRender()
    return bool(view.isVisible())
