"""How long the steps of long work take."""

from __future__ import annotations

import time

from dsc_superres.errors import Cancelled
from dsc_superres.utils.progress import IsCancelled


class Stopwatch:
    """Times the steps, and ends the work between two of them when it was cancelled."""

    def __init__(self, cancelled: IsCancelled) -> None:
        self.laps: dict[str, float] = {}
        self._cancelled = cancelled
        self._last = time.monotonic()

    def lap(self, step: str) -> None:
        """Record the time since the last lap. Raises ``Cancelled``."""
        now = time.monotonic()
        self.laps[step] = round(now - self._last, 2)
        self._last = now
        if self._cancelled():
            raise Cancelled
