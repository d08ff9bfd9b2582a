"""A background process whose output is lines of text."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import qt

FAILED_TO_START = -1
"""Instead of an exit code."""
CRASHED = -2
"""Instead of an exit code: a signal or an access violation ended the process."""
TERMINATE_AFTER = 2000
"""ms from canceling to terminating the process."""
KILL_AFTER = 3500
"""ms from canceling to killing the process."""


@dataclass(frozen=True)
class Command:
    """A program with arguments and an environment."""

    program: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]

    def following(self, *arguments: str, **variables: str) -> Command:
        """Return the same program with other arguments and further environment variables."""
        return Command(self.program, arguments, {**self.environment, **variables})


class LineProcess:
    """Starts ``command`` immediately. ``onOutput`` and ``onLog`` receive lines of standard output and error.

    ``onFinished`` receives the exit code, ``FAILED_TO_START`` or ``CRASHED``, exactly once.
    """

    def __init__(
        self,
        command: Command,
        onOutput: Callable[[str], None],
        onLog: Callable[[str], None],
        onFinished: Callable[[int], None],
    ) -> None:
        self._onFinished, self._ended = onFinished, False
        self._process = qt.QProcess()
        self._process.setProcessChannelMode(qt.QProcess.SeparateChannels)
        environment = qt.QProcessEnvironment()
        for name, value in command.environment.items():
            environment.insert(name, value)
        self._process.setProcessEnvironment(environment)
        self._output = _Lines(self._process.readAllStandardOutput, onOutput)
        self._log = _Lines(self._process.readAllStandardError, onLog)
        self._process.connect("readyReadStandardOutput()", self._output.read)
        self._process.connect("readyReadStandardError()", self._log.read)
        self._process.connect("errorOccurred(QProcess::ProcessError)", self._onError)
        self._process.connect("finished(int,QProcess::ExitStatus)", self._onEnd)
        self._reminder, self._end = _singleShot(self._terminate), _singleShot(self._kill)
        self._late = _singleShot(lambda: self._finish(FAILED_TO_START))
        self._process.start(command.program, list(command.arguments))

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return not self._ended and self._process.state() != qt.QProcess.NotRunning

    @property
    def processId(self) -> int:
        """Its number in the system; 0 once it has ended."""
        return int(self._process.processId()) if self.running else 0

    def send(self, line: str) -> None:
        """Write a line to the standard input of the process."""
        if self.running:
            self._process.write(f"{line}\n".encode())

    def cancel(self) -> None:
        """Ask the process to end; it ends within ``KILL_AFTER`` ms, and ``onFinished`` is called."""
        if self.running:
            self._process.write(b"cancel\n")
            self._reminder.start(TERMINATE_AFTER)
            self._end.start(KILL_AFTER)

    def kill(self) -> None:
        """Kill the process and wait until it has ended; ``onFinished`` is not called."""
        if self.running:
            self._close()
            self._process.kill()
            self._process.waitForFinished(3000)

    def _terminate(self) -> None:
        if self.running:
            self._process.terminate()

    def _kill(self) -> None:
        if self.running:
            self._process.kill()

    def _onError(self, error: int) -> None:
        if error == qt.QProcess.FailedToStart:  # the one error after which ``finished`` does not come
            self._late.start(0)  # not while the process is still being started

    def _onEnd(self, code: int, status: int) -> None:
        self._finish(code if status == qt.QProcess.NormalExit else CRASHED)

    def _finish(self, code: int) -> None:
        if self._ended:
            return
        for lines in (self._output, self._log):
            lines.read()
            lines.end()
        self._close()
        self._onFinished(code)

    def _close(self) -> None:
        """Stop all callbacks, and let Qt delete the process."""
        self._ended = True
        for timer in (self._reminder, self._end, self._late):
            timer.stop()
        self._process.deleteLater()


class _Lines:
    """Splits output into lines; chunks end anywhere, also within a character."""

    def __init__(self, readAll: Callable[[], qt.QByteArray], onLine: Callable[[str], None]) -> None:
        self._readAll, self._onLine = readAll, onLine
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""

    def read(self) -> None:
        self._pending += self._decoder.decode(self._readAll().data())
        *lines, self._pending = self._pending.split("\n")
        for line in lines:
            self._onLine(line.rstrip("\r"))

    def end(self) -> None:
        if self._pending:
            self._onLine(self._pending)
        self._pending = ""


def _singleShot(callback: Callable[[], None]) -> qt.QTimer:
    timer = qt.QTimer()
    timer.setSingleShot(True)
    timer.connect("timeout()", callback)
    return timer
