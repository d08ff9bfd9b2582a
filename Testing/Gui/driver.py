"""The panel in the stand-in for Slicer's window, and the series that it works on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from panel_driver import PanelDriver

MODULE = Path(__file__).resolve().parents[2] / "DSCSuperRes" / "DSCSuperRes.py"


class Driver(PanelDriver):
    """The opened module. ``temporary`` is the folder for temporary files, ``pictures`` that for screenshots."""

    def __init__(self, app, temporary: Path, pictures: Path) -> None:
        super().__init__(app.processEvents)
        self.temporary, self._pictures = temporary, pictures
        self.open()

    def open(self) -> None:
        """Open the module, again after it was closed."""
        from standin.scriptedModule import openModule

        self.widget = openModule(MODULE)
        self.panel = self.widget.panel
        self.wait(lambda: self.logic.capabilities, 60, "the probe of the background process")

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

    def working(self) -> None:
        """Wait until the network runs."""
        self.wait(lambda: self.ui("Reconstruct").progressBar.value > 60, 60, "the start of the reconstruction")

    def leftovers(self) -> list[str]:
        """Temporary files and background processes that are left."""
        found = [str(path) for path in self.temporary.iterdir()]
        return found + [f"process {number}" for number in self.workers()]


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
