"""Prints how long the window stands still at the longest in what a user does, and how fast a result plays.

In the stand-in, and inside Slicer:
python Testing/Gui/benchmark_stalls.py
Slicer --no-splash --testing --additional-module-paths DSCSuperRes --python-script Testing/Gui/benchmark_stalls.py
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import slicer

TESTING = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTING / part) for part in ("Gui", "Panel", "Core", "Slicer", "../DSCSuperRes")]
INSIDE = hasattr(slicer, "app")

SIZES = (((256, 256, 4), 60), ((256, 256, 4), 60), ((128, 128, 8), 60))
"""Voxels along x, y, z, and frames. The first run of a session, whose views are new, is in the first row."""
STEPS = ("run", "CBV", "own", "again", "maps", "export")
PLAYED = 5
"""s of playback that are measured."""


def main() -> None:
    """A row for each size."""
    with tempfile.TemporaryDirectory() as folder:
        driver = _inSlicer() if INSIDE else _inStandIn(Path(folder))
        print(
            f"{'series':>18} " + " ".join(f"{step:>11}" for step in STEPS) + "   longest stall in ms of processor time"
        )
        print("of the window's thread / of all threads; frames per s, and the same for each frame")
        for size, frames in SIZES:
            stalls = measure(driver, size, frames, Path(folder))
            cells = " ".join(f"{_text(stall.thread, stall.process):>11}" for stall in stalls)
            played = frameRate(driver) if INSIDE else ""
            print(f"{' x '.join(map(str, size))}, {frames:3d} {cells} {played}", flush=True)
    if INSIDE:
        slicer.util.exit(0)
    else:
        driver.widget.cleanup()


def measure(driver, size: tuple[int, int, int], frames: int, folder: Path) -> list:
    """The ``Stalls`` of a run, of a map over it, the user's own layout, side by side again, maps, and an export."""
    _load(driver, size, frames)
    driver.ui("Reconstruct").modelSelector.currentIndex = driver.ui("Reconstruct").modelSelector.findData("linear")
    driver.ui("Export").folderEdit.currentPath = tempfile.mkdtemp(dir=folder)
    layout = driver.ui("Display").compareButton
    return [
        _stall(driver, driver.start, driver.finish),
        _stall(driver, driver.ui("Perfusion").cbvButton.click),
        _stall(driver, layout.click),
        _stall(driver, layout.click),
        _stall(driver, driver.startMaps, driver.finishMaps),
        _stall(driver, driver.startExport, driver.finishExport),
    ]


def frameRate(driver) -> str:
    """Frames per s that playback reaches, with the map and the curves, and what each of them takes in ms.

    The wait for a processor does not count.
    """
    from panel_driver import computed

    browser, shown = driver.result.node("browser"), set()
    _show(driver)
    browser.SetPlaybackRateFps(100)
    browser.SetPlaybackActive(True)
    started, passed, last = computed(), 0, browser.GetSelectedItemNumber()
    thread, process = time.thread_time(), time.process_time()
    while computed() - started < PLAYED:
        slicer.app.processEvents()
        now = browser.GetSelectedItemNumber()
        passed, last = passed + (now != last), now
        shown.add(now)
    rate = passed / (computed() - started)
    times = _text((time.thread_time() - thread) / passed, (time.process_time() - process) / passed)
    browser.SetPlaybackActive(False)
    assert len(shown) > 1, "the result does not play"
    return f"{rate:6.1f} {times}"


def _text(thread: float, process: float) -> str:
    return f"{1000 * thread:.0f} / {1000 * process:.0f}"


def _stall(driver, *steps: Callable[[], None]):
    from panel_driver import Stalls

    stalls = Stalls()
    for step in steps:
        step()
        driver.settle(20)
    stalls.stop()
    return stalls


def _show(driver) -> None:
    """The result side by side."""
    if not driver.layout.shown:
        driver.ui("Display").compareButton.click()


def _load(driver, size: tuple[int, int, int], frames: int) -> None:
    from driver import Driver

    Driver.load(driver, size, frames)


def _inSlicer():
    from workflow import Workflow

    driver = Workflow()
    driver.wait(lambda: driver.logic.capabilities, 300, "the probe of the background process")
    return driver


def _inStandIn(folder: Path):
    import standin

    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ["DSC_SUPERRES_PYTHON"] = sys.executable
    app = standin.install(str(folder))
    from driver import Driver

    return Driver(app, folder, folder)


if __name__ == "__main__":
    main()
