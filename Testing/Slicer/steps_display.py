"""Display: the layout and its links, playback, curves, difference, metrics, segments, and the user's own layout."""

import numpy as np
import slicer
from pixels import checkIsBright
from vtk.util.numpy_support import vtk_to_numpy
from workflow import Workflow

VIEWS = ("truth", "input", "reconstruction", "difference")


def run(w: Workflow) -> None:
    """Click through the section with the result of the run."""
    manager = slicer.app.layoutManager()
    w.show("Display")
    w.check(w.layout.shown, "a run ends with its result side by side")
    _checkImages(manager, w)
    w.ui("Display").compareButton.click()
    w.filled()
    layout, red = manager.layout, _redOffset(manager)
    w.ui("Display").compareButton.click()
    w.wait(lambda: manager.layout != layout, 10, "the layout side by side")
    w.settle()
    for role in VIEWS:
        shown = _view(manager, w, role).mrmlSliceCompositeNode().GetBackgroundVolumeID()
        w.check(shown == w.result.proxy(role).GetID(), f"the view for {role} shows {shown}")
    _checkImages(manager, w)
    w.picture("side-by-side")
    _scroll(w, manager)
    w.check(_redOffset(manager) == red, "the user's own view moved along")
    _play(w)
    _curves(w)
    _relaxation(w)
    _difference(w)
    _metrics(w)
    _segments(w)
    w.ui("Display").compareButton.click()
    w.wait(lambda: manager.layout == layout, 10, "the return of the user's layout")
    w.picture("own-layout")


def _view(manager, w: Workflow, role: str):
    return manager.sliceWidget(w.layout.sliceNode(role).GetLayoutName())


def _redOffset(manager) -> float:
    return manager.sliceWidget("Red").mrmlSliceNode().GetSliceOffset()


def _scroll(w: Workflow, manager) -> None:
    """Scroll in one view as a user does: the others follow."""
    view = _view(manager, w, "truth")
    node, logic = view.mrmlSliceNode(), view.sliceLogic()
    logic.StartSliceNodeInteraction(node.SliceToRASFlag | node.XYZOriginFlag)
    node.SetSliceOffset(node.GetSliceOffset() - 5)
    logic.EndSliceNodeInteraction()
    w.settle()
    offsets = [w.layout.sliceNode(role).GetSliceOffset() for role in VIEWS]
    w.check(np.ptp(offsets) < 1e-3, f"linked views stand at {offsets}")


def _checkImages(manager, w: Workflow) -> None:
    w.filled()
    checkIsBright(w, {role: _view(manager, w, role).sliceView() for role in VIEWS[:3]})


def _play(w: Workflow) -> None:
    browser, inputs = w.result.node("browser"), w.result.sequence("input")
    acquired = inputs.GetNumberOfDataNodes()
    browser.SetPlaybackActive(True)
    w.wait(lambda: browser.GetSelectedItemNumber() > 3, 30, "playback")
    browser.SetPlaybackActive(False)
    browser.SetSelectedItemNumber(1)
    w.settle()
    w.check("reconstructed" in w.ui("Display").momentLabel.text, w.ui("Display").momentLabel.text)
    held = vtk_to_numpy(w.result.proxy("input").GetImageData().GetPointData().GetScalars())
    first = w.result.signal("input")[0].ravel()
    w.check(np.array_equal(held, first), "the input holds its last acquired frame")
    w.check(inputs.GetNumberOfDataNodes() == acquired, "playing writes no frames into the input")
    browser.SetSelectedItemNumber(browser.GetNumberOfItems() // 3)
    w.picture("played")


def _curves(w: Workflow) -> None:
    """The curves are those of the voxel under the mouse."""
    volume, crosshair = w.result.proxy("reconstruction"), _crosshair()
    voxel = (0, 118, 150)
    place = w.place(np.array(voxel), volume)
    expected = [frame[voxel] for frame in w.result.signal("reconstruction")]

    def shown() -> bool:
        crosshair.SetCursorPositionRAS(place)  # again, where a real mouse interferes
        found = w.column("table.cursor.reconstruction", "Value")
        return len(found) == len(expected) and np.allclose(found, expected)

    w.wait(shown, 20, "the curve of the voxel under the mouse")
    w.picture("curves-at-cursor")


def _relaxation(w: Workflow) -> None:
    signal = w.column("table.cursor.reconstruction", "Value")
    _crosshair().SetCursorPositionInvalid()
    box = w.ui("Display").relaxationCheckBox
    w.check(box.enabled, "the echo time is known, so there is a relaxation rate")
    box.checked = True
    change = lambda: w.column("table.cursor.reconstruction", "Value")  # noqa: E731
    w.wait(lambda: change().max() < signal.max() / 2, 20, "the curve as a change of R2*")
    w.picture("curves-relaxation")
    box.checked = False


def _difference(w: Workflow) -> None:
    ui, display = w.ui("Display"), w.result.proxy("difference").GetDisplayNode()
    w.check(display.GetWindowLevelMin() == -display.GetWindowLevelMax(), "the colors are symmetric")
    truth, made, difference = (w.result.signal(role)[5].astype(float) for role in ("truth", "reconstruction", VIEWS[3]))
    w.check(np.abs(made - truth - difference).max() <= 1, "the difference is reconstruction - ground truth")
    signed = display.GetColorNodeID()
    ui.absoluteCheckBox.checked = True
    w.check(display.GetColorNodeID() != signed, "absolute differences have colors of their own")
    w.picture("difference-absolute")
    ui.absoluteCheckBox.checked = False
    ui.differenceLimit.value = 2 * ui.differenceLimit.value
    w.check(abs(display.GetWindowLevelMax() - ui.differenceLimit.value) < 0.01, "the limit is that of the colors")
    ui.differenceAutoButton.click()


def _metrics(w: Workflow) -> None:
    ui = w.ui("Display")
    w.check(ui.metricsTable.mrmlTableNode() is not None, "there is a table of metrics")
    w.choose("Display", "plotSelector", "psnr")
    w.wait(lambda: w.result.node("chart.metrics"), 20, "the metrics over time")
    w.check(w.result.node("chart.metrics").GetNumberOfPlotSeriesNodes() >= 1, "a curve of the metric")
    w.picture("metrics-over-time")


def _segments(w: Workflow) -> None:
    """Draw a region, and plot its mean curve."""
    ui = w.ui("Display")
    inside = np.zeros(w.result.signal("reconstruction")[0].shape, bool)
    inside[:, 118:124, 85:91] = True
    segmentation = w.segment("Regions", {"White matter": inside})
    w.choose("Display", "plotSelector", "segments")
    ui.segmentationSelector.setCurrentNode(segmentation)
    expected = [frame[inside].mean() for frame in w.result.signal("reconstruction")]

    def drawn() -> bool:
        found = w.column("table.segments.reconstruction", "White matter")
        return len(found) == len(expected) and np.allclose(found, expected, rtol=1e-4)

    w.wait(drawn, 30, "the mean curve of the segment")
    w.picture("curves-of-segments")
    w.choose("Display", "plotSelector", "cursor")


def _crosshair() -> slicer.vtkMRMLCrosshairNode:
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
