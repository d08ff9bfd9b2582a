"""Look, in a real Slicer, on the result that is selected: layout, linking, playback, difference, curves, metrics."""

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

ROLES = {"compare": ("truth", "input", "reconstruction", "difference"), "enhance": ("input", "reconstruction")}


def lookSteps(panel, shot, wait) -> None:
    """Click through the section.

    ``shot(name)`` saves a picture of the window; ``wait(seconds)`` lets the window live.
    """
    look, result = panel.sections["Look"], panel.result
    manager = slicer.app.layoutManager()
    before, red = manager.layout, _redOffset(manager)
    look.ui.compareButton.click()
    wait(0.5)
    roles = ROLES[result.task]
    for role in roles:
        shown = _composite(manager, look, role).GetBackgroundVolumeID()
        assert shown == result.proxy(role).GetID(), f"the view for {role} shows {shown}"
    shot("look-side-by-side")
    _checkLinking(manager, look, roles, wait)
    assert _redOffset(manager) == red, "the user's own view moved along"
    _checkPlayback(look, result, wait, shot)
    _checkCurves(look, result, wait, shot)
    if result.task == "compare":
        _checkDifference(look, result, wait, shot)
        _checkMetrics(look, result, wait, shot)
    _checkSegments(look, result, wait, shot)
    look.ui.compareButton.click()
    wait(0.3)
    assert manager.layout == before, f"layout {manager.layout} came back instead of {before}"
    shot("look-own-layout-back")


def _view(manager, look, role):
    return manager.sliceWidget(look.layout.sliceNode(role).GetLayoutName())


def _composite(manager, look, role):
    return _view(manager, look, role).mrmlSliceCompositeNode()


def _redOffset(manager) -> float:
    return manager.sliceWidget("Red").mrmlSliceNode().GetSliceOffset()


def _checkLinking(manager, look, roles, wait) -> None:
    """Scroll in one view as a user does: the others follow."""
    view = _view(manager, look, roles[0])
    node, logic = view.mrmlSliceNode(), view.sliceLogic()
    logic.StartSliceNodeInteraction(node.SliceToRASFlag | node.XYZOriginFlag)
    node.SetSliceOffset(node.GetSliceOffset() - 5)
    logic.EndSliceNodeInteraction()
    wait(0.2)
    offsets = [look.layout.sliceNode(role).GetSliceOffset() for role in roles]
    assert np.ptp(offsets) < 1e-3, f"linked views stand at {offsets}"


def _checkPlayback(look, result, wait, shot) -> None:
    browser = result.node("browser")
    acquired = result.sequence("input").GetNumberOfDataNodes()
    browser.SetPlaybackActive(True)
    wait(1.5)
    browser.SetPlaybackActive(False)
    assert browser.GetSelectedItemNumber() > 3, "playback stands still"
    browser.SetSelectedItemNumber(1)
    wait(0.2)
    assert "reconstructed" in look.ui.momentLabel.text
    held = vtk_to_numpy(result.proxy("input").GetImageData().GetPointData().GetScalars())
    first = vtk_to_numpy(result.sequence("input").GetNthDataNode(0).GetImageData().GetPointData().GetScalars())
    assert np.array_equal(held, first), "the input does not hold its last acquired frame"
    assert result.sequence("input").GetNumberOfDataNodes() == acquired, "playing wrote frames into the input"
    browser.SetSelectedItemNumber(browser.GetNumberOfItems() // 3)
    shot("look-played")


def _checkCurves(look, result, wait, shot) -> None:
    bounds = [0.0] * 6
    result.proxy("reconstruction").GetRASBounds(bounds)
    middle = [(bounds[axis] + bounds[axis + 1]) / 2 for axis in (0, 2, 4)]
    crosshair = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    crosshair.SetCursorPositionRAS([middle[0] + 25, middle[1], middle[2]])
    wait(0.5)
    values = _column(result, "table.cursor.reconstruction", "Value").copy()
    assert len(values) == result.sequence("reconstruction").GetNumberOfDataNodes()
    assert np.isfinite(values).all()
    shot("look-curves-at-cursor")
    crosshair.SetCursorPositionInvalid()
    if look.ui.relaxationCheckBox.enabled:
        look.ui.relaxationCheckBox.checked = True
        wait(0.3)
        change = _column(result, "table.cursor.reconstruction", "Value")
        assert change.max() < values.max() / 2, "the curve did not become Delta R2* after the mouse had left"
        shot("look-curves-relaxation")
        look.ui.relaxationCheckBox.checked = False


def _checkDifference(look, result, wait, shot) -> None:
    display = result.proxy("difference").GetDisplayNode()
    assert display.GetWindowLevelMin() == -display.GetWindowLevelMax(), "the colours are not symmetric"
    signed = display.GetColorNodeID()
    look.ui.absoluteCheckBox.checked = True
    wait(0.2)
    assert display.GetColorNodeID() != signed
    shot("look-difference-absolute")
    look.ui.absoluteCheckBox.checked = False
    look.ui.differenceLimit.value = 2 * look.ui.differenceLimit.value
    assert abs(display.GetWindowLevelMax() - look.ui.differenceLimit.value) < 0.01


def _checkMetrics(look, result, wait, shot) -> None:
    assert look.ui.metricsTable.mrmlTableNode() is not None
    look.ui.plotSelector.currentIndex = look.ui.plotSelector.findData("psnr")
    wait(0.3)
    assert result.node("chart.metrics").GetNumberOfPlotSeriesNodes() >= 1
    shot("look-metrics-over-time")


def _checkSegments(look, result, wait, shot) -> None:
    """Draw a region, and plot its mean curve."""
    volume = result.sequence("reconstruction").GetNthDataNode(0)
    columns, rows, slices = volume.GetImageData().GetDimensions()
    image, matrix = slicer.vtkOrientedImageData(), vtk.vtkMatrix4x4()
    image.SetDimensions(columns, rows, slices)
    volume.GetIJKToRASMatrix(matrix)
    image.SetImageToWorldMatrix(matrix)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    mask = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(slices, rows, columns)
    mask[:] = 0
    mask[:, rows // 2 : rows // 2 + 6, columns // 3 : columns // 3 + 6] = 1
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Regions")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.AddSegmentFromBinaryLabelmapRepresentation(image, "Region", (0.9, 0.3, 0.2))
    look.ui.plotSelector.currentIndex = look.ui.plotSelector.findData("segments")
    look.ui.segmentationSelector.setCurrentNode(segmentation)
    wait(1.0)
    found = _column(result, "table.segments.reconstruction", "Region")
    expected = [frame[mask > 0].mean() for frame in result.signal("reconstruction")]
    assert np.allclose(found, expected, rtol=1e-4), "the mean over the segment is not that of its voxels"
    shot("look-curves-of-segments")
    look.ui.plotSelector.currentIndex = look.ui.plotSelector.findData("cursor")


def _column(result, role: str, name: str) -> np.ndarray:
    return vtk_to_numpy(result.node(role).GetTable().GetColumnByName(name))
