"""The two directions of the worker's protocol: JSON lines out, ``cancel`` in, and the job of a worker that waits."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from typing import TextIO

from dsc_superres.errors import Cancelled
from dsc_superres.utils.partial_entries import discard_unfinished
from dsc_superres.utils.progress import Clock

CANCELLED = 130
"""The exit code of cancelled work."""
GRACE = 10.0
"""Seconds that the work has to notice that standard input was closed, before the process ends itself."""

log = logging.getLogger("dsc_superres.worker")


class Channel:
    """JSON lines on the process's real standard output.

    Whatever else prints (libraries, also compiled ones) is sent to standard error, so that it cannot break a line.
    """

    def __init__(self) -> None:
        self._stream: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        self._clock = Clock()
        self._last = ("", 0.0)

    def send(self, kind: str, /, **fields: object) -> None:
        """Send one object. Raises ``Cancelled`` where nobody listens any more."""
        try:
            self._stream.write(json.dumps({"type": kind, **fields}, allow_nan=False) + "\n")
            self._stream.flush()
        except OSError as error:
            raise Cancelled from error

    def begin(self) -> None:
        """The work begins now: the time left is estimated from here."""
        self._clock = Clock()

    def progress(self, fraction: float, stage: str) -> None:
        """Send progress, at most ten times a second within one stage."""
        stage_before, when = self._last
        if stage == stage_before and time.monotonic() - when < 0.1:
            return
        self._last = (stage, time.monotonic())
        if stage != stage_before:
            log.info("%3.0f %%  %s", 100 * fraction, stage)
        left = self._clock.seconds_left(fraction)
        left = None if left is None else round(left, 1)
        self.send("progress", fraction=round(fraction, 4), stage=stage, seconds_left=left)


class Listener:
    """Waits in the background for lines on standard input, or for its end: ``cancel``, and one job (a JSON object)."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()
        self._job = b""
        self._heard = threading.Event()
        threading.Thread(target=self._listen, name="standard input", daemon=True).start()

    def cancelled(self) -> bool:
        """Whether the work is to stop."""
        return self._cancelled.is_set()

    def wait_for_job(self) -> bytes:
        """The line with the job that the starter of this process sends. Raises ``Cancelled`` where none comes."""
        self._heard.wait()
        if not self._job:
            raise Cancelled
        return self._job

    def _listen(self) -> None:
        # os.read, not sys.stdin: a buffered reader waiting in a thread holds a lock that the interpreter needs to end.
        pending = b""
        while chunk := _read_input():
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                self._hear(line.strip())
        log.info("standard input is closed: stopping")
        self._cancel()
        time.sleep(GRACE)
        discard_unfinished()
        os._exit(CANCELLED)

    def _hear(self, line: bytes) -> None:
        if line == b"cancel":
            log.info("cancel received")
            self._cancel()
        elif line and not self._job:
            self._job = line
            self._heard.set()

    def _cancel(self) -> None:
        self._cancelled.set()
        self._heard.set()


def _read_input() -> bytes:
    try:
        return os.read(0, 4096)
    except OSError:
        return b""
