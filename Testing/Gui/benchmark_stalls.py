"""Prints how long the window stands still at the longest in what a user does, and how fast a result plays.

In the stand-in, and inside Slicer:
python Testing/Gui/benchmark_stalls.py
Slicer --no-splash --testing --additional-module-paths DSCSuperRes --python-script Testing/Gui/benchmark_stalls.py
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import slicer

TESTING = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTING / part) for part in ("Gui", "Panel", "Core", "Slicer", "../DSCSuperRes")]
INSIDE = hasattr(slicer, "app")

SIZES = (((64, 64, 4), 33), ((128, 128, 8), 60), ((256, 256, 4), 60))
"""Voxels along x, y, z, and frames."""
PLAYED = 5
"""s of playback that are measured."""


def main() -> None:
    """A row for each size."""
    with tempfile.TemporaryDirectory() as folder:
        driver = _inSlicer() if INSIDE else _inStandIn(Path(folder))
        steps = ("run", "show", "CBV", "maps", "export")
        print(f"{'series':>18} " + " ".join(f"{step:>7}" for step in steps) + "   longest stall in ms; frames per s")
        for size, frames in SIZES:
            stalls = measure(driver, size, frames, Path(folder) / "export")
            cells = " ".join(f"{1000 * stall:7.0f}" for stall in stalls)
            played = f"{frameRate(driver):6.1f}" if INSIDE else ""
            print(f"{' x '.join(map(str, size))}, {frames:3d} {cells} {played}", flush=True)
    if INSIDE:
        slicer.util.exit(0)
    else:
        driver.widget.cleanup()


def measure(driver, size: tuple[int, int, int], frames: int, folder: Path) -> list[float]:
    """The longest stall, s, of a run, of showing its result, of a map over it, of maps, and of an export."""
    _load(driver, size, frames)
    driver.ui("Reconstruct").modelSelector.currentIndex = driver.ui("Reconstruct").modelSelector.findData("linear")
    driver.ui("Export").folderEdit.currentPath = str(folder / f"{size[0]}")
    return [
        _stall(driver, driver.start, driver.finish),
        _stall(driver, lambda: _show(driver)),
        _stall(driver, driver.ui("Perfusion").cbvButton.click),
        _stall(driver, driver.startMaps, driver.finishMaps),
        _stall(driver, driver.startExport, driver.finishExport),
    ]


def frameRate(driver) -> float:
    """Frames per s that playback reaches, with the map and the curves; the wait for a processor does not count."""
    from panel_driver import computed

    browser, shown = driver.result.node("browser"), set()
    _show(driver)
    browser.SetPlaybackRateFps(100)
    browser.SetPlaybackActive(True)
    started, passed, last = computed(), 0, browser.GetSelectedItemNumber()
    while computed() - started < PLAYED:
        slicer.app.processEvents()
        now = browser.GetSelectedItemNumber()
        passed, last = passed + (now != last), now
        shown.add(now)
    browser.SetPlaybackActive(False)
    assert len(shown) > 1, "the result does not play"
    return passed / (computed() - started)


def _stall(driver, *steps: Callable[[], None]) -> float:
    from panel_driver import Stalls

    stalls = Stalls()
    for step in steps:
        step()
        driver.settle(20)
    return stalls.stop()


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
