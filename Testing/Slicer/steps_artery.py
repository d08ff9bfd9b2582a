"""The artery in one click, frames from the views, and the Segment Editor: with the mouse in real views."""

import json
import time

import numpy as np
import slicer
import vtk
from workflow import Workflow

ROLES = ("truth", "input", "reconstruction", "difference")


def run(w: Workflow) -> None:
    """Pick an artery with the mouse, drag it, step through frames, leave one out, and draw a segment."""
    w.show("Perfusion")
    if not w.layout.shown:
        w.ui("Display").compareButton.click()
    w.settle(50)
    w.ui("Perfusion").aifBox.collapsed = False
    w.choose("Perfusion", "methodSelector", "csvd")
    _pick(w)
    _drag(w)
    _wheel(w)
    _menu(w)
    _segmentEditor(w)
    w.choose("Perfusion", "aifSelector", "automatic")


def _pick(w: Workflow) -> None:
    """Hover, look at the curve, click: the maps follow by themselves."""
    ui, voxels = w.ui("Perfusion"), np.array(_artery(w)["voxels_zyx"])
    w.parameters.perfusion.atOnce = "on"  # also where a busy machine takes long
    ui.pickArteryButton.click()
    points = w.parameters.perfusion.aifPoints
    target = voxels[0] + np.array([0, 3, 0])
    _showSlice(w, target)
    x, y = _pixel(w, target + np.array([0, 4, 0]))
    _mouse(w, "MouseMoveEvent", x, y)
    w.wait(lambda: _chosen(w).size, 30, "the curve under the mouse")
    under = _chosen(w).copy()
    w.check(points.GetNumberOfDefinedControlPoints() == 0, "nothing is placed before the click")
    w.scroll(ui.pickArteryButton)
    w.picture("artery-under-the-mouse")
    x, y = _pixel(w, target)
    _mouse(w, "MouseMoveEvent", x, y)
    w.wait(lambda: not np.array_equal(_chosen(w), under), 30, "the curve that follows the mouse")
    started = time.monotonic()
    _mouse(w, "LeftButtonPressEvent", x, y)
    _mouse(w, "LeftButtonReleaseEvent", x, y)
    w.wait(lambda: w.logic.computingMaps, 30, "maps that start by themselves")
    w.check(not ui.pickArteryButton.checked, "one click ends the mode")
    _finish(w, target)
    print(f"maps of a picked artery after {time.monotonic() - started:.1f} s", flush=True)
    w.picture("artery-picked")


def _drag(w: Workflow) -> None:
    points, voxel = w.parameters.perfusion.aifPoints, np.array(_artery(w)["voxels_zyx"][0])
    before, target = _chosen(w).copy(), voxel + np.array([0, 2, 3])
    x, y = _pixel(w, voxel)
    for event in ("MouseMoveEvent", "LeftButtonPressEvent"):
        _mouse(w, event, x, y)
    goal = _pixel(w, target)
    for share in np.linspace(0.2, 1, 5):
        _mouse(w, "MouseMoveEvent", *(round(a + share * (b - a)) for a, b in zip((x, y), goal, strict=True)))
        w.settle(3)
    w.wait(lambda: not np.array_equal(_chosen(w), before), 30, "the curve that follows the point")
    w.check(not w.logic.computingMaps, "maps wait for the point to be let go")
    _mouse(w, "LeftButtonReleaseEvent", *goal)
    w.wait(lambda: w.logic.computingMaps, 30, "maps of the dragged artery")
    _finish(w, target)
    w.check(points.GetNumberOfControlPoints() == 1, "the point was moved, none was added")
    w.picture("artery-dragged")


def _wheel(w: Workflow) -> None:
    browser, view = w.result.node("browser"), _widget(w)
    browser.SetSelectedItemNumber(5)
    offset = view.mrmlSliceNode().GetSliceOffset()
    interactor = view.sliceView().interactor()
    for shift, expected in ((1, 6), (1, 7)):
        interactor.SetEventInformation(50, 50, 0, shift)
        interactor.InvokeEvent("MouseWheelForwardEvent")
        w.check(browser.GetSelectedItemNumber() == expected, f"frame {browser.GetSelectedItemNumber()}")
    w.check(view.mrmlSliceNode().GetSliceOffset() == offset, "Shift + wheel leaves the slice")
    earlier, _later = w.panel.sections["Display"]._keys._shortcuts
    earlier.activated()
    w.check(browser.GetSelectedItemNumber() == 6, "the comma goes back")


