"""The panel in a real Slicer: opened, with pictures; what fails in a slot counts too."""

import os
import sys
import traceback
from pathlib import Path

import numpy as np
import slicer
import vtk

sys.path.append(str(Path(__file__).resolve().parents[1] / "Panel"))
from panel_driver import PanelDriver, addSegmentation

SEQUENCES = ("truth", "input", "reconstruction", "difference", "uncertainty")


class Workflow(PanelDriver):
    """The module, opened. A step fails by an exception."""

    def __init__(self) -> None:
        super().__init__(slicer.app.processEvents)
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

    def check(self, holds: object, what: str) -> None:
        """Fail unless ``holds``."""
        if not holds:
            raise AssertionError(what)

    def picture(self, name: str) -> None:
        """Save the window as the next numbered PNG."""
        if not self._folder or slicer.util.mainWindow() is None:
            return
        self.settle(20)
        slicer.util.forceRenderAllViews()
        self.settle(5)
        self._pictures += 1
        slicer.util.mainWindow().grab().save(os.path.join(self._folder, f"{self._pictures:02d}-{name}.png"))

    def filled(self) -> None:
        """Wait until the views show what they are to."""
        self.wait(lambda: not self.panel.sections["Display"]._filler.busy, 30, "filled views")
        self.settle()

    def seen(self, role: str) -> tuple[str, str | None, str | None, list[str]]:
        """The title of a view, the roles of its volume and of what lies over it, and the legends of both."""
        composite, result = self.layout.compositeNode(role), self.result
        shown = (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID())
        roles = {node.GetID(): node.GetAttribute("DSCSuperRes.Role") for node in result.nodes()}
        roles |= {proxy.GetID(): f"{name}.proxy" for name in SEQUENCES if (proxy := result.proxy(name)) is not None}
        legends = slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode")
        visible = (legend for legend in legends if legend.GetVisibility() and legend.GetDisplayableNode() is not None)
        titles = [legend.GetTitleText() for legend in visible if legend.GetDisplayableNode().GetID() in shown]
        return self.layout.sliceNode(role).GetLayoutLabel(), *map(roles.get, shown), titles

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
        return addSegmentation(name, masks, self.result.proxy("reconstruction"))

    def _onSlotError(self, kind, error, trace) -> None:
        self.slotErrors.append(f"{kind.__name__}: {error}")
        traceback.print_exception(kind, error, trace)
