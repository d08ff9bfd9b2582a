"""A process that watches over the one that works: what native code ends without a word gets a sentence.

Where memory is scarce, compiled libraries abort or touch pages that are not there, before Python can raise an error.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from dsc_superres.utils.ending import ENDING

_DIE_WITH_PARENT = 1
"""``PR_SET_PDEATHSIG`` of prctl(2)."""

_RETURNED = b"."


def supervised(work: Callable[[], int], crashed: Callable[[str], int]) -> int:
    """Do ``work`` in a forked process, and exit as it does; or with what ``crashed`` returns for its signal's name.

    A library that ends the process itself, as OpenBLAS does without memory, counts as a crash.

    The working process gets the signals that ask this one to end, and ends with it. Only on Linux: elsewhere, or with
    other threads, which a fork would lose, the work is done here.
    """
    if not sys.platform.startswith("linux") or threading.active_count() > 1:
        return work()
    supervisor = os.getpid()
    ended, end = os.pipe()
    os.set_blocking(ended, False)
    child = os.fork()
    if child == 0:
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != supervisor:
            os._exit(1)
        try:
            code = work()
        finally:
            for one in ENDING:
                signal.signal(one, signal.SIG_IGN)  # the work is done: nothing is left to end
            os.write(end, _RETURNED)
        return code

    def forward(number: int, frame: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, number)

    for one in ENDING:  # those that are ignored, too: the work may have handlers of its own
        signal.signal(one, forward)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        code = 128 - code if -code in ENDING else crashed(signal.Signals(-code).name)
    elif code == 1 and not _returned(ended):  # as libraries do; the worker leaves with codes of its own
        code = crashed(f"exit code {code}")
    os._exit(code)  # at once: a signal that comes now is not to change what has happened


def _returned(ended: int) -> bool:
    """Whether the work came to its end, rather than the process within it."""
    try:
        return os.read(ended, 1) == _RETURNED
    except BlockingIOError:
        return False
