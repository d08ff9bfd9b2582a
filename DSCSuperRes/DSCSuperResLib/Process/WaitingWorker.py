"""A worker that is started before there is a job, so that a job need not wait until PyTorch is imported."""

from __future__ import annotations

from .LineProcess import Command
from .WorkerProcess import Log, Outcome, WorkerProcess

ATTEMPTS = 3
"""Workers that may end by themselves before none is started any more, until one was used."""


class WaitingWorker:
    """Keeps one worker waiting from ``start`` to ``stop``; whoever takes it has it alone, and it does one job.

    One that ends by itself is replaced. A worker that waits has read nothing and written nothing: it can be killed.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._command: Command | None = None
        self._process: WorkerProcess | None = None
        self._left = ATTEMPTS

    @property
    def processId(self) -> int:
        """The number in the system of the worker that waits; 0 if none does."""
        return self._process.processId if self._process is not None else 0

    @property
    def ready(self) -> bool:
        """Whether a worker waits that has imported what it needs."""
        return self._process is not None and self._process.ready

    def start(self, interpreter: Command) -> None:
        """Let a worker of this ``interpreter`` wait, unless one does."""
        if not _same(interpreter, self._command):
            self.stop()
        self._command = interpreter
        if self._process is None and self._left > 0:
            self._process = WorkerProcess(
                interpreter.following("-m", "dsc_superres.worker", "--wait"), self._onEnded, log=self._log
            )

    def take(self, interpreter: Command) -> WorkerProcess | None:
        """Return the worker that waits, for a job; None where none of this ``interpreter`` does."""
        process, self._process = self._process, None
        if process is not None and not (_same(interpreter, self._command) and process.running):
            process.kill()
            process = None
        self._left = ATTEMPTS
        return process

    def stop(self) -> None:
        """Let no worker wait."""
        if self._process is not None:
            self._process.kill()
        self._process, self._command, self._left = None, None, ATTEMPTS

    def _onEnded(self, outcome: Outcome) -> None:
        self._process = None
        self._left -= 1
        if self._command is not None:
            self.start(self._command)


def _same(one: Command, other: Command | None) -> bool:
    """Whether two commands start the same Python; other variables of the environment change meanwhile."""
    return other is not None and _python(one) == _python(other)


def _python(command: Command) -> tuple[str, str | None]:
    return command.program, command.environment.get("PYTHONPATH")
