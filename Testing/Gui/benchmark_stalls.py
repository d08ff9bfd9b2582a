"""Prints how long the window stands still at the longest in a run, in computing maps, and in an export.

python Testing/Gui/benchmark_stalls.py
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

TESTING = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTING / part) for part in ("Gui", "Panel", "Core", "../DSCSuperRes")]
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["DSC_SUPERRES_PYTHON"] = sys.executable

SIZES = (((64, 64, 4), 33), ((128, 128, 8), 60))
"""Voxels along x, y, z, and frames."""


def main() -> None:
    """A row for each size; s."""
    import standin

    with tempfile.TemporaryDirectory() as folder:
        app = standin.install(folder)
        from driver import Driver

        driver = Driver(app, Path(folder), Path(folder))
        print(f"{'series':>18} {'run':>8} {'maps':>8} {'export':>8}   longest stall in ms")
        for size, frames in SIZES:
            stalls = measure(driver, size, frames, Path(folder) / "export")
            cells = " ".join(f"{1000 * stall:8.0f}" for stall in stalls)
            print(f"{' x '.join(map(str, size))}, {frames:3d} {cells}", flush=True)
        driver.widget.cleanup()


def measure(driver, size: tuple[int, int, int], frames: int, folder: Path) -> list[float]:
    """The longest stall, s, of a run, of maps, and of an export."""
    from panel_driver import Stalls

    driver.load(size, frames)
    driver.ui("Reconstruct").modelSelector.currentIndex = driver.ui("Reconstruct").modelSelector.findData("linear")
    driver.ui("Export").folderEdit.currentPath = str(folder / f"{size[0]}")
    found = []
    for start, finish in (
        (driver.start, driver.finish),
        (driver.startMaps, driver.finishMaps),
        (driver.startExport, driver.finishExport),
    ):
        stalls = Stalls()
        start()
        finish()
        driver.settle()
        found.append(stalls.stop())
    return found


if __name__ == "__main__":
    main()
