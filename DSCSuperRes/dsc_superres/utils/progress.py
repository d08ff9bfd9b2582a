"""Progress of long work: completed fraction, current stage and estimated time left."""

from __future__ import annotations

import time
from collections.abc import Callable

Progress = Callable[[float, str], None]
"""Callback ``progress(fraction, stage)``: completed fraction of the work (0 to 1) and current stage in words."""

IsCancelled = Callable[[], bool]
"""Callback ``cancelled()``: whether the user has asked for the work to stop."""


def no_progress(fraction: float, stage: str) -> None:
    """Ignore the progress."""


def never() -> bool:
    """Return False; the cancellation callback of work that cannot be canceled."""
    return False


def part(progress: Progress, start: float, stop: float, prefix: str = "") -> Progress:
    """Return the progress callback of a part of the work that spans ``start`` to ``stop`` of the whole.

    ``prefix`` is prepended to the stages of that part.
    """

    def forward(fraction: float, stage: str) -> None:
        progress(start + (stop - start) * min(max(fraction, 0.0), 1.0), f"{prefix}{stage}")

    return forward


class Clock:
    """Estimate of the time left, from the time that the completed fraction has taken."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._start = now()

    def seconds_left(self, fraction: float) -> float | None:
        """Return the seconds left at the mean pace so far, or None while too little is done for an estimate."""
        elapsed = self._now() - self._start
        if fraction >= 1:
            return 0.0
        if fraction < 0.02 or elapsed < 1:
            return None
        return elapsed * (1 - fraction) / fraction