def _menu(w: Workflow) -> None:
    """A right click in the plot."""
    menu, plot = w.panel.sections["Display"]._menu, w.layout.plotView(slicer.app.layoutManager())
    axis = plot.chart().GetAxis(1)
    x = round((axis.GetPoint1()[0] + axis.GetPoint2()[0]) / 2)
    y = round(axis.GetPoint1()[1] + 40)
    interactor = plot.chart().GetScene().GetRenderer().GetRenderWindow().GetInteractor()
    for event in ("RightButtonPressEvent", "RightButtonReleaseEvent"):
        interactor.SetEventInformation(x, y)
        interactor.InvokeEvent(event)
    w.check(menu._menu is not None, "the menu of the plot opens")
    w.settle()
    w.picture("menu-of-the-plot")
    action = menu._menu.actions()[1]
    w.check(action.text.startswith("Leave out frame"), action.text)
    action.trigger()
    menu._menu.hide()
    w.check(w.parameters.input.exclude != "", "the frame is left out of the next run")
    w.parameters.input.exclude = ""


def _segmentEditor(w: Workflow) -> None:
    """To the Segment Editor and back: the views keep their volumes."""
    ui = w.ui("Perfusion")
    before = [w.layout.compositeNode(role).GetBackgroundVolumeID() for role in ROLES]
    w.choose("Perfusion", "aifSelector", "segment")
    ui.aifSegmentation.setCurrentNode(None)
    ui.aifSegmentEditorButton.click()
    w.settle(30)
    w.check(slicer.util.selectedModule() == "SegmentEditor", slicer.util.selectedModule())
    editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
    w.check(editor.segmentationNode() is ui.aifSegmentation.currentNode(), "the segmentation of the selector")
    w.check(editor.sourceVolumeNode() is w.result.proxy("truth"), "the source volume")
    w.picture("segment-editor")
    after = [w.layout.compositeNode(role).GetBackgroundVolumeID() for role in ROLES]
    w.check(after == before, f"the views show {after} instead of {before}")
    slicer.util.selectModule("DSCSuperRes")
    w.settle(30)
    after = [w.layout.compositeNode(role).GetBackgroundVolumeID() for role in ROLES]
    w.check(after == before, f"back in the module, the views show {after} instead of {before}")
    w.check(ui.segmentSelector.count == 1, "the new segment is in the list")


def _artery(w: Workflow) -> dict:
    return json.loads(w.result.node("text.maps.truth").GetText())["aif"]


def _chosen(w: Workflow) -> np.ndarray:
    return w.column("table.aif.chosen", "ΔR2* (1/s)")


def _finish(w: Workflow, voxel: np.ndarray) -> None:
    w.wait(lambda: _artery(w)["voxels_zyx"] == [voxel.tolist()], 300, f"maps with the artery {voxel}")
    w.wait(lambda: not w.logic.computingMaps, 60, "the end of the maps")
    w.settle()


def _widget(w: Workflow):
    return slicer.app.layoutManager().sliceWidget(w.layout.sliceNode("truth").GetLayoutName())


def _showSlice(w: Workflow, voxel: np.ndarray) -> None:
    place = w.place(voxel, w.result.proxy("truth"))
    for role in ROLES:
        w.layout.sliceNode(role).JumpSliceByOffsetting(*place)
    w.settle(20)


def _pixel(w: Workflow, voxel: np.ndarray) -> tuple[int, int]:
    """Where a voxel is in the view for the ground truth."""
    inverse, node = vtk.vtkMatrix4x4(), w.layout.sliceNode("truth")
    vtk.vtkMatrix4x4.Invert(node.GetXYToRAS(), inverse)
    x, y, *_rest = inverse.MultiplyPoint([*w.place(voxel, w.result.proxy("truth")), 1.0])
    return round(x), round(y)


def _mouse(w: Workflow, event: str, x: int, y: int) -> None:
    interactor = _widget(w).sliceView().interactor()
    interactor.SetEventInformation(x, y)
    interactor.InvokeEvent(event)
    w.settle(3)
