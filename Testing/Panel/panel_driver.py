"""What the tests in the stand-in and those inside Slicer have in common: clicking, waiting, and reading the panel."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np


class PanelDriver:
    """Works the panel by its widgets. ``turn()`` lets the event loop run once; ``panel`` is set by whoever opens it."""

    def __init__(self, turn: Callable[[], None]) -> None:
        self._turn = turn
        self.panel = None

    @property
    def logic(self):
        """What the panel calls, for scripts."""
        return self.panel.logic

    @property
    def result(self):
        """The selected run."""
        return self.panel.result

    @property
    def parameters(self):
        """The parameter node, wrapped."""
        return self.panel.parameters

    @property
    def layout(self):
        """The layout side by side."""
        return self.panel.sections["Display"].layout

    def ui(self, section: str):
        """The widgets of a section, by name."""
        return self.panel.sections[section].ui

    def wait(self, condition: Callable[[], object], seconds: float, what: str) -> None:
        """Let the panel live until ``condition()`` holds."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"{what} did not happen within {seconds:g} s"
            self._turn()
            time.sleep(0.002)

    def settle(self, turns: int = 10) -> None:
        """Let the panel do what is due now, all of it."""
        from DSCSuperResLib.Jobs.TimeSlicedTask import turns as slices

        end = time.monotonic() + 60
        while turns > 0 or (slices().busy and time.monotonic() < end):
            self._turn()
            time.sleep(0.002)
            turns -= 1

    def show(self, *sections: str) -> None:
        """Open these sections alone."""
        for name in self.panel.sections:
            getattr(self.panel.ui, f"{name.lower()}Section").collapsed = name not in sections
        self.settle()

    def choose(self, section: str, selector: str, value: object) -> None:
        """Choose the item of a combobox that stands for ``value``."""
        widget = getattr(self.ui(section), selector)
        widget.currentIndex = widget.findData(value)

    def workers(self) -> list[int]:
        """The background processes that have work; not the one that waits for some."""
        return [number for number in processes() if number != self.logic.waiting.processId]

    def start(self) -> None:
        """Click Apply."""
        ui = self.ui("Reconstruct")
        assert ui.applyButton.enabled, ui.applyButton.toolTip
        ui.applyButton.click()
        assert self.logic.running, ui.statusLabel.text

    def working(self) -> None:
        """Wait until the network runs."""
        self.wait(lambda: "reconstructing" in self.ui("Reconstruct").statusLabel.text, 300, "the reconstruction")

    def finish(self) -> None:
        """Wait until the run has ended, and its result is in all sections."""
        self.wait(lambda: not self.logic.running, 900, "the end of the run")
        self.settle()

    def cancelRun(self) -> None:
        """Click Cancel, and wait until the run has ended."""
        started = time.monotonic()
        self.ui("Reconstruct").cancelButton.click()
        self.wait(lambda: not self.logic.running, 8, "the end of a canceled run")
        print(f"canceled after {time.monotonic() - started:.1f} s", flush=True)
        text = self.ui("Reconstruct").statusLabel.text
        assert text == "Canceled. The scene was not changed.", text

    def startMaps(self) -> None:
        """Click Compute maps."""
        ui = self.ui("Perfusion")
        assert ui.computeButton.enabled, ui.computeButton.toolTip
        ui.computeButton.click()
        assert self.logic.computingMaps, ui.statusLabel.text
        assert ui.cancelButton.enabled
        assert not ui.computeButton.enabled

    def finishMaps(self) -> None:
        """Wait until the maps are in the scene."""
        ui = self.ui("Perfusion")
        self.wait(lambda: not self.logic.computingMaps, 300, "the end of the maps")
        assert ui.computeButton.enabled
        assert ui.statusLabel.text == "The maps are up to date.", ui.statusLabel.text

    def startExport(self) -> None:
        """Click Export."""
        ui = self.ui("Export")
        ui.exportButton.click()
        assert self.logic.exporting, ui.statusLabel.text
        assert not ui.exportButton.enabled
        assert ui.progressBar.visible

    def finishExport(self) -> None:
        """Wait until the files are written."""
        self.wait(lambda: not self.logic.exporting, 120, "the end of the export")
        assert self.ui("Export").statusLabel.text.startswith("Done:"), self.ui("Export").statusLabel.text

    def cancelExport(self) -> None:
        """Click Cancel, and wait until the export has ended."""
        started = time.monotonic()
        self.ui("Export").cancelButton.click()
        self.wait(lambda: not self.logic.exporting, 5, "the end of a canceled export")
        print(f"canceled after {time.monotonic() - started:.1f} s", flush=True)
        assert "Canceled" in self.ui("Export").statusLabel.text, self.ui("Export").statusLabel.text

    def shownOver(self, role: str) -> str | None:
        """The ID of the volume that lies over the image in the view for ``role``."""
        return self.layout.compositeNode(role).GetForegroundVolumeID()

    def column(self, role: str, name: str) -> np.ndarray:
        """A column of a table of the result; empty where it does not exist yet."""
        from vtk.util.numpy_support import vtk_to_numpy

        table = self.result.node(role)
        column = table.GetTable().GetColumnByName(name) if table is not None else None
        return vtk_to_numpy(column).copy() if column is not None and column.GetNumberOfValues() else np.zeros(0)


