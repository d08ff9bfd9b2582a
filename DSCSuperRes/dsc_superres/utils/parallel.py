"""Parallel work on several processor cores with results that do not depend on their number.

A library that splits one matrix product among threads sums it in an order that depends on their number, which changes
the last bits. Here, one thread computes each item from start to end and several items are processed at once: the
result is bit-identical on any number of cores, and no time is lost to threads that wait for each other.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from queue import SimpleQueue
from typing import Any, TypeVar

from dsc_superres.errors import Cancelled
from dsc_superres.utils.progress import IsCancelled, never
from dsc_superres.utils.pytorch import torch_problem

Item = TypeVar("Item")
Value = TypeVar("Value")

_limits_lock = threading.Lock()
_active_limits: list[Any] = []

VALUE = object()
"""Queue entry: a value yielded by the work on an item."""
ERROR = object()
"""Queue entry: an exception raised by the work on an item."""
END = object()
"""Queue entry: a thread has ended. Also stands for "no more items"."""


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Run the matrix products of numpy and scipy in the calling thread only.

    Works as a context manager and as a decorator. The limit applies to the whole process: of several threads inside
    the block, the first sets the limit and the last restores the original one.
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
def one_torch_thread() -> Iterator[None]:
    """Limit PyTorch, where there is one that works, to one thread per operation."""
    if torch_problem() is not None:
        yield
        return
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def thread_count() -> int:
    """Return the number of threads to use: that of PyTorch, or of processors where PyTorch does not work."""
    if torch_problem() is not None:
        return os.cpu_count() or 1
    import torch

    return torch.get_num_threads()


def parallel_map(
    work: Callable[[Item], Iterable[Value]], items: Iterable[Item], threads: int | None = None
) -> Iterator[Value]:
    """Yield the values of ``work(item)`` for all items, in the order in which they become available.

    Parameters
    ----------
    work
        Function of one item that returns an iterable. One thread consumes it from start to end.
    items
        The items to process, taken one at a time.
    threads
        Number of items processed at once; ``thread_count()`` by default. With one thread, everything happens
        in the calling thread and in order.

    Notes
    -----
    Close the iterator (``contextlib.closing``) if it may be left early: running work then stops at its next value.
    An exception of ``work`` is raised here and stops the other threads.
    """
    threads = threads or thread_count()
    with single_threaded_blas(), one_torch_thread():
        if threads == 1:
            for item in items:
                yield from work(item)
        else:
            yield from _WorkerThreads(work, items, threads).values()


def do_all(
    work: Callable[[Item], Iterable[object]],
    items: Iterable[Item],
    threads: int | None = None,
    cancelled: IsCancelled = never,
    report: Callable[[int], None] = lambda done: None,
) -> None:
    """Do the work of ``parallel_map`` for what it leaves behind; its values are dropped.

    After each value ``report`` is told how many came before. Raises ``Cancelled``.
    """
    with closing(parallel_map(work, items, threads)) as steps:
        for done, _ in enumerate(steps):
            report(done)
            if cancelled():
                raise Cancelled


def best_part_count(pieces: int, steps: int, threads: int, overhead: float = 0.0) -> int:
    """Return the number of parts per piece that lets ``threads`` threads finish soonest.

    There are ``pieces`` equal pieces of ``steps`` steps each; every part costs ``overhead`` additional steps.
    """
    if threads == 1:
        return 1
    return min(
        range(1, max(steps // 3, 1) + 1),
        key=lambda parts: math.ceil(pieces * parts / threads) * (math.ceil(steps / parts) + overhead),
    )


class _WorkerThreads:
    """Threads that take items from a shared iterator and put the resulting values into a queue."""

    def __init__(self, work: Callable[[Item], Iterable[Value]], items: Iterable[Item], threads: int) -> None:
        self._work = work
        self._items = iter(items)
        self._items_lock = threading.Lock()
        self._queue: SimpleQueue = SimpleQueue()
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._run_items, daemon=True) for _ in range(threads)]

    def values(self) -> Iterator[Value]:
        """Yield all values until the last thread has ended; raise the first exception of any thread."""
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
        if torch_problem() is None:
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
        """Return the next item, or ``END`` if there is none or the threads were stopped."""
        with self._items_lock:
            return END if self._stopped.is_set() else next(self._items, END)
