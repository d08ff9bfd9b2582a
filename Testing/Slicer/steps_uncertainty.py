"""A second run in half precision that computes its uncertainty; the uncertainty over the images."""

import numpy as np
import slicer
from vtk.util.numpy_support import vtk_to_numpy
from workflow import Workflow


def run(w: Workflow) -> None:
    """Leaves the result of the first run alone, and selected."""
    first = w.result
    chosen, task = w.parameters.reconstruct, w.parameters.task
    before = (chosen.model, chosen.maps, task.task, task.time, task.firstSlice, task.lastFrame)
    chosen.model, chosen.maps, chosen.fast, chosen.uncertainty = "ode-liif-plus", False, True, True
    task.task, task.space, task.time, task.firstSlice, task.lastFrame = "compare", 2.0, 2, 3, 33
    w.settle(3)
    _run(w)
    _overlay(w)
    w.panel.ui.removeResultButton.click()
    w.settle()
    w.check(w.result == first, "the first result is selected again")
    (chosen.model, chosen.maps, task.task, task.time, task.firstSlice, task.lastFrame) = before
    chosen.fast = chosen.uncertainty = False
    w.settle(3)


def _run(w: Workflow) -> None:
    ui = w.ui("Reconstruct")
    w.show("Reconstruct")
    ui.advancedButton.collapsed = False
    w.check(ui.fastCheckBox.enabled and ui.uncertaintyCheckBox.enabled, ui.uncertaintyCheckBox.toolTip)
    w.start()
    w.finish()
    w.check(w.result.sequence("uncertainty") is not None, ui.statusLabel.text)
    print(ui.statusLabel.text, flush=True)
    w.show("Reconstruct")
    w.picture("half-precision")


def _overlay(w: Workflow) -> None:
    ui, layout = w.ui("Display"), w.layout
    volume = w.result.proxy("uncertainty")
    w.show("Display")
    ui.uncertaintyCheckBox.click()
    w.settle()
    over = layout.compositeNode("reconstruction").GetForegroundVolumeID()
    w.check(over == volume.GetID(), f"{over} lies over the reconstruction")
    legend = slicer.modules.colors.logic().GetColorLegendDisplayNode(volume)
    w.check(legend.GetVisibility() and "Uncertainty" in legend.GetTitleText(), legend.GetTitleText())
    browser = w.result.node("browser")
    for frame in (browser.GetNumberOfItems() // 2, 13):
        browser.SetSelectedItemNumber(frame)
        w.settle(3)
        shown = vtk_to_numpy(volume.GetImageData().GetPointData().GetScalars())
        w.check(np.array_equal(shown, w.result.signal("uncertainty")[frame].ravel()), "the uncertainty moves along")
    w.picture("uncertainty")
    ui.uncertaintyOpacity.value = 0.3
    w.check(layout.compositeNode("reconstruction").GetForegroundOpacity() == 0.3, "the opacity")
    ui.uncertaintyCheckBox.click()
    w.check(layout.compositeNode("reconstruction").GetForegroundVolumeID() is None, "the image alone")
    ui.compareButton.click()
    w.settle()
