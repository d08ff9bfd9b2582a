"""The worker that waits for the next job: who gets it, what replaces it, and when there is none."""

import os
import signal
import subprocess
import sys

import pytest

pytest.importorskip("slicer")
pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

import slicer
from panel_driver import processes

pytestmark = [
    pytest.mark.usefixtures("slotErrors"),
    pytest.mark.skipif(sys.platform != "linux", reason="a worker has a supervisor only there"),
]


@pytest.fixture
def waiting(driver):
    """A panel in whose background a worker waits, and a series for the quickest run."""
    driver.load((16, 16, 2), 24)
    driver.choose("Reconstruct", "modelSelector", "linear")
    driver.ui("Reconstruct").mapsCheckBox.checked = False
    driver.widget.enter()
    driver.wait(lambda: driver.logic.waiting.ready, 300, "a worker that waits")
    yield driver
    driver.ui("Reconstruct").mapsCheckBox.checked = True
    driver.widget.enter()
    slicer.mrmlScene.Clear(0)


def test_a_run_is_done_by_the_worker_that_waited_and_another_one_waits_afterwards(waiting) -> None:
    driver, first = waiting, waiting.logic.waiting.processId
    assert processes() == [first]
    assert driver.leftovers() == []
    driver.start()
    driver.wait(driver.workers, 60, "the start of the job")
    assert driver.workers() == [first]
    driver.finish()
    assert len(driver.logic.results()) == 1
    driver.wait(lambda: driver.logic.waiting.ready, 300, "another worker that waits")
    assert first not in processes()
    assert driver.leftovers() == []
    driver.start()
    driver.wait(driver.workers, 60, "the start of the job")
    driver.cancelRun()
    assert driver.leftovers() == []


def test_a_worker_that_is_lost_is_replaced_but_not_for_ever(waiting) -> None:
    from DSCSuperResLib.Process.WaitingWorker import ATTEMPTS

    driver, lost = waiting, []
    for _attempt in range(ATTEMPTS):
        lost.append(driver.logic.waiting.processId)
        os.kill(lost[-1], signal.SIGKILL)
        driver.wait(lambda: driver.logic.waiting.processId != lost[-1], 60, "the end of the worker")
    assert driver.logic.waiting.processId == 0
    driver.start()
    driver.finish()
    assert len(driver.logic.results()) == 1
    driver.wait(lambda: driver.logic.waiting.ready, 300, "a worker that waits after a run")


def test_a_worker_that_is_lost_with_its_job_unread_costs_no_run(waiting) -> None:
    driver, taken = waiting, waiting.logic.waiting.processId
    (reading,) = _children(taken)
    os.kill(reading, signal.SIGSTOP)
    driver.start()
    driver.wait(lambda: driver.workers() == [taken], 10, "the start of the job")
    os.kill(reading, signal.SIGKILL)
    driver.wait(lambda: taken not in driver.workers(), 60, "the end of the lost worker")
    driver.finish()
    assert len(driver.logic.results()) == 1


def test_none_waits_while_the_panel_is_closed_or_another_python_is_chosen(waiting, tmp_path, monkeypatch) -> None:
    driver = waiting
    driver.widget.exit()
    assert processes() == []
    driver.start()
    driver.wait(driver.workers, 60, "the start of the job")
    driver.cancelRun()
    assert processes() == []
    driver.widget.enter()
    driver.wait(lambda: driver.logic.waiting.ready, 300, "a worker that waits again")
    former, other = driver.logic.waiting.processId, tmp_path / "python"
    other.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    other.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("DSC_SUPERRES_PYTHON", str(other))
        driver.start()
        driver.wait(driver.workers, 60, "the start of the job")
        assert former not in processes()
        driver.cancelRun()
    driver.wait(lambda: driver.logic.waiting.ready, 300, "a worker that waits again")
    former = driver.logic.waiting.processId
    driver.panel.sections["Reconstruct"].probe()  # as after the choice of another Python
    assert former not in processes()
    driver.wait(lambda: driver.logic.waiting.processId, 300, "the worker that waits after the probe")


def _children(process: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True, check=False)
    return [int(number) for number in found.stdout.split()]
