"""Several results: two side by side, a preview, a queue of series, and all of it in a scene that is opened again."""

import tempfile
from pathlib import Path

import numpy as np
import slicer
from workflow import Workflow

VIEWS = ("truth", "input", "reconstruction", "difference")
FRAMES = 24
"""Of a second, shorter series."""


def run(w: Workflow) -> None:
    """Needs the sample as the input; leaves the scene of several results."""
    w.ui("Task").slicesRange.setValues(2, 3)
    w.settle()
    for model in ("linear", "cubic"):
        _apply(w, model)
    _two(w)
    _preview(w)
    _queue(w)
    _reopen(w)


def _apply(w: Workflow, model: str) -> None:
    w.show("Reconstruct")
    w.choose("Reconstruct", "modelSelector", model)
    w.start()
    w.finish()
    w.filled()
    w.check(w.result is not None and w.result.shortName == model, w.ui("Reconstruct").statusLabel.text)


def _two(w: Workflow) -> None:
    """Two models, and one minus the other, in images and maps."""
    one, other = w.result, w.logic.results()[0]
    w.show("Display")
    selector = w.ui("Display").otherResultSelector
    w.check([selector.itemText(row) for row in range(selector.count)] == ["no other result", "linear"], "the others")
    selector.currentIndex = 1
    selector.activated(1)
    w.wait(lambda: w.result not in (one, other), 60, "the comparison")
    w.filled()
    titles = ("linear", "Input", "cubic", "Difference")
    _check(w, titles, "", ["", "", "", "Difference (a.u.)"])
    mine, others, difference = (result[7].astype(float) for result in map(w.result.signal, VIEWS[2::-2] + VIEWS[3:]))
    w.check(np.abs(mine - others - difference).max() <= 1, "the difference is cubic - linear")
    w.picture("two-results")
    w.ui("Perfusion").relativeCheckBox.checked = False
    w.ui("Perfusion").cbvButton.click()
    w.filled()
    cbv = "CBV (mL/100 g)"
    _check(w, titles, "cbv", [cbv, cbv, cbv, f"Δ {cbv}"])
    w.picture("two-results-cbv")


def _preview(w: Workflow) -> None:
    """The middle slice of the series that is chosen as the input."""
    w.show("Reconstruct")
    w.ui("Reconstruct").previewButton.click()
    w.check(w.logic.running, w.ui("Reconstruct").statusLabel.text)
    w.finish()
    w.filled()
    w.check(len(w.result.signal("reconstruction")[0]) == 1, "one slice")
    w.check("preview of slice 3" in w.result.name, w.result.name)
    w.check("preview" in w.panel.ui.resultNote.text, w.panel.ui.resultNote.text)
    w.picture("preview")


def _queue(w: Workflow) -> None:
    """A series that comes into the scene by other means can be queued at once; one that is too short is noted."""
    source, button = w.parameters.input.sequence, w.ui("Reconstruct").allSeriesButton
    w.check(not button.enabled, "there is one series")
    for name, frames in (("Second series", FRAMES), ("Too short", 2)):
        series = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
        series.SetIndexName("time")
        series.SetIndexUnit("s")
        series.SetAttribute("MultiVolume.DICOM.EchoTime", "36")
        for index in range(frames):
            series.SetDataNodeAtValue(source.GetNthDataNode(index), str(1.45 * index))
    w.settle()
    w.check(button.enabled, button.toolTip)
    before = len(w.logic.results())
    w.show("Reconstruct")
    button.click()
    w.check("Series 1 of 3" in w.ui("Reconstruct").statusLabel.text, w.ui("Reconstruct").statusLabel.text)
    w.picture("queue")
    w.wait(lambda: "of 3 series." in w.ui("Reconstruct").statusLabel.text, 600, "the end of the queue")
    text = w.ui("Reconstruct").statusLabel.text
    w.check(text.startswith("Done: 2 of 3 series.") and "Too short" in text, text)
    w.check(len(w.logic.results()) == before + 2, [one.name for one in w.logic.results()])
    w.filled()
    w.check(w.result.name.startswith("Second series"), w.result.name)
    w.picture("queue-done")
    w.ui("Input").sequenceSelector.setCurrentNode(source)


def _reopen(w: Workflow) -> None:
    """Save with the two results side by side, and open it in an empty scene."""
    compared = next(one for one in w.logic.results() if " - " in one.name)
    w.panel.selectResult(compared)
    w.filled()
    cbv = "CBV (mL/100 g)"
    shown = (("linear", "Input", "cubic", "Difference"), "cbv", [cbv, cbv, cbv, f"Δ {cbv}"])
    _check(w, *shown)
    names = [one.name for one in w.logic.results()]
    with tempfile.TemporaryDirectory() as folder:
        scene = Path(folder) / "results.mrb"
        w.check(slicer.util.saveScene(str(scene)), "the scene is saved")
        slicer.mrmlScene.Clear(0)
        w.settle()
        w.check(not w.logic.results(), "the scene is empty")
        slicer.util.loadScene(str(scene))
    w.settle()
    w.filled()
    w.check([one.name for one in w.logic.results()] == names, f"{[one.name for one in w.logic.results()]} came back")
    w.check(w.result.name == compared.name, f"{w.result.name} is selected")
    _check(w, *shown)
    w.picture("results-reopened")


def _check(w: Workflow, titles: tuple[str, ...], overlay: str, legends: list[str]) -> None:
    """Each view has its title, volume, overlay and legend."""
    for role, title, legend in zip(VIEWS, titles, legends, strict=True):
        found = w.seen(role)
        volume, over = f"{role}.proxy", f"map.{overlay}.{role}" if overlay else None
        if overlay and role == "difference":
            volume, over = over, None
        w.check(found == (title, volume, over, [legend] if legend else []), f"{role} shows {found}")