class Stalls:
    """Measures how long the window does not answer, with a timer that should fire every 10 ms.

    ``longest`` (s) leaves out the time in which this thread was ready but had to wait for a processor: on a busy
    machine every program stalls. What remains is the time in which the thread computed, or slept in a call, such as for
    the threads that draw without a graphics card, which wait for processors, too. ``thread`` and ``process`` (s) are
    the most processor time that this thread, and all threads, took between two answers: a quiet machine stalls for more
    than the former and less than the latter.
    """

    def __init__(self) -> None:
        import qt

        self.longest, self.thread, self.process = 0.0, 0.0, 0.0
        self._last = _clocks()
        self._timer = qt.QTimer()
        self._timer.connect("timeout()", self._onTimeout)
        self._timer.start(10)

    def stop(self) -> float:
        """The longest stall in s."""
        self._onTimeout()
        self._timer.stop()
        return self.longest

    def _onTimeout(self) -> None:
        now = _clocks()
        longest = (self.longest, self.thread, self.process)
        spans = (later - earlier for later, earlier in zip(now, self._last, strict=True))
        self.longest, self.thread, self.process = map(max, longest, spans)
        self._last = now


def _clocks() -> tuple[float, float, float]:
    return computed(), time.thread_time(), time.process_time()


def computed() -> float:
    """A clock, s, that does not count the time of this thread in the queue for a processor."""
    try:
        waited = int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        waited = 0.0
    return time.monotonic() - waited


def addSegmentation(name: str, masks: Mapping[str, np.ndarray], volume):
    """A segmentation with a segment for each of ``masks``, bool[z, y, x] on the voxels of ``volume``."""
    import slicer
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    segmentation.CreateDefaultDisplayNodes()
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    for title, inside in masks.items():
        labelmap = slicer.vtkOrientedImageData()
        labelmap.SetDimensions(inside.shape[::-1])
        labelmap.SetImageToWorldMatrix(matrix)
        labelmap.GetPointData().SetScalars(numpy_to_vtk(inside.astype(np.uint8).ravel(), deep=True))
        segmentation.AddSegmentFromBinaryLabelmapRepresentation(labelmap, title, (0.9, 0.3, 0.2))
    return segmentation


def processes() -> list[int]:
    """The background processes of this one, where the system lists them."""
    if shutil.which("pgrep") is None:
        return []
    mine = ["pgrep", "-P", str(os.getpid()), "-f", "dsc_superres"]
    found = subprocess.run(mine, capture_output=True, text=True, check=False)
    return [int(number) for number in found.stdout.split()]


def sceneNodes() -> set[str]:
    """The IDs of all nodes."""
    import slicer

    scene = slicer.mrmlScene
    return {scene.GetNthNode(index).GetID() for index in range(scene.GetNumberOfNodes())}
