"""Signals that ask a process to end: they interrupt its work once, and neither a commit nor the clean-up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dsc_superres.errors import Cancelled

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))
"""From the keyboard, from another process, from the terminal that was closed; the last one of Windows."""


_came: list[int] = []
"""The signal that has come, since what it raises is lost in places, as within Python's own import."""
_when_too_late: list[Callable[[], object]] = []
"""To be called where signals begin to come too late."""


class Ended(KeyboardInterrupt):
    """A signal asks the process to end. No ``Exception``: nothing that handles errors is to hold it up."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@contextmanager
def ending_at_signals(restore: bool = True) -> Iterator[None]:
    """Inside the block, the first signal to end raises ``Ended``; further ones do not disturb the clean-up.

    Without ``restore``, in a process that ends after the block, this stays so. A signal that the process was started to
    ignore (as by ``nohup``) stays ignored. No effect outside the main thread, which alone receives signals.
    """

    before = _handled()
    _came.clear()
    for one in before:
        signal.signal(one, _end)
    try:
        yield
    finally:
        if restore:
            _came.clear()
            _restore(before)
        else:
            _ignore_signals()


def last_chance(cancelled: Callable[[], bool]) -> None:
    """Raise ``Cancelled`` or ``Ended`` if the work is to stop. If not, it is as good as done: signals come too late.

    Called right before results are put in their place, so that work that says that it was ended has left none.
    """
    if _came:
        raise Ended(_came[0])
    if cancelled():
        raise Cancelled
    _ignore_signals()
    for report in _when_too_late:
        report()


def call_when_too_late(report: Callable[[], object]) -> None:
    """Have ``report`` called by ``last_chance`` where the work goes on."""
    _when_too_late.append(report)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Put off signals to end until the block is done: for the few renames of a commit, and for the clean-up."""
    came: list[int] = []

    def remember(number: int, frame: object) -> None:
        came.append(number)

    before = _handled()
    for one in before:
        signal.signal(one, remember)
    try:
        yield
    finally:
        _restore(before)
        if came:
            signal.raise_signal(came[0])


def _handled() -> dict[int, object]:
    """The handlers of the signals to end that are not ignored; none outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    found = {one: signal.getsignal(one) for one in ENDING}
    return {one: handler for one, handler in found.items() if handler not in (None, signal.SIG_IGN)}


def _restore(handlers: dict[int, object]) -> None:
    for one, handler in handlers.items():
        signal.signal(one, handler)


def _end(number: int, frame: object) -> None:
    _came.append(number)
    _ignore_signals()
    raise Ended(number)


def _ignore_signals() -> None:
    """Ignore further signals to end, until ``ending_at_signals`` is left; elsewhere nothing changes."""
    for one, handler in _handled().items():
        if handler is _end:
            signal.signal(one, _ignore)


def _ignore(number: int, frame: object) -> None:
    """Not ``SIG_IGN``, which child processes would inherit."""
