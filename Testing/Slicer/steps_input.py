"""Input and Task: the sample patient, its facts, corrections, and what a run would take."""

import slicer
from workflow import Workflow


def run(w: Workflow) -> None:
    """From an empty scene to a series that is ready to be reconstructed."""
    w.wait(lambda: w.logic.capabilities, 300, "the probe of the background process")
    w.check(not w.ui("Reconstruct").applyButton.enabled, "Apply must wait for an input")
    w.check("Choose" in w.ui("Reconstruct").applyButton.toolTip, "Apply must say why it is disabled")
    w.picture("empty")
    w.ui("Input").sampleButton.click()
    w.wait(lambda: w.ui("Input").openingBar.visible, 30, "the start of the simulation")
    w.wait(lambda: not w.logic.opening, 600, "the sample patient")
    sequence = w.ui("Input").sequenceSelector.currentNode()
    w.check(sequence is not None, w.ui("Input").openingLabel.text)
    w.check(sequence.GetNumberOfDataNodes() == 60, "the sample has 60 frames")
    w.check("256 x 256 x 4" in w.ui("Input").matrixLabel.text, w.ui("Input").matrixLabel.text)
    w.check(abs(w.ui("Input").echoTime.value - 36.28) < 0.01, "the echo time of the sample")
    w.picture("sample")
    _correct(w)
    _chooseAnother(w, sequence)
    _chooseProxy(w, sequence)
    _task(w)


def _correct(w: Workflow) -> None:
    ui = w.ui("Input")
    ui.repetitionTime.value = 2.0
    w.check(w.panel.parameters.input.repetitionTime == 2.0, "TR is corrected")
    w.check("user" in ui.repetitionTimeSource.text, "the source of TR is the user")
    ui.repetitionTimeReset.click()
    w.check(abs(ui.repetitionTime.value - 1.45) < 1e-3, "TR is what the series says again")


def _chooseAnother(w: Workflow, sequence: slicer.vtkMRMLSequenceNode) -> None:
    """What was corrected in one series does not go on to the next."""
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Another series")
    for index in range(3):
        other.SetDataNodeAtValue(sequence.GetNthDataNode(index), str(index))
    w.ui("Input").repetitionTime.value = 2.0
    for chosen, frames in ((other, "3"), (sequence, "60")):
        w.ui("Input").sequenceSelector.setCurrentNode(chosen)
        w.settle(3)
        w.check(w.panel.parameters.input.sequence is chosen, f"{chosen.GetName()} is the input")
        w.check(w.panel.parameters.input.repetitionTime == 0, "the correction is gone")
        w.check(w.ui("Input").framesLabel.text.startswith(frames), w.ui("Input").framesLabel.text)
    slicer.mrmlScene.RemoveNode(other)


def _chooseProxy(w: Workflow, sequence: slicer.vtkMRMLSequenceNode) -> None:
    """A volume that shows a sequence stands for it."""
    browser = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
    w.panel.parameters.input.sequence = None
    w.settle(2)
    w.logic.setInput(browser.GetProxyNode(sequence), w.panel.parameters)
    w.check(w.ui("Input").sequenceSelector.currentNode() is sequence, "the proxy's sequence is the input")


def _task(w: Workflow) -> None:
    ui = w.ui("Task")
    ui.enhanceRadio.click()
    w.check(w.panel.parameters.task.task == "enhance" and ui.regular.visible, "the task is to enhance")
    ui.regular.checked = True
    w.check("in 172 frames" in ui.estimateLabel.text, ui.estimateLabel.text)
    w.picture("enhance")
    ui.regular.checked = False
    ui.compareRadio.click()
    ui.slicesRange.setValues(2, 3)
    w.settle(2)
    task = w.panel.parameters.task
    w.check((task.firstSlice, task.lastSlice) == (2, 3), f"slices {task.firstSlice} to {task.lastSlice}")
    w.check("256 x 256 x 2 in 57 frames" in ui.estimateLabel.text, ui.estimateLabel.text)
