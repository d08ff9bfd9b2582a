"""A process that watches over the one that works: what native code ends without a word gets a sentence.

Where memory is scarce, compiled libraries abort or touch pages that are not there, before Python can raise an error.
"""

from __future__ import annotations

import ctypes
import math
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module

from dsc_superres.utils.ending import ENDING, call_when_too_late

_DIE_WITH_PARENT = 1
"""``PR_SET_PDEATHSIG`` of prctl(2)."""

_RETURNED, _TOO_LATE = b".", b"!"
"""What the working process writes: that it came to its end, and before that, that results are put in their place."""

PATIENCE = 60.0
"""Seconds that the work has to end by itself, once it is to end: to finish a commit and to clean up."""
LOADING = 30.0
"""Seconds of computing that libraries may take to load, several times what they do take."""
_ENDLESS = "SIGPROF"
"""The signal of the timer that counts such seconds."""

_watched = False
"""Whether this is the process that works, and another one watches over it."""


def supervised(work: Callable[[], int], crashed: Callable[[str], int], ends_with_input: bool = False) -> int:
    """Do ``work`` in a forked process, and exit as it does; or with what ``crashed`` returns for its signal's name.

    A library that ends the process itself, as OpenBLAS does without memory, counts as a crash.

    The working process gets the signals that ask this one to end, and ends with it. Native code may not let it hear
    of them: it is killed ``PATIENCE`` seconds later. The same holds where ``ends_with_input`` and nobody can write on
    standard input any more, as when the starter of this process has gone.

    Only on Linux: elsewhere, or with other threads, which a fork would lose, the work is done here.
    """
    if not sys.platform.startswith("linux") or threading.active_count() > 1:
        return work()
    supervisor = os.getpid()
    ended, end = os.pipe()
    os.set_blocking(ended, False)
    child = os.fork()
    if child == 0:
        global _watched
        _watched = True
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != supervisor:
            os._exit(1)
        call_when_too_late(lambda: os.write(end, _TOO_LATE))
        try:
            code = work()
        except MemoryError:  # also while another error was handled
            os._exit(1)
        finally:
            for one in ENDING:
                signal.signal(one, signal.SIG_IGN)  # the work is done: nothing is left to end
            os.write(end, _RETURNED)
        return code

    watch = _Watch(child, ended)
    for one in ENDING:  # those that are ignored, too: the work may have handlers of its own
        signal.signal(one, watch.forward)
    code = watch.exit_code(ends_with_input)
    if code < 0:
        code = 128 - code if -code in ENDING else crashed(signal.Signals(-code).name)
    elif code == 1 and not watch.has_written(_RETURNED):  # as libraries do; the worker leaves with codes of its own
        code = crashed(f"exit code {code}")
    os._exit(code)  # at once: a signal that comes now is not to change what has happened


@contextmanager
def loading(watched: bool | None = None) -> Iterator[None]:
    """Inside the block, where libraries are imported, a process may compute for ``LOADING`` seconds.

    Not one that nobody watches over, since it would end without a word: by default, one that is not supervised.

    Without memory OpenBLAS computes for ever and lets no other code run, so that only the system can end it. Time of
    the processor, not of the clock: a disk may be slow and a machine busy.
    """
    limited = (_watched if watched is None else watched) and hasattr(signal, "setitimer")
    if limited:
        signal.setitimer(signal.ITIMER_PROF, LOADING)
    try:
        yield
    finally:
        if limited:
            signal.setitimer(signal.ITIMER_PROF, 0)


def load_numerical_libraries(watched: bool | None = None) -> None:
    """Import, within ``loading``, the libraries that take memory while they load, which nearly all work needs."""
    with loading(watched), suppress(ModuleNotFoundError):  # what needs them will say that they are missing
        import_module("scipy.linalg")


def crash_text(name: str) -> str:
    """What ``crashed`` has to say for a signal's ``name``, without a full stop: the way out follows."""
    if name == _ENDLESS:
        return f"Libraries were still loading after {LOADING:g} s of computing, most likely for lack of memory"
    return f"The system ended the work ({name}), most likely for lack of memory"


class _Watch:
    """Waits for the process that works, and kills it when it has not ended long after it was to."""

    def __init__(self, child: int, pipe: int) -> None:
        self._child, self._pipe, self._written = child, pipe, b""
        self._deadline = math.inf
        self._reason = signal.SIGINT

    def forward(self, number: int, frame: object) -> None:
        """Hand a signal to end on."""
        with suppress(ProcessLookupError):
            os.kill(self._child, number)
        self._is_to_end(number)

    def exit_code(self, ends_with_input: bool) -> int:
        """Wait; return the exit code of the process, or the negative number of the signal that ended it."""
        try:
            process = os.pidfd_open(self._child)
        except OSError:  # an old kernel, or a sandbox
            return os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1])
        poll = select.poll()
        poll.register(process, select.POLLIN)
        if ends_with_input:
            poll.register(0, select.POLLRDHUP)  # pipes report that nobody writes any more without being asked
        while process not in (ready := dict(poll.poll(500))):
            if 0 in ready:
                poll.unregister(0)
                self._is_to_end(signal.SIGINT)
            if time.monotonic() > self._deadline and not self.has_written(_TOO_LATE):
                os.kill(self._child, signal.SIGKILL)
                os.waitpid(self._child, 0)
                return -self._reason
        return os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1])

    def has_written(self, words: bytes) -> bool:
        """Whether the process has written ``words``."""
        with suppress(BlockingIOError):
            self._written += os.read(self._pipe, 2**12)
        return words in self._written

    def _is_to_end(self, reason: int) -> None:
        if self._deadline == math.inf:
            self._deadline, self._reason = time.monotonic() + PATIENCE, reason
