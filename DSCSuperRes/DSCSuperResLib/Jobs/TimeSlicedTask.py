"""Long work on the GUI thread, done in slices so short that the window stays responsive."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import qt

TIME_SLICE = 0.03
"""s of work between two turns of the event loop."""


class TimeSlicedTask:
    """Runs the generator ``work`` to its end, then calls ``onDone``; an exception that it raises goes to ``onFailed``.

    ``onProgress`` gets the numbers (0..1) that the generator yields. Nothing is called after ``stop``.
    """

    def __init__(
        self,
        work: Iterator[float],
        onDone: Callable[[], None],
        onFailed: Callable[[Exception], None],
        onProgress: Callable[[float], None] | None = None,
    ) -> None:
        self._work, self._onDone, self._onFailed, self._onProgress = work, onDone, onFailed, onProgress
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._onTimeout)
        self._timer.start(0)

    def stop(self) -> None:
        """Leave the rest undone."""
        self._timer.stop()
        if self._work is not None:
            self._work.close()
        self._work = None

    def _onTimeout(self) -> None:
        if self._work is None:
            return
        fraction, end = None, time.monotonic() + TIME_SLICE
        try:
            while time.monotonic() < end:
                fraction = next(self._work)
        except StopIteration:
            self._work = None
            self._onDone()
            return
        except Exception as error:
            self._work = None
            self._onFailed(error)
            return
        if self._onProgress is not None and fraction is not None:
            self._onProgress(fraction)
        self._timer.start(0)
