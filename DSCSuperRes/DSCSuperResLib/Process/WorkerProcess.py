"""The worker of ``dsc_superres`` as a background process: JSON lines in, one outcome out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..Translation import _
from .LineProcess import CRASHED, FAILED_TO_START, Command, LineProcess

CANCELLED = 130
LOG_LINES = 2000


@dataclass
class Outcome:
    """The outcome of the worker: ``message`` contains its result (or probe), or ``error`` the reason in a sentence."""

    message: dict | None = None
    error: str = ""
    cancelled: bool = False


@dataclass
class Log:
    """The latest ``LOG_LINES`` lines of the worker's log."""

    onLine: Callable[[str], None] = lambda line: None
    lines: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Append a line."""
        self.lines.append(line)
        del self.lines[:-LOG_LINES]
        self.onLine(line)

    @property
    def last(self) -> str:
        """The latest line that is not blank."""
        return next((line.strip() for line in reversed(self.lines) if line.strip()), "")


def ignoreProgress(fraction: float, stage: str, left: float | None) -> None:
    """Ignore progress."""


def ignoreImages(message: dict) -> None:
    """Wait for the result instead."""


class WorkerProcess:
    """Runs ``command``, which speaks the worker's protocol.

    ``onProgress(fraction, stage, secondsLeft or None)`` is called repeatedly, ``onFinished(Outcome)`` once, and
    ``onImages(message)`` before where the images of a job are there ahead of its maps. ``ready``: whether a worker that
    waits for its job has imported what it needs, ``started`` whether it has begun a job.
    """

    def __init__(
        self,
        command: Command,
        onFinished: Callable[[Outcome], None],
        onProgress: Callable[[float, str, float | None], None] = ignoreProgress,
        log: Log | None = None,
        onImages: Callable[[dict], None] = ignoreImages,
    ) -> None:
        self._onProgress, self._onFinished, self._onImages = onProgress, onFinished, onImages
        self._log = log or Log()
        self._result: dict | None = None
        self._error = self._lastLine = ""
        self._cancelled = self.ready = self.started = False
        self._process = LineProcess(command, self._onLine, self._onLogLine, self._onEnd)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.running

    @property
    def processId(self) -> int:
        """Its number in the system; 0 once it has ended."""
        return self._process.processId

    def assign(
        self,
        job: Path,
        folder: Path,
        images: Path | None,
        onFinished: Callable[[Outcome], None],
        onProgress: Callable[[float, str, float | None], None],
        onImages: Callable[[dict], None],
    ) -> None:
        """Give a worker that waits its job; temporary files go into ``folder``, images before maps to ``images``."""
        self._onProgress, self._onFinished, self._onImages = onProgress, onFinished, onImages
        line = {"job": str(job), "temporary": str(folder)} | ({} if images is None else {"images": str(images)})
        self._process.send(json.dumps(line))

    def cancel(self) -> None:
        """Ask the worker to stop, which takes up to some seconds."""
        self._cancelled = True
        self._process.cancel()

    def kill(self) -> None:
        """Kill the worker, without calling ``onFinished``."""
        self._process.kill()

    def _onLine(self, line: str) -> None:
        try:
            message = json.loads(line)
            kind = message.pop("type")
        except (ValueError, KeyError, AttributeError, TypeError):
            self._onLogLine(line)
            return
        if kind == "ready":
            self.ready = True
        elif kind == "progress":
            self.started = True
            self._onProgress(message["fraction"], message["stage"], message["seconds_left"])
        elif kind == "images":
            self._onImages(message)
        elif kind == "error":
            self._error = message["message"]
        else:
            self._result = message

    def _onLogLine(self, line: str) -> None:
        self._lastLine = line.strip() or self._lastLine
        self._log.add(line)

    def _onEnd(self, code: int) -> None:
        if self._cancelled or code == CANCELLED:
            self._onFinished(Outcome(cancelled=True))
        elif code == 0 and self._result is not None:
            self._onFinished(Outcome(self._result))
        else:
            self._onFinished(Outcome(error=self._error or self._reason(code)))

    def _reason(self, code: int) -> str:
        if code == FAILED_TO_START:
            return _("The Python interpreter could not be started: choose another one.")
        how = _("crashed") if code == CRASHED else _("ended with code {code}").format(code=code)
        if not self._lastLine:
            return _("The background process {how} before it wrote anything.").format(how=how)
        text = _("The background process {how}. Its last line of output: {line}")
        return text.format(how=how, line=self._lastLine)
