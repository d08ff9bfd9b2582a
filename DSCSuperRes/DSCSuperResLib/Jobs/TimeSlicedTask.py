"""Long work on the GUI thread, done in slices so short that the window stays responsive."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator
from functools import cache
from typing import Any

import qt

TIME_SLICE = 0.03
"""s of work between two turns of the event loop."""
DRAWN = 20
"""ms after which Slicer draws what a slice has changed, in a turn without another slice. It waits up to 16 ms."""
PAUSE = object()
"""Value that a generator yields to wait for ``resume``."""
NEXT_TURN = object()
"""Value that a generator yields to end a slice: Slicer has enough to draw."""


class TimeSlicedTask:
    """Runs the generator ``work`` to its end; nothing is called after ``stop``.

    ``onDone`` receives its return value, ``onFailed`` the exception that it raises, and ``onProgress`` the last value
    that it yielded in a slice. A slice begins ``pause`` ms after the turn before it.
    """

    def __init__(
        self,
        work: Generator[Any, None, Any],
        onDone: Callable[[Any], None],
        onFailed: Callable[[Exception], None],
        onProgress: Callable[[Any], None] = lambda value: None,
        pause: int = 0,
    ) -> None:
        self._work, self._onDone, self._onFailed, self._onProgress = work, onDone, onFailed, onProgress
        self.pause = pause
        self.resume()

    @property
    def active(self) -> bool:
        """Whether there is work left."""
        return self._work is not None

    def resume(self) -> None:
        """Continue at one of the next turns of the event loop."""
        turns().add(self)

    def advance(self, seconds: float = TIME_SLICE) -> None:
        """Do the next ``seconds`` of the work now."""
        if self._work is None:
            return
        value, end = None, time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                value = next(self._work)
                if value is PAUSE:
                    return
                if value is NEXT_TURN:
                    value = None
                    break
        except StopIteration as finished:
            self._finish()
            self._onDone(finished.value)
            return
        except Exception as error:
            self._finish()
            self._onFailed(error)
            return
        if value is not None:
            self._onProgress(value)
        if self._work is not None:
            self.resume()

    def stop(self) -> None:
        """Stop the work; the generator is closed so that it can clean up."""
        if self._work is not None:
            self._work.close()
        self._finish()

    def _finish(self) -> None:
        self._work = None
        turns().remove(self)


class LatestTask:
    """Runs one piece of work at a time, as a ``TimeSlicedTask``: the next one takes the place of the one before."""

    def __init__(self) -> None:
        self._task: TimeSlicedTask | None = None

    @property
    def active(self) -> bool:
        """Whether there is work left."""
        return self._task is not None and self._task.active

    def start(
        self,
        work: Generator[Any, None, Any],
        onDone: Callable[[Any], None] = lambda value: None,
        onFailed: Callable[[Exception], None] | None = None,
        pause: int = 0,
    ) -> None:
        """Start ``work``. An exception that ``onFailed`` does not receive is raised."""
        self.stop()
        self._task = TimeSlicedTask(work, onDone, onFailed or _raise, pause=pause)

    def advance(self, seconds: float = TIME_SLICE) -> None:
        """Do the next ``seconds`` of the work now, if there is any left."""
        if self._task is not None:
            self._task.advance(seconds)

    def stop(self) -> None:
        """Stop what is left of the work."""
        if self._task is not None:
            self._task.stop()


def _raise(error: Exception) -> None:
    raise error


class Turns:
    """Gives each turn of the event loop to one task: the slices of several would add up to one that is long."""

    def __init__(self) -> None:
        self._waiting: deque[TimeSlicedTask] = deque()
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._onTimeout)

    @property
    def busy(self) -> bool:
        """Whether a task waits for its turn."""
        return bool(self._waiting)

    def add(self, task: TimeSlicedTask) -> None:
        """Let ``task`` have a turn after those that wait already."""
        if task not in self._waiting:
            self._waiting.append(task)
        self._wait()

    def remove(self, task: TimeSlicedTask) -> None:
        """Let ``task`` have no turn."""
        if task in self._waiting:
            self._waiting.remove(task)

    def _wait(self) -> None:
        if self._waiting and not self._timer.active:
            self._timer.start(self._waiting[0].pause)

    def _onTimeout(self) -> None:
        if not self._waiting:
            return
        task = self._waiting.popleft()
        self._wait()  # before the work: a message that it shows lets the event loop run, and others go on
        task.advance()


@cache
def turns() -> Turns:
    """Return the turns of all tasks; there is an application by the time that this is called."""
    return Turns()
