"""What the steps of the test inside Slicer have in common: the panel, waiting, checking and pictures."""

import os
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy


class Workflow:
    """The module, opened. A step fails by an exception; what fails in a slot is counted too."""

    def __init__(self) -> None:
        self._folder = os.environ.get("DSC_SCREENSHOTS")
        self._pictures, self.slotErrors = 0, []
        sys.excepthook = self._onSlotError
        if self._folder:
            Path(self._folder).mkdir(parents=True, exist_ok=True)
        window = slicer.util.mainWindow()
        if window is not None:
            window.resize(1700, 1150)
        slicer.util.selectModule("DSCSuperRes")
        self.panel = slicer.modules.DSCSuperResWidget.panel
        self.logic = self.panel.logic

    @property
    def result(self):
        """The run that the panel looks at."""
        return self.panel.result

    def ui(self, section: str):
        """The widgets of a section, by name."""
        return self.panel.sections[section].ui

    def wait(self, condition: Callable[[], object], seconds: float, what: str) -> None:
        """Let Slicer live until ``condition()`` holds."""
        end = time.monotonic() + seconds
        while not condition():
            self.check(time.monotonic() < end, f"{what} did not happen within {seconds:g} s")
            slicer.app.processEvents()
            time.sleep(0.002)

    def settle(self, turns: int = 20) -> None:
        """Let Slicer do what is due now."""
        for _turn in range(turns):
            slicer.app.processEvents()
            time.sleep(0.005)

    def check(self, holds: object, what: str) -> None:
        """Fail unless ``holds``."""
        if not holds:
            raise AssertionError(what)

    def picture(self, name: str) -> None:
        """Save the window as the next numbered PNG."""
        if not self._folder or slicer.util.mainWindow() is None:
            return
        self.settle()
        slicer.util.forceRenderAllViews()
        self.settle(5)
        self._pictures += 1
        slicer.util.mainWindow().grab().save(os.path.join(self._folder, f"{self._pictures:02d}-{name}.png"))

    def show(self, section: str) -> None:
        """Scroll the panel so that a section is seen, opened and alone."""
        for name in self.panel.sections:
            getattr(self.panel.ui, f"{name.lower()}Section").collapsed = name != section
        self.settle()

    def scroll(self, widget) -> None:
        """Scroll the panel so that ``widget`` is seen."""
        self.settle(3)
        area = widget.parent()
        while area is not None and not area.inherits("QScrollArea"):
            area = area.parent()
        if area is not None:
            area.ensureWidgetVisible(widget)

    def place(self, voxel: np.ndarray, volume: slicer.vtkMRMLVolumeNode) -> list[float]:
        """Where the center of ``voxel`` (z, y, x) of ``volume`` lies, RAS in mm."""
        matrix, place = vtk.vtkMatrix4x4(), [0.0] * 4
        volume.GetIJKToRASMatrix(matrix)
        matrix.MultiplyPoint((*map(float, voxel[::-1]), 1.0), place)
        return place[:3]

    def segment(self, name: str, masks: dict[str, np.ndarray]) -> slicer.vtkMRMLSegmentationNode:
        """A segmentation of ``masks`` (bool[z, y, x] on the voxels of the reconstruction), by the names of segments."""
        volume, matrix = self.result.proxy("reconstruction"), vtk.vtkMatrix4x4()
        volume.GetIJKToRASMatrix(matrix)
        segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
        segmentation.CreateDefaultDisplayNodes()
        for title, inside in masks.items():
            image = slicer.vtkOrientedImageData()
            image.SetDimensions(inside.shape[::-1])
            image.SetImageToWorldMatrix(matrix)
            image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
            vtk_to_numpy(image.GetPointData().GetScalars())[:] = inside.ravel()
            segmentation.AddSegmentFromBinaryLabelmapRepresentation(image, title, (0.9, 0.3, 0.2))
        return segmentation

    def workers(self) -> list[int]:
        """The background processes of this Slicer, where the system can tell."""
        if shutil.which("pgrep") is None:
            return []
        mine = ["pgrep", "-P", str(os.getpid()), "-f", "dsc_superres"]
        found = subprocess.run(mine, capture_output=True, text=True, check=False)
        return [int(number) for number in found.stdout.split()]

    def _onSlotError(self, kind, error, trace) -> None:
        self.slotErrors.append(f"{kind.__name__}: {error}")
        traceback.print_exception(kind, error, trace)
