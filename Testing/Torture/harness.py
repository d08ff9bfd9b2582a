"""What all attacks share: a row of the table, and cases that run in processes of their own.

An attack is a function ``attack(seed: int, count: int, folder: Path) -> Row``. It tries about ``count`` cases in the
empty ``folder`` and counts those that go wrong; the same seed gives the same cases. A case is a function
``case(seed: int, folder: Path) -> str``: it returns what went wrong in a few words, or "". Cases run in forked
processes, so that one that crashes, hangs or eats memory is counted and stops no other.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

PROCESSES = 2
SECONDS = 20.0
"""A case that computes for longer is one that hangs."""
PATIENCE = 120.0
"""A case that takes longer hangs, too, even if it computes nothing; so long, since the machine may be busy."""
MEMORY = 1_500_000_000
"""Bytes that a case may take beyond what its process held before."""

Case = Callable[[int, Path], str]


@dataclass(frozen=True)
class Row:
    """What one attack found: how many cases it tried, how many were wrong, the first in words, and all seeds."""

    kind: str
    tried: int
    wrong: int
    example: str = ""
    seeds: tuple[int, ...] = ()


Attack = Callable[[int, int, Path], Row]


def attack_of(kind: str, case: Case, prepare: Callable[[], object] = tuple) -> Attack:
    """The attack that runs ``case`` with as many seeds as it is asked for, each in an empty folder.

    ``prepare`` is called once before, so that what it imports and caches is there in every process.
    """

    def attack(seed: int, count: int, folder: Path) -> Row:
        import dsc_superres.pipeline.series_warnings  # noqa: F401  no case is to be the one that imports it all

        prepare()
        seeds = [1_000_000 * seed + number for number in range(count)]
        wrong = {one: words for one, words in run_cases(case, seeds, folder) if words}
        first = min(wrong, default=None)
        example = "" if first is None else f"seed {first}: {wrong[first]}"
        return Row(kind, count, len(wrong), example, tuple(sorted(wrong)))

    attack.__name__ = kind.replace(" ", "_")
    return attack


def run_cases(case: Case, seeds: list[int], folder: Path) -> Iterator[tuple[int, str]]:
    """Run one case per seed in forked processes; yield each seed with what went wrong, "" if nothing."""
    waiting = list(reversed(seeds))
    workers = [Worker(case, folder / f"process_{number}") for number in range(min(PROCESSES, len(seeds)))]
    try:
        for worker in workers:
            worker.give(waiting.pop())
        while busy := [worker for worker in workers if worker.seed is not None]:
            ready = wait([worker.answers for worker in busy], timeout=1)
            for worker in busy:
                if worker.answers in ready or worker.hangs():
                    seed = worker.seed
                    yield seed, worker.take()
                    if waiting:
                        worker.give(waiting.pop())
    finally:
        for worker in workers:
            worker.end()


class Worker:
    """A process that runs one case after the other; a new one takes its place after a crash or a hang."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.case = case
        self.folder = folder
        self.seed: int | None = None
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")
        self.answers, remote = context.Pipe()
        self.process = context.Process(target=_serve, args=(self.case, self.folder, remote), daemon=True)
        self.process.start()
        remote.close()

    def give(self, seed: int) -> None:
        """Start the case of ``seed``."""
        self.seed = seed
        self.begin = time.monotonic(), self._computed()
        self.answers.send(seed)

    def hangs(self) -> bool:
        """Whether the running case takes too long."""
        begin, computed = self.begin
        return time.monotonic() - begin > PATIENCE or self._computed() - computed > SECONDS

    def _computed(self) -> float:
        """Processor time of the process, s."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def take(self) -> str:
        """What the running case found, or how its process ended."""
        self.seed = None
        if not self.answers.poll(0):
            self._restart()
            return f"computes for more than {SECONDS:g} s or takes more than {PATIENCE:g} s"
        try:
            words, memory = self.answers.recv()
        except EOFError:
            self.process.join()
            code = self.process.exitcode or 0
            self._restart()
            return f"ends with {signal.Signals(-code).name}" if code < 0 else f"ends its process with code {code}"
        if memory > MEMORY:
            self._restart()
            words = words or f"takes {memory / 1e9:.1f} GB of memory"
        return words

    def _restart(self) -> None:
        self.end()
        self._start()

    def end(self) -> None:
        """Stop the process and remove its folder."""
        self.process.kill()
        self.process.join()
        self.answers.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _serve(case: Case, folder: Path, requests: Connection) -> None:
    """Run the cases that are asked for until nobody asks any more."""
    os.setpgrp()
    with open(os.devnull, "wb") as nowhere:  # compiled libraries write there as they like
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    warnings.simplefilter("ignore")
    with contextlib.suppress(EOFError):
        while True:
            seed = requests.recv()
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            try:
                words = case(seed, folder)
            except BaseException as error:
                place = traceback.extract_tb(error.__traceback__)[-1]
                words = f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
            memory = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
            requests.send((" ".join(words.split())[:300], memory))
            shutil.rmtree(folder, ignore_errors=True)


def one_sentence(message: str) -> str:
    """What is wrong with an error message for users, "" if nothing."""
    if not message or "\n" in message or len(message) > 1000:
        return f"a message that is not one sentence: {message[:100]!r}"
    return "a traceback" if "Traceback" in message else ""


def refused_or_done(action: Callable[[], object]) -> str:
    """Run ``action``, which may return or raise a ``DSCError`` with one sentence; everything else is wrong."""
    from dsc_superres.errors import DSCError

    try:
        action()
    except DSCError as error:
        return one_sentence(str(error))
    return ""


def command(*words: object) -> tuple[int, str]:
    """Run the command line in this process; its exit code and what it says on standard error."""
    from dsc_superres.cli import main

    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            code = main([str(word) for word in words])
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
    return code, stderr.getvalue()


def refused_or_done_command(*words: object) -> str:
    """Run the command line, which ends with 0, or with 2 and a sentence; everything else is wrong."""
    code, message = command(*words)
    if code not in (0, 2):
        return f"exit code {code}: {message.strip()[-200:]}"
    return "a traceback" if "Traceback" in message else ""


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every entry below ``folder`` by its relative path: the bytes of files, None for everything else."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def unchanged(folder: Path, action: Callable[[], str]) -> str:
    """Run ``action``, which must leave every entry of ``folder`` as it was and nothing beside."""
    before = contents(folder)
    found = action()
    after = contents(folder)
    if found or before == after:
        return found
    names = sorted(name for name in {*before, *after} if before.get(name, 0) != after.get(name, 0))
    return f"changed or left: {', '.join(names)}"


def progress(words: str) -> None:
    """Say on standard error how far the attacks are."""
    print(words, file=sys.stderr, flush=True)
