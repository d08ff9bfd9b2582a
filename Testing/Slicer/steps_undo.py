"""Undo of Slicer's scene, where a script has turned it on: points go back, and nothing else is harmed."""

import numpy as np
import slicer
from workflow import Workflow


def run(w: Workflow) -> None:
    """Needs a result with maps; undo is off again afterwards."""
    scene = slicer.mrmlScene
    w.panel.selectResult(w.logic.results()[0])
    w.filled()
    scene.SetUndoOn()
    try:
        _points(w)
        _run(w)
    finally:
        scene.ClearUndoStack()
        scene.ClearRedoStack()
        scene.SetUndoOff()


def _points(w: Workflow) -> None:
    """A point of the artery that was moved goes back, and its curve with it."""
    w.show("Perfusion")
    w.ui("Perfusion").aifBox.collapsed = False
    w.choose("Perfusion", "aifSelector", "points")
    w.parameters.perfusion.atOnce = "off"
    w.ui("Perfusion").pickArteryButton.click()
    w.ui("Perfusion").pickArteryButton.click()  # only the node is needed
    points, volume = w.parameters.perfusion.aifPoints, w.result.proxy("truth")
    points.RemoveAllControlPoints()
    middle = np.array(volume.GetImageData().GetDimensions())[::-1] // 2
    before, after = (w.place(middle + np.array(offset), volume) for offset in ((0, -5, 5), (0, 5, -5)))
    points.AddControlPoint(*before)
    w.wait(lambda: _curve(w).size, 30, "the curve of the point")
    curve = _curve(w)
    slicer.mrmlScene.SaveStateForUndo()
    points.SetNthControlPointPosition(0, *after)
    w.wait(lambda: not np.array_equal(_curve(w), curve), 30, "the curve that follows")
    slicer.mrmlScene.Undo()
    w.wait(lambda: np.array_equal(_curve(w), curve), 30, "the curve of the point that went back")
    w.check(np.allclose(points.GetNthControlPointPositionWorld(0), before), "the point went back")
    slicer.mrmlScene.Redo()
    w.wait(lambda: not np.array_equal(_curve(w), curve), 30, "the curve of the point that was moved again")
    w.picture("undone")


def _run(w: Workflow) -> None:
    """Results stay as they are: Slicer keeps no copies of series for undo."""
    scene, names = slicer.mrmlScene, [one.name for one in w.logic.results()]
    scene.SaveStateForUndo()
    w.show("Reconstruct")
    w.choose("Reconstruct", "modelSelector", "linear")
    w.start()
    w.finish()
    w.filled()
    made = w.result
    scene.Undo()
    w.settle(20)
    w.check(w.result == made and made.complete and not made.damaged, "the result of the run is whole")
    scene.SaveStateForUndo()
    w.panel.ui.removeResultButton.click()
    w.settle(20)
    scene.Undo()
    w.settle(20)
    found = [one.name for one in w.logic.results()]
    w.check(found == names, f"{found} are left instead of {names}")
    w.check(w.result is not None and not w.result.damaged, "a whole result is selected")
    w.picture("undo-of-a-removal")


def _curve(w: Workflow) -> np.ndarray:
    return w.column("table.aif.chosen", "ΔR2* (1/s)")
