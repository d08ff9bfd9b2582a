"""Cases on several processes of this machine, which talk through pipes: no port is opened.

A process that is lost takes only its case with it. When this process ends, however it ends, the others do too.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from dsc_superres.cli.batch_case import run_case
from dsc_superres.cli.batch_outcome import Outcome, lost
from dsc_superres.utils.ending import Ended, ending_at_signals
from dsc_superres.utils.partial_entries import discard_unfinished
from dsc_superres.utils.supervision import load_numerical_libraries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsc_superres.cli.batch_case import Job
    from dsc_superres.cli.batch_cases import BatchCase

PATIENCE = 20.0
"""Seconds in which a process that is asked to end removes what it has begun."""


def run_locally(cases: Sequence[BatchCase], job: Job, processes: int, threads: int) -> Iterator[Outcome]:
    """Yield the outcome of every case as it comes. Close the iterator to end all processes."""
    waiting = list(reversed(cases))
    workers = [_Process(job, threads) for _ in range(min(processes, len(cases)))]
    try:
        for worker in workers:
            worker.give(waiting.pop())
        while busy := {worker.answers: worker for worker in workers if worker.case is not None}:
            for answers in wait(list(busy)):
                worker = busy[answers]
                yield worker.take()
                if waiting:
                    worker.give(waiting.pop())
    finally:
        for worker in workers:
            worker.ask_to_end()
        for worker in workers:
            worker.end()


class _Process:
    """A process that does one case after the other; a new one takes its place when it is lost."""

    def __init__(self, job: Job, threads: int) -> None:
        self._arguments = (job, threads)
        self.case: BatchCase | None = None
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.answers, remote = context.Pipe()
        self._process = context.Process(target=_serve, args=(remote, *self._arguments))
        self._process.start()
        remote.close()

    def give(self, case: BatchCase) -> None:
        self.case = case
        with suppress(OSError):  # it may have died; ``take`` finds that out
            self.answers.send(case)

    def take(self) -> Outcome:
        """The outcome of the case, for which the caller has waited."""
        case, self.case = self.case, None
        try:
            return self.answers.recv()
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode
            self._start()
            return lost(case.name, f"exit code {code}")

    def ask_to_end(self) -> None:
        """Close the pipe, at whose end an idle process ends; interrupt one that is at work."""
        self.answers.close()
        if self.case is not None:
            self._process.terminate()

    def end(self) -> None:
        self._process.join(PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _serve(requests: Connection, job: Job, threads: int) -> None:
    """Do the cases that are asked for until nobody asks any more."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with ending_at_signals():
        try:
            load_numerical_libraries(watched=True)
            while True:
                requests.send(run_case(requests.recv(), job, threads))
        except (EOFError, OSError, Ended):
            pass
        finally:
            discard_unfinished()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        discard_unfinished()
        os._exit(1)
