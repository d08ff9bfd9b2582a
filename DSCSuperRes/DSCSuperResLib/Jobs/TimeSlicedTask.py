"""Long work on the GUI thread, done in slices so short that the window stays responsive."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import qt

TIME_SLICE = 0.03
"""s of work between two turns of the event loop."""
PAUSE = object()
"""Value that a generator yields to wait for ``resume``."""


class TimeSlicedTask:
    """Runs the generator ``work`` to its end; nothing is called after ``stop``.

    ``onDone`` receives its return value, ``onFailed`` the exception that it raises, and ``onProgress`` the last value
    that it yielded in a slice.
    """

    def __init__(
        self,
        work: Iterator[Any],
        onDone: Callable[[Any], None],
        onFailed: Callable[[Exception], None],
        onProgress: Callable[[Any], None] = lambda value: None,
    ) -> None:
        self._work, self._onDone, self._onFailed, self._onProgress = work, onDone, onFailed, onProgress
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._onTimeout)
        self.resume()

    def resume(self) -> None:
        """Continue at the next turn of the event loop."""
        self._timer.start(0)

    def advance(self, seconds: float) -> None:
        """Do the next ``seconds`` of the work now."""
        self._workFor(seconds)

    def stop(self) -> None:
        """Stop the work; the generator is closed so that it can clean up."""
        self._timer.stop()
        if self._work is not None:
            self._work.close()
        self._work = None

    def _onTimeout(self) -> None:
        self._workFor(TIME_SLICE)

    def _workFor(self, seconds: float) -> None:
        if self._work is None:
            return
        value, end = None, time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                value = next(self._work)
                if value is PAUSE:
                    return
        except StopIteration as finished:
            self._work = None
            self._onDone(finished.value)
            return
        except Exception as error:
            self._work = None
            self._onFailed(error)
            return
        if value is not None:
            self._onProgress(value)
        self._timer.start(0)
