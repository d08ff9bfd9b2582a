"""Duration of the steps of long work."""

from __future__ import annotations

import time

from dsc_superres.errors import Cancelled
from dsc_superres.utils.progress import IsCancelled


class Stopwatch:
    """Timer of successive steps, which also ends canceled work between two steps."""

    def __init__(self, cancelled: IsCancelled) -> None:
        self.laps: dict[str, float] = {}
        self._cancelled = cancelled
        self._last = time.monotonic()

    def lap(self, step: str) -> None:
        """Record the time in s since the last lap as that of ``step``. Raises ``Cancelled`` if the work is canceled."""
        now = time.monotonic()
        self.laps[step] = round(now - self._last, 2)
        self._last = now
        if self._cancelled():
            raise Cancelled
