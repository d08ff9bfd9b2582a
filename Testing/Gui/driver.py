"""Drives the panel as a user does: by its widgets, with the event loop turning in between."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

MODULE = Path(__file__).resolve().parents[2] / "DSCSuperRes" / "DSCSuperRes.py"


class Driver:
    """The opened module. ``temporary`` is the folder for temporary files, ``pictures`` that for screenshots."""

    def __init__(self, app, temporary: Path, pictures: Path) -> None:
        from standin.scriptedModule import openModule

        self._app, self.temporary, self._pictures = app, temporary, pictures
        self.widget = openModule(MODULE)
        self.panel = self.widget.panel
        self.logic = self.panel.logic

    @property
    def result(self):
        """The run that the panel looks at."""
        return self.panel.result

    @property
    def parameters(self):
        """The parameter node, wrapped."""
        return self.panel.parameters

    def ui(self, section: str):
        """The widgets of a section, by name."""
        return self.panel.sections[section].ui

    def wait(self, condition: Callable[[], object], seconds: float, what: str) -> None:
        """Let the panel live until ``condition()`` holds."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"{what} did not happen within {seconds:g} s"
            self._app.processEvents()
            time.sleep(0.002)

    def settle(self) -> None:
        """Let the panel do what is due now."""
        for _turn in range(10):
            self._app.processEvents()
            time.sleep(0.002)

    def show(self, *sections: str) -> None:
        """Open these sections alone."""
        for name in ("Input", "Task", "Reconstruct", "Look", "Perfusion", "Export"):
            getattr(self.panel.ui, f"{name.lower()}Section").collapsed = name not in sections
        self.settle()

    def picture(self, name: str) -> None:
        """Save the panel as a PNG."""
        import slicer

        self.settle()
        self._pictures.mkdir(parents=True, exist_ok=True)
        number = len(list(self._pictures.glob("*.png"))) + 1
        assert slicer.util.mainWindow().grab().save(str(self._pictures / f"{number:02d}-{name}.png"))

    def load(self, size: tuple[int, int, int] = (32, 32, 2), frames: int = 24) -> None:
        """A new scene with a small series, chosen as the input. Compared in half the pixels and every fourth frame."""
        import slicer
        from sample import bolus_series

        slicer.mrmlScene.Clear(0)
        series = bolus_series(frames, size=size)
        sequence = addSequence(series.signal.astype(np.int16), series.times, "s")
        sequence.SetAttribute("MultiVolume.DICOM.EchoTime", "30")
        self.ui("Input").sequenceSelector.setCurrentNode(sequence)

    def start(self) -> None:
        """Click Apply."""
        ui = self.ui("Reconstruct")
        assert ui.applyButton.enabled, ui.applyButton.toolTip
        ui.applyButton.click()
        assert self.logic.running, ui.statusLabel.text

    def finish(self) -> None:
        """Wait for the end of the run."""
        self.wait(lambda: not self.logic.running, 600, "the end of the run")

    def working(self) -> None:
        """Wait until the background process computes."""
        self.wait(lambda: self.ui("Reconstruct").progressBar.value > 60, 60, "the start of the reconstruction")

    def leftovers(self) -> list[str]:
        """What is in the background or among the temporary files."""
        found = [str(path) for path in self.temporary.iterdir()]
        return found + [f"process {number}" for number in workers()]


def addSequence(signal: np.ndarray, index: np.ndarray, unit: str):
    """A volume sequence of ``signal`` [t, z, y, x] in the scene, with voxels of 2 x 2 x 5 mm."""
    import slicer
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "series")
    sequence.SetIndexName("time" if unit else "")
    sequence.SetIndexUnit(unit)
    for frame, value in zip(signal, index, strict=True):
        volume, image = slicer.vtkMRMLScalarVolumeNode(), vtk.vtkImageData()
        image.SetDimensions(frame.shape[::-1])
        image.GetPointData().SetScalars(numpy_to_vtk(frame.ravel(), deep=True))
        volume.SetAndObserveImageData(image)
        volume.SetSpacing(2.0, 2.0, 5.0)
        sequence.SetDataNodeAtValue(volume, f"{value:g}")
    return sequence


def workers() -> list[int]:
    """The background processes of this one."""
    if sys.platform != "linux":
        return []
    found = subprocess.run(
        ["pgrep", "-P", str(os.getpid()), "-f", "dsc_superres"], capture_output=True, text=True, check=False
    )
    return [int(number) for number in found.stdout.split()]


def sceneNodes() -> set[str]:
    """The IDs of all nodes."""
    import slicer

    scene = slicer.mrmlScene
    return {scene.GetNthNode(index).GetID() for index in range(scene.GetNumberOfNodes())}


class Stalls:
    """Measures how long the window does not answer, with a timer that should come every 10 ms.

    ``longest`` (s) leaves out the time in which this thread could have gone on but had to wait for a processor: on a
    busy machine every program stalls, which says nothing about this one. What remains is the time in which the thread
    computed, or slept in a call. Where the system does not tell, nothing is left out.
    """

    def __init__(self) -> None:
        import qt

        self.longest, self._last = 0.0, self._now()
        self._timer = qt.QTimer()
        self._timer.connect("timeout()", self._onTimeout)
        self._timer.start(10)

    def stop(self) -> float:
        """The longest stall in s."""
        self._onTimeout()
        self._timer.stop()
        return self.longest

    def _onTimeout(self) -> None:
        now = self._now()
        self.longest, self._last = max(self.longest, now - self._last), now

    def _now(self) -> float:
        """s, not counting the time in the queue for a processor."""
        try:
            waited = int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
        except (OSError, IndexError):
            waited = 0.0
        return time.monotonic() - waited


def addSegmentation(inside: np.ndarray):
    """A segmentation with the segment "region", the voxels ``inside`` [z, y, x] of the series."""
    import slicer
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "regions")
    segmentation.CreateDefaultDisplayNodes()
    labelmap, matrix = slicer.vtkOrientedImageData(), vtk.vtkMatrix4x4()
    labelmap.SetDimensions(inside.shape[::-1])
    labelmap.GetPointData().SetScalars(numpy_to_vtk(inside.astype(np.uint8).ravel(), deep=True))
    for axis, spacing in enumerate((2.0, 2.0, 5.0)):
        matrix.SetElement(axis, axis, spacing)
    labelmap.SetImageToWorldMatrix(matrix)
    segmentation.AddSegmentFromBinaryLabelmapRepresentation(labelmap, "region", (1, 0, 0))
    return segmentation


def column(result, role: str, name: str) -> list[float]:
    """A column of a table of the result; empty before it is there."""
    from vtk.util.numpy_support import vtk_to_numpy

    table = result.node(role)
    values = table.GetTable().GetColumnByName(name) if table is not None else None
    return vtk_to_numpy(values).tolist() if values is not None else []
