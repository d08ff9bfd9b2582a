"""A Dask cluster of several worker processes on this machine, reached by no other one."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from dsc_superres.errors import FileError

PATIENCE = 60.0
"""Seconds in which the scheduler and all workers have to be there."""
_LOCAL = ("--host", "127.0.0.1", "--no-dashboard")


@contextmanager
def dask_workers(count: int) -> Iterator[str]:
    """Yield the address of a scheduler with ``count`` workers of one thread; an empty one where that is 0.

    Raises ``FileError`` where Dask is not installed or does not start.
    """
    if count == 0:
        yield ""
        return
    if find_spec("distributed") is None:
        raise FileError("A cluster needs Dask: pip install 'dsc-superres[cohort]'.")
    with tempfile.TemporaryDirectory(prefix="dsc-superres-") as name:
        scheduler_file = Path(name) / "scheduler.json"
        started: list[subprocess.Popen] = []

        def start(*arguments: str) -> None:
            command = [sys.executable, "-m", "dask", *arguments, *_LOCAL, "--scheduler-file", str(scheduler_file)]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            started.append(subprocess.Popen(command, cwd=name, **quiet))

        try:
            start("scheduler", "--port", "0")
            end = time.monotonic() + PATIENCE
            while (address := _address(scheduler_file)) is None:
                _wait(started, end)
            start("worker", "--nworkers", str(count), "--nthreads", "1", "--local-directory", name)
            _wait_for_workers(address, count, started, end)
            yield address
        finally:
            for process in reversed(started):
                process.terminate()
                process.wait()


def _address(scheduler_file: Path) -> str | None:
    """Return the address that a scheduler has written into a file; None before it has."""
    try:
        return json.loads(scheduler_file.read_text())["address"]
    except (OSError, ValueError):
        return None


def _wait_for_workers(address: str, count: int, started: list[subprocess.Popen], end: float) -> None:
    from distributed import Client

    with Client(address) as client:
        while len(client.scheduler_info(n_workers=-1)["workers"]) < count:
            _wait(started, end)


def _wait(started: list[subprocess.Popen], end: float) -> None:
    """Wait a moment. Raises ``FileError`` where a process has ended, or where it took too long."""
    if any(process.poll() is not None for process in started) or time.monotonic() > end:
        raise FileError("The Dask cluster did not start: try `dask scheduler` and `dask worker` by hand.")
    time.sleep(0.1)
