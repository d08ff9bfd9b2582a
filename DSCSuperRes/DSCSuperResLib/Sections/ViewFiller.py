"""Shows a result side by side in short steps: Slicer makes, fills, zooms or draws one view in each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..Jobs.TimeSlicedTask import DRAWN, NEXT_TURN, TimeSlicedTask
from ..Scene.Display.CompareLayout import CompareLayout
from ..Scene.Result import Result
from .HeldViews import HeldViews


class ViewFiller:
    """Fills the views of ``layout``; changes that come meanwhile are included.

    ``onShown`` is called when the layout has come to the screen, ``onFitted`` when the views are zoomed to the head.
    """

    def __init__(self, layout: CompareLayout, onShown: Callable[[], None], onFitted: Callable[[], None]) -> None:
        self._layout, self._onShown, self._onFitted = layout, onShown, onFitted
        self._result: Result | None = None
        self._toShow = self._toFill = self._showing = self._working = False
        self._task: TimeSlicedTask | None = None
        self._held = HeldViews()

    @property
    def busy(self) -> bool:
        """Whether the views do not show yet what they are to."""
        return self._task is not None

    @property
    def showing(self) -> bool:
        """Whether the layout is about to come to the screen."""
        return self._toShow or self._showing

    def show(self, result: Result) -> None:
        """Show ``result`` side by side; what takes long is done at the next turns of the event loop."""
        self._toShow = True
        self._start(result)

    def fill(self, result: Result) -> None:
        """Make the views agree with the state of ``result``; what takes long is done at the next turns."""
        self._toFill = True
        self._start(result)

    def stop(self) -> None:
        """Leave the views as they are now."""
        if self._task is not None:
            self._task.stop()
        self._task = self._result = None
        self._toShow = self._toFill = self._showing = False
        self._held.releaseAll()

    def hide(self) -> None:
        """Return to the user's own layout, whose views are drawn at the next turns."""
        self.stop()
        if not self._layout.shown:
            return
        self._held.hold()
        self._layout.hide()
        self._task = TimeSlicedTask(self._held.release(), self._onDone, self._onFailed, pause=DRAWN)

    def _start(self, result: Result) -> None:
        if self._result != result and self._task is not None:
            show, fill = self.showing, self._toFill
            self.stop()
            self._toShow, self._toFill = show, fill
        self._result = result
        if self._task is None:
            self._task = TimeSlicedTask(self._steps(result), self._onDone, self._onFailed, pause=DRAWN)
        if not self._working:
            self._task.advance()

    def _steps(self, result: Result) -> Iterator[object]:
        """Fill the views until nothing else is wanted. Slicer tells of changes while they are made: these are ours."""
        for part in self._parts(result):
            self._working = False
            yield part
            self._working = True
        self._working = False

    def _parts(self, result: Result) -> Iterator[object]:
        """Views that come to the screen draw when they are filled and zoomed, not before."""
        self._working = True
        while self._toShow or self._toFill:
            if self._toShow:
                self._toShow, self._showing = False, True
                yield from self._layout.makeViewsInSteps(result)
                self._held.hold()
                self._layout.bringUp(result)
                self._toFill = True
                yield NEXT_TURN
                yield NEXT_TURN  # the window is laid out, and empty views drawn
            self._toFill = False
            for _part in self._layout.assignInSteps(result):
                yield
                if self._toShow or self._toFill:  # something else is to be seen meanwhile
                    break
            else:
                if self._showing and not self._toShow:
                    self._showing = False
                    self._onShown()
                    yield from self._layout.fitInSteps(result)
                    self._onFitted()
                if not (self._toShow or self._toFill):
                    yield from self._held.release()

    def _onDone(self, _nothing: None) -> None:
        self._task = None

    def _onFailed(self, error: Exception) -> None:
        self._working = False
        self.stop()
        raise error
