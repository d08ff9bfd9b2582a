"""Work on several processor cores, with results that do not depend on how many there are.

Libraries that share one matrix product among threads add it up in another order for another number of them, and the
last bits change. Here one thread computes a piece of work from start to end, and several pieces are worked on at once:
that gives the same bits on any number of cores, and wastes no time on many threads that wait for each other.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TypeVar

Item, Found = TypeVar("Item"), TypeVar("Found")

_limiting, _within = threading.Lock(), []

VALUE, ERROR, END = object(), object(), object()


@contextmanager
def one_thread_per_product() -> Iterator[None]:
    """Matrix products of numpy and scipy are computed by the thread that asks for them. A decorator, too.

    The limit is one of the process: of several threads within, the first sets it and the last one lifts it.
    """
    from threadpoolctl import threadpool_limits

    with _limiting:
        _within.append(threadpool_limits(1, "blas") if not _within else _within[0])
    try:
        yield
    finally:
        with _limiting:
            limits = _within.pop()
            if not _within:
                limits.restore_original_limits()


@contextmanager
def _one_torch_thread() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def side_by_side(
    work: Callable[[Item], Iterable[Found]], items: Iterable[Item], threads: int | None = None
) -> Iterator[Found]:
    """What ``work`` yields for each of the items, as it comes, from ``threads`` items at once (as torch has, if None).

    One item is one thread's from start to end. With one thread all happens in the caller's own, in order. Close the
    iterator (``contextlib.closing``) where it may be left early: work in progress then stops at its next value.
    """
    import torch

    threads = threads or torch.get_num_threads()
    with one_thread_per_product(), _one_torch_thread():
        if threads == 1:
            for item in items:
                yield from work(item)
        else:
            yield from _Crew(work, items, threads).found()


def shares(pieces: int, steps: int, threads: int, extra: float = 0.0) -> int:
    """Into how many parts to cut each of some equal pieces of ``steps`` steps so that ``threads`` end soonest.

    ``extra`` is what each part takes on top of its steps, in steps.
    """
    if threads == 1:
        return 1
    return min(
        range(1, max(steps // 3, 1) + 1), key=lambda k: math.ceil(pieces * k / threads) * (math.ceil(steps / k) + extra)
    )


class _Crew:
    """Threads that take items from one list and put what they find into one queue."""

    def __init__(self, work: Callable[[Item], Iterable[Found]], items: Iterable[Item], threads: int) -> None:
        self._work, self._waiting, self._taking = work, iter(items), threading.Lock()
        self._queue: SimpleQueue = SimpleQueue()
        self._stopped = threading.Event()
        self._crew = [threading.Thread(target=self._labour, daemon=True) for _ in range(threads)]

    def found(self) -> Iterator[Found]:
        """All values, until the last thread has ended. An error of one of them is raised here, and the others stop."""
        try:
            for thread in self._crew:
                thread.start()
            left = len(self._crew)
            while left:
                kind, value = self._queue.get()
                if kind is ERROR:
                    raise value
                if kind is VALUE:
                    yield value
                left -= kind is END
        finally:
            self._stopped.set()
            for thread in self._crew:
                if thread.ident is not None:
                    thread.join()

    def _labour(self) -> None:
        import torch

        torch.set_num_threads(1)  # of this thread; a new one starts with the number of cores
        try:
            while (item := self._next()) is not END:
                for value in self._work(item):
                    self._queue.put((VALUE, value))
                    if self._stopped.is_set():
                        return
        except BaseException as error:
            self._queue.put((ERROR, error))
        finally:
            self._queue.put((END, None))

    def _next(self) -> Item:
        with self._taking:
            return END if self._stopped.is_set() else next(self._waiting, END)
