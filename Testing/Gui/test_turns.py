"""Work on the GUI thread: a slice in a turn of the event loop, whatever else waits for one."""

import pytest

pytest.importorskip("slicer")
pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

import time
from itertools import pairwise

pytestmark = pytest.mark.usefixtures("slotErrors")


@pytest.fixture
def started(app, driver):
    """Starts tasks, which are stopped after the test; ``done`` has what they returned or raised."""
    from DSCSuperResLib.Jobs.TimeSlicedTask import TimeSlicedTask

    class Started(list):
        def __init__(self) -> None:
            self.done = []

        def start(self, work, **options) -> TimeSlicedTask:
            self.append(TimeSlicedTask(work, self.done.append, self.done.append, **options))
            return self[-1]

    tasks = Started()
    driver.settle()
    yield tasks
    for task in tasks:
        task.stop()


def parts(name: str, log: list[str], count: int = 3):
    """Work of parts that take a slice each."""
    for _part in range(count):
        time.sleep(0.031)
        log.append(name)
        yield
    return name


def test_tasks_take_turns_and_a_turn_has_one_slice(app, driver, started) -> None:
    log, turns = [], []
    for name in "ab":
        started.start(parts(name, log))
    while len(started.done) < 2:
        before = len(log)
        driver._turn()
        turns.append(len(log) - before)
    assert log == ["a", "b"] * 3
    assert set(turns) <= {0, 1}
    assert started.done == ["a", "b"]


def test_a_task_that_pauses_leaves_turns_to_what_it_has_changed(app, driver, started) -> None:
    log, times = [], []
    started.start(parts("a", log), pause=20)
    while not started.done:
        before = len(log)
        driver._turn()
        if len(log) > before:
            times.append(time.monotonic())
    gaps = [later - earlier - 0.031 for earlier, later in pairwise(times)]
    assert min(gaps) > 0.015


def test_a_stopped_task_does_nothing_and_others_go_on(app, driver, started) -> None:
    log = []
    first, second = (started.start(parts(name, log)) for name in "ab")
    first.stop()
    driver.settle()
    assert log == ["b"] * 3
    assert started.done == ["b"]
    second.stop()


def test_work_that_lets_the_event_loop_run_does_not_hold_others_up(app, driver, started) -> None:
    """A message that waits for the user is such work."""

    def message():
        end = time.monotonic() + 10
        while not log and time.monotonic() < end:
            driver._turn()
        yield

    log = []
    started.start(message())
    started.start(parts("b", log))
    driver.settle()
    assert log == ["b"] * 3
