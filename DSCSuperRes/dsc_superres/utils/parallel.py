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
from typing import Any, TypeVar

Item = TypeVar("Item")
Value = TypeVar("Value")

_limits_lock = threading.Lock()
_active_limits: list[Any] = []

VALUE = object()
ERROR = object()
END = object()


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Matrix products of numpy and scipy are computed by the thread that asks for them. A decorator, too.

    The limit is one of the process: of several threads within, the first sets it and the last one lifts it.
    """
    from threadpoolctl import threadpool_limits

    with _limits_lock:
        _active_limits.append(threadpool_limits(1, "blas") if not _active_limits else _active_limits[0])
    try:
        yield
    finally:
        with _limits_lock:
            limits = _active_limits.pop()
            if not _active_limits:
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


def parallel_map(
    work: Callable[[Item], Iterable[Value]], items: Iterable[Item], threads: int | None = None
) -> Iterator[Value]:
    """What ``work`` yields for each of the items, as it comes, from ``threads`` items at once (as torch has, if None).

    One item is one thread's from start to end. With one thread all happens in the caller's own, in order. Close the
    iterator (``contextlib.closing``) where it may be left early: work in progress then stops at its next value.
    """
    import torch

    threads = threads or torch.get_num_threads()
    with single_threaded_blas(), _one_torch_thread():
        if threads == 1:
            for item in items:
                yield from work(item)
        else:
            yield from _WorkerThreads(work, items, threads).values()


def best_part_count(pieces: int, steps: int, threads: int, overhead: float = 0.0) -> int:
    """Into how many parts to cut each of some equal pieces of ``steps`` steps so that ``threads`` end soonest.

    ``overhead`` is what each part takes on top of its steps, in steps.
    """
    if threads == 1:
        return 1
    return min(
        range(1, max(steps // 3, 1) + 1),
        key=lambda parts: math.ceil(pieces * parts / threads) * (math.ceil(steps / parts) + overhead),
    )


class _WorkerThreads:
    """Threads that take items from one list and put what they find into one queue."""

    def __init__(self, work: Callable[[Item], Iterable[Value]], items: Iterable[Item], threads: int) -> None:
        self._work = work
        self._items = iter(items)
        self._items_lock = threading.Lock()
        self._queue: SimpleQueue = SimpleQueue()
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._run_items, daemon=True) for _ in range(threads)]

    def values(self) -> Iterator[Value]:
        """All values, until the last thread has ended. An error of one of them is raised here, and the others stop."""
        try:
            for thread in self._threads:
                thread.start()
            running = len(self._threads)
            while running:
                kind, value = self._queue.get()
                if kind is ERROR:
                    raise value
                if kind is VALUE:
                    yield value
                running -= kind is END
        finally:
            self._stopped.set()
            for thread in self._threads:
                if thread.ident is not None:
                    thread.join()

    def _run_items(self) -> None:
        import torch

        torch.set_num_threads(1)  # of this thread; a new one starts with the number of cores
        try:
            while (item := self._next_item()) is not END:
                for value in self._work(item):
                    self._queue.put((VALUE, value))
                    if self._stopped.is_set():
                        return
        except BaseException as error:
            self._queue.put((ERROR, error))
        finally:
            self._queue.put((END, None))

    def _next_item(self) -> Item:
        with self._items_lock:
            return END if self._stopped.is_set() else next(self._items, END)
