"""The scene: saved, closed (also during a run) and opened again."""

import tempfile
from pathlib import Path

import slicer
from workflow import Workflow


def run(w: Workflow) -> None:
    """Results and parameters come back; closing leaves nothing running."""
    name, run_ = w.result.name, w.result.run
    with tempfile.TemporaryDirectory() as folder:
        scene = Path(folder) / "scene.mrb"
        w.check(slicer.util.saveScene(str(scene)), "the scene is saved")
        w.ui("Reconstruct").applyButton.click()
        w.wait(lambda: w.ui("Reconstruct").progressBar.value > 100, 60, "a run to close the scene on")
        slicer.mrmlScene.Clear(0)
        w.settle()
        w.check(not w.logic.running and w.result is None, "closing the scene ends the run")
        w.check(not w.logic.results(), "a closed scene has no results")
        w.picture("closed")
        slicer.util.loadScene(str(scene))
        w.settle()
    w.check(w.result is not None and (w.result.run, w.result.name) == (run_, name), "the result comes back")
    w.check(w.panel.parameters.task.lastSlice == 3, "the parameters come back")
    w.check(len(w.result.times("reconstruction")) == 57, "the frames come back")
    w.picture("reopened")
