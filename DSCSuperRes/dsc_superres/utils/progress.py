"""Progress of long work: a fraction, a stage in words, and how long it may still take."""

from __future__ import annotations

import time
from collections.abc import Callable

Progress = Callable[[float, str], None]
"""``progress(fraction, stage)``: how much of the work is done (0 to 1) and what is being done now."""

IsCancelled = Callable[[], bool]
"""``cancelled()``: whether the user asked for the work to stop."""


def no_progress(fraction: float, stage: str) -> None:
    """A report to nobody."""


def part(progress: Progress, start: float, stop: float, prefix: str = "") -> Progress:
    """The report of a piece of work that fills ``start`` to ``stop`` of the whole; ``prefix`` begins its stages."""

    def forward(fraction: float, stage: str) -> None:
        progress(start + (stop - start) * min(max(fraction, 0.0), 1.0), f"{prefix}{stage}")

    return forward


class Clock:
    """Estimates the seconds left from the time that the work done so far has taken."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._start = now()

    def seconds_left(self, fraction: float) -> float | None:
        """Seconds until ``fraction`` reaches one at the mean pace so far; None while that is guesswork."""
        elapsed = self._now() - self._start
        if fraction >= 1:
            return 0.0
        if fraction < 0.02 or elapsed < 1:
            return None
        return elapsed * (1 - fraction) / fraction
