"""A process that watches over the one that works: what hangs in native code is ended, too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from dsc_superres.utils.ending import Ended, ending_at_signals, last_chance
from dsc_superres.utils.progress import never

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are supervised on Linux alone")

HANGS = """
import os, sys, time
from dsc_superres.utils import supervision
supervision.PATIENCE, supervision.LOADING = 0.3, 0.2
def hang():
    print(os.getpid(), flush=True)
    sum(range(10**12))  # native code that holds Python's lock and hears of no signal, as OpenBLAS without memory
def hang_while_loading():
    with supervision.loading():
        hang()
def crashed(name):
    print(supervision.crash_text(name))
    return 3
"""


def _start(rest: str, **streams: object) -> subprocess.Popen:
    streams = {"stdin": subprocess.PIPE, **streams}
    return subprocess.Popen([sys.executable, "-c", HANGS + rest], stdout=subprocess.PIPE, text=True, **streams)


def _is_there(process: int) -> bool:
    with suppress(OSError):
        os.kill(process, 0)
        return True
    return False


def _end(process: subprocess.Popen) -> int:
    """Its exit code; within a minute, or the test fails and nothing stays."""
    try:
        return process.wait(60)
    finally:
        process.kill()


def test_work_that_hangs_does_not_outlive_the_one_who_started_it() -> None:
    process = _start("supervision.supervised(hang, crashed, ends_with_input=True)")
    child = int(process.stdout.readline())
    process.stdin.close()
    assert _end(process) == 130
    assert not _is_there(child)


def test_work_that_hangs_ends_with_the_signal_that_it_does_not_hear() -> None:
    process = _start("supervision.supervised(hang, crashed)")
    child = int(process.stdout.readline())
    process.terminate()
    assert _end(process) == 143
    assert not _is_there(child)


def test_results_that_are_put_in_their_place_are_no_work_that_was_ended() -> None:
    code = """
from dsc_superres.utils.ending import ending_at_signals, last_chance
def work():
    with ending_at_signals():
        last_chance(lambda: False)
        print(os.getpid(), flush=True)
        time.sleep(2)
    return 7
sys.exit(supervision.supervised(work, crashed))"""
    process = _start(code)
    process.stdout.readline()
    process.terminate()
    assert _end(process) == 7


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_whose_exception_is_lost_still_ends_the_work() -> None:
    """As in callbacks of Python's own import."""

    class Lost:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    with ending_at_signals():
        Lost()
        with pytest.raises(Ended):
            last_chance(never)
    last_chance(never)  # of other work, which nobody asked to end


def test_libraries_that_never_end_to_load_get_a_sentence() -> None:
    process = _start("supervision.supervised(hang_while_loading, crashed)")
    assert _end(process) == 3
    assert "still loading" in process.stdout.read()


@pytest.mark.parametrize("of_worker", [False, True])
def test_work_goes_on_without_an_input_on_purpose(of_worker: bool) -> None:
    """That of a command with a closed pipe, and all with ``</dev/null``."""
    work = f"sys.exit(supervision.supervised(lambda: time.sleep(1.5) or 7, crashed, ends_with_input={of_worker}))"
    process = _start(work, stdin=subprocess.DEVNULL if of_worker else subprocess.PIPE)
    if not of_worker:
        process.stdin.close()
    assert _end(process) == 7


def test_libraries_that_get_no_memory_are_no_defect() -> None:
    """They raise whatever comes next."""
    code = """
import resource
from dsc_superres.utils.memory_errors import out_of_memory
assert not out_of_memory(NameError("features"))
resource.setrlimit(resource.RLIMIT_AS, (200_000_000, -1))
assert out_of_memory(NameError("features"))
resource.setrlimit(resource.RLIMIT_AS, (3_000_000_000, -1))
assert not out_of_memory(NameError("features"))
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_an_error_for_which_no_memory_is_left_is_no_defect() -> None:
    code = "def work():\n    raise MemoryError\nsys.exit(supervision.supervised(work, lambda name: 3))"
    assert _end(_start(code)) == 3
