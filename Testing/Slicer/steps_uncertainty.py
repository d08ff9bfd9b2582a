"""A second run that tunes its network to the scan first and tells how sure it is; the uncertainty over the images."""

import json

import numpy as np
import slicer
from vtk.util.numpy_support import vtk_to_numpy
from workflow import Workflow


def run(w: Workflow) -> None:
    """Leaves the result of the first run alone, and the panel looking at it."""
    first = w.result
    chosen, task = w.panel.parameters.reconstruct, w.panel.parameters.task
    before = (chosen.model, chosen.maps, task.task, task.time, task.firstSlice, task.lastFrame)
    chosen.model, chosen.maps, chosen.adapt, chosen.minutes, chosen.uncertainty = (
        "ode-liif-plus",
        False,
        True,
        0.2,
        True,
    )
    task.task, task.space, task.time, task.firstSlice, task.lastFrame = "compare", 2.0, 2, 3, 33
    w.settle(3)
    _run(w)
    _overlay(w)
    w.panel.ui.removeResultButton.click()
    w.settle()
    w.check(w.result == first, "the first result is looked at again")
    (chosen.model, chosen.maps, task.task, task.time, task.firstSlice, task.lastFrame) = before
    chosen.adapt = chosen.uncertainty = False
    w.settle(3)


def _run(w: Workflow) -> None:
    ui = w.ui("Reconstruct")
    w.show("Reconstruct")
    ui.advancedButton.collapsed = False
    w.check(ui.adaptCheckBox.enabled and ui.uncertaintyCheckBox.enabled, ui.uncertaintyCheckBox.toolTip)
    ui.applyButton.click()
    w.wait(lambda: "adapting" in ui.statusLabel.text and "left" in ui.statusLabel.text, 120, "adaptation")
    w.picture("adapting")
    w.wait(lambda: not w.logic.running, 600, "the end of the run")
    told = json.loads(w.result.node("text.provenance").GetText())
    w.check("held out" in ui.statusLabel.text and told["adaptation"]["steps"] >= 1, ui.statusLabel.text)
    print(ui.statusLabel.text, flush=True)
    w.show("Reconstruct")
    w.picture("adapted")


def _overlay(w: Workflow) -> None:
    ui, layout = w.ui("Display"), w.panel.sections["Display"].layout
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
