"""The scene: saved, closed (also during a run) and opened again; a result that is removed."""

import tempfile
from pathlib import Path

import numpy as np
import slicer
from workflow import Workflow


def run(w: Workflow) -> None:
    """Results, parameters and what the views show come back; closing leaves nothing running."""
    w.ui("Perfusion").cbvButton.click()
    w.settle()
    offered = _offered()
    w.check(len(offered) == len(set(offered)) <= 16, f"a selector of volumes offers {offered}")
    before = _state(w)
    with tempfile.TemporaryDirectory() as folder:
        scene = Path(folder) / "scene.mrb"
        w.check(slicer.util.saveScene(str(scene)), "the scene is saved")
        _close(w)
        slicer.util.loadScene(str(scene))
        w.settle()
    w.check(w.result is not None, "the result comes back")
    after = _state(w)
    for name, value in before.items():
        w.check(np.array_equal(after[name], value), f"{name}: {after[name]} came back instead of {value}")
    w.picture("reopened")
    _remove(w)


def _state(w: Workflow) -> dict[str, object]:
    """What must come back."""
    layout = w.layout
    shown = slicer.mrmlScene.GetNodeByID(layout.compositeNode("reconstruction").GetForegroundVolumeID() or "")
    difference = slicer.mrmlScene.GetNodeByID(layout.compositeNode("difference").GetBackgroundVolumeID() or "")
    task, perfusion = w.panel.parameters.task, w.panel.parameters.perfusion
    return {
        "result": (w.result.run, w.result.name, w.result.task),
        "input": w.panel.parameters.input.sequence.GetName(),
        "slices": (task.firstSlice, task.lastSlice),
        "method": (perfusion.method, perfusion.aif),
        "layout": slicer.app.layoutManager().layout,
        "map on the image": shown.GetName(),
        "difference shown": difference.GetName(),
        "opacity": layout.compositeNode("reconstruction").GetForegroundOpacity(),
        "nodes": sum(node.GetSaveWithScene() for node in w.result.nodes()),
        "times": w.result.times("reconstruction"),
        "frame": w.result.signal("reconstruction")[20].copy(),
        "difference": w.result.signal("difference")[20].copy(),
        "CBV": np.nan_to_num(slicer.util.arrayFromVolume(w.result.node("map.cbv.truth"))),
        "provenance": w.result.node("text.provenance").GetText(),
        "rows of regions": w.result.node("table.regions").GetNumberOfRows(),
    }


def _offered() -> list[str]:
    """What a selector of volumes offers, such as those of other modules."""
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.setMRMLScene(slicer.mrmlScene)
    return [selector.nodeFromIndex(index).GetName() for index in range(selector.nodeCount())]


def _close(w: Workflow) -> None:
    """Close the scene while something runs."""
    w.start()
    w.wait(w.workers, 60, "a run to close the scene on")
    slicer.mrmlScene.Clear(0)
    w.settle()
    w.check(not w.logic.running and w.result is None, "closing the scene ends the run")
    w.check(not w.workers(), "closing the scene leaves no process")
    w.check(not w.logic.results(), "a closed scene has no results")
    w.picture("closed")


def _remove(w: Workflow) -> None:
    """Its nodes go, those of the user stay, and so does the layout that they had."""
    run_, ids = w.result.run, {node.GetID() for node in w.result.nodes()}
    w.panel.ui.removeResultButton.click()
    w.settle()
    w.check(w.result is None and not w.logic.results(), f"the result {run_} is removed")
    left = [number for number in ids if slicer.mrmlScene.GetNodeByID(number)]
    w.check(not left, f"of the result there are left: {left}")
    w.check(w.panel.parameters.input.sequence.GetNumberOfDataNodes() == 60, "the input is still there")
    volumes = [node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")]
    w.check(volumes.count(w.panel.parameters.input.sequence.GetName()) == 1, f"one volume shows the input: {volumes}")
    w.check(len(volumes) == 1, f"volumes that are left of a removed result: {volumes}")
    w.check(not w.layout.shown, "the user's layout is back")
    w.picture("result-removed")
