"""The workflow in the panel, by its widgets, with the real background process and the real scene."""

import os
import signal
import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("slicer")
pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

import slicer
from dicom_sample import classic, save
from driver import addSequence
from panel_driver import sceneNodes
from pydicom import dcmread
from safetensors.numpy import save_file
from sample import bolus_series

from dsc_superres.io import write_series

ROLES = ("truth", "input", "reconstruction", "difference")
pytestmark = pytest.mark.usefixtures("slotErrors", "openSections")


@pytest.fixture(scope="module")
def openSections(driver) -> None:
    """The sections of a panel that was just opened, whatever the tests of other files have closed."""
    driver.show("Input", "Task", "Reconstruct")


def test_empty_scene_asks_for_a_series(driver) -> None:
    slicer.mrmlScene.Clear(0)
    driver.picture("empty")
    ui = driver.ui("Reconstruct")
    assert not ui.applyButton.enabled
    assert "Choose a volume sequence" in ui.applyButton.toolTip
    assert "Choose a volume sequence" in driver.ui("Input").inputNote.text
    assert not driver.ui("Input").facts.visible


def test_opened_file_says_what_it_is_and_can_be_corrected(driver, tmp_path, monkeypatch) -> None:
    import qt

    slicer.mrmlScene.Clear(0)
    path, ui = tmp_path / "patient.nii", driver.ui("Input")
    write_series(replace(bolus_series(24, size=(32, 32, 2)), echo_time=None), path)
    monkeypatch.setattr(qt.QFileDialog, "getOpenFileName", lambda *arguments: str(path))
    ui.openFileButton.click()
    assert ui.openingBar.visible
    assert not ui.openFileButton.enabled
    driver.wait(lambda: not driver.logic.opening, 60, "the opening of a file")
    assert ui.sequenceSelector.currentNode().GetName() == "patient"
    assert ui.matrixLabel.text == "32 x 32 x 2 voxels of 3.5 x 3.5 x 5 mm"
    assert ui.framesLabel.text == "24 in 34.5 s"
    assert ui.repetitionTime.value == 1.5
    assert "TE is not known" in ui.inputNote.text
    ui.repetitionTime.value, ui.echoTime.value = 2.0, 30.0
    assert (ui.framesLabel.text, ui.inputNote.visible) == ("24 in 46.0 s", False)
    assert ui.repetitionTimeSource.text == ui.echoTimeSource.text == "given by the user"
    driver.picture("opened")
    ui.repetitionTimeReset.click()
    assert ui.repetitionTime.value == 1.5
    assert not ui.repetitionTimeReset.visible
    driver.wait(lambda: driver.leftovers() == [], 60, "the end of all work, the probe of a new panel included")


def test_what_the_reader_decided_is_said_and_images_are_chosen(driver, tmp_path, monkeypatch) -> None:
    """The panel says what a folder holds, opens what is chosen of it, and numbers frames whose times are impossible."""
    import qt

    slicer.mrmlScene.Clear(0)
    ui, chosen = driver.ui("Input"), driver.parameters.input
    places = [(t, z) for t in range(3) for z in range(4)]
    folder = save(
        tmp_path / "series", [classic(t, z, AcquisitionTime=f"1000{40 - 9 * (t == 2) + t}.5") for t, z in places]
    )
    for k, path in enumerate(sorted(folder.iterdir())):
        echo = dcmread(path)
        echo.EchoTime, echo.SOPInstanceUID = 50, f"1.2.{k}"
        echo.save_as(folder / f"echo{k}")
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *arguments: str(folder))
    ui.openFolderButton.click()
    driver.wait(lambda: not driver.logic.opening, 60, "the refusal of a folder")
    assert "2 echoes: 1 at 30 ms (12 images), 2 at 50 ms (12 images)" in ui.openingLabel.text
    ui.echoChoice.value = 2
    ui.openFolderButton.click()
    driver.wait(lambda: not driver.logic.opening, 60, "the opening of a folder")
    assert (ui.echoTime.value, chosen.echo) == (50.0, 0)
    assert "Of 2 echoes, number 2 is used" in ui.inputNote.text
    assert "differently" in ui.inputNote.text
    assert "TR is needed" in ui.inputNote.text


def test_unreadable_file_says_why(driver, tmp_path, monkeypatch) -> None:
    import qt

    before, path, ui = sceneNodes(), tmp_path / "broken.nii", driver.ui("Input")
    path.write_bytes(b"nothing")
    monkeypatch.setattr(qt.QFileDialog, "getOpenFileName", lambda *arguments: str(path))
    ui.openFileButton.click()
    driver.wait(lambda: not driver.logic.opening, 60, "the opening of a file")
    assert "broken.nii" in ui.openingLabel.text
    assert ui.openingLabel.visible
    assert sceneNodes() == before
    assert driver.leftovers() == []
    driver.load()
    assert not ui.openingLabel.visible


def test_scene_closed_while_a_file_is_opened(driver, tmp_path, monkeypatch) -> None:
    import qt

    path, ui = tmp_path / "patient.nii", driver.ui("Input")
    write_series(bolus_series(24, size=(32, 32, 2)), path)
    monkeypatch.setattr(qt.QFileDialog, "getOpenFileName", lambda *arguments: str(path))
    ui.openFileButton.click()
    slicer.mrmlScene.Clear(0)
    assert not driver.logic.opening
    assert ui.openFileButton.enabled
    assert not ui.openingBar.visible
    assert driver.leftovers() == []


def test_numbered_frames_ask_for_the_repetition_time(driver) -> None:
    slicer.mrmlScene.Clear(0)
    sequence = addSequence(np.full((24, 2, 16, 16), 100, np.int16), np.arange(24), "")
    driver.ui("Input").sequenceSelector.setCurrentNode(sequence)
    assert "TR is needed" in driver.ui("Input").inputNote.text
    assert not driver.ui("Reconstruct").applyButton.enabled
    driver.picture("numbered")
    driver.ui("Input").repetitionTime.value = 1.45
    assert driver.ui("Reconstruct").applyButton.enabled, driver.ui("Reconstruct").applyButton.toolTip


def test_task_shows_what_to_expect(driver) -> None:
    driver.load()
    ui, task = driver.ui("Task"), driver.parameters.task
    assert "16 x 16 x 2 in 6 frames -> 32 x 32 x 2 in 21 frames" in ui.estimateLabel.text
    ui.enhanceRadio.click()
    assert (task.task, ui.operatorSelector.visible, ui.regular.visible) == ("enhance", False, True)
    ui.space.value, ui.regular.checked, ui.interval.value = 1.5, True, 0.5
    assert "-> 48 x 48 x 2 in 70 frames" in ui.estimateLabel.text
    assert not ui.time.enabled
    driver.picture("enhance")
    ui.compareRadio.click()
    assert task.space == 2.0
    ui.framesRange.setValues(4, 20)  # from 0, as in notes; the parameters count from 1
    ui.slicesRange.setValues(2, 2)
    assert (task.firstFrame, task.lastFrame, task.firstSlice, task.lastSlice) == (5, 21, 2, 0)
    assert "-> 32 x 32 x 1 in 17 frames" in ui.estimateLabel.text
    assert ui.windowLabel.text == "6.0 to 30.0 s"
    driver.load()
    assert (ui.framesRange.minimumValue, ui.framesRange.maximumValue) == (0, 23)


def test_cancelled_run_leaves_nothing(driver) -> None:
    driver.load()
    before, ui = sceneNodes(), driver.ui("Reconstruct")
    driver.start()
    assert not ui.applyButton.enabled
    driver.working()
    assert ui.progressBar.visible
    driver.picture("running")
    driver.cancelRun()
    assert ui.applyButton.enabled
    assert sceneNodes() == before
    assert driver.leftovers() == []


@pytest.mark.skipif(os.name != "posix", reason="processes are killed otherwise there")
def test_killed_worker_leaves_a_sentence_and_the_scene_as_it_was(driver) -> None:
    driver.load()
    before, ui = sceneNodes(), driver.ui("Reconstruct")
    driver.logic.log.add("the last words of an earlier run")
    driver.start()
    driver.working()
    for worker in driver.workers():
        os.kill(worker, signal.SIGKILL)
    driver.wait(lambda: not driver.logic.running, 5, "the end of a crashed run")
    assert "crashed" in ui.statusLabel.text
    assert "of an earlier run" not in ui.statusLabel.text
    assert ui.applyButton.enabled
    driver.picture("crashed")
    assert sceneNodes() == before
    assert driver.leftovers() == []


def test_worker_that_fails_says_why(driver, tmp_path) -> None:
    driver.load()
    before, ui = sceneNodes(), driver.ui("Reconstruct")
    driver.parameters.reconstruct.model = "no-such-model"
    assert "no-such-model" in ui.applyButton.toolTip
    assert not ui.applyButton.enabled
    weights = tmp_path / "no-such-model.safetensors"
    save_file({"other": np.zeros(3, np.float32)}, weights, {"network": "ode-liif", "options": "{}"})
    driver.parameters.reconstruct.model = str(weights)
    driver.start()
    driver.finish()
    assert "no-such-model" in ui.statusLabel.text
    assert sceneNodes() == before
    assert driver.leftovers() == []


def test_scene_closed_during_a_run_leaves_nothing(driver) -> None:
    driver.load()
    driver.start()
    driver.working()
    slicer.mrmlScene.Clear(0)
    assert not driver.logic.running
    assert driver.leftovers() == []
    driver.settle()
    assert driver.result is None
    assert driver.logic.results() == []
    assert not driver.ui("Reconstruct").applyButton.enabled


@pytest.mark.skipif(os.name != "posix", reason="an interpreter without packages is made by a shell script")
def test_another_python_says_what_it_lacks_and_installs_nothing_by_itself(driver, tmp_path, monkeypatch) -> None:
    import qt

    driver.load()
    ui, bare = driver.ui("Reconstruct"), tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    bare.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.delenv("DSC_SUPERRES_PYTHON")
        patch.setattr(qt.QFileDialog, "getOpenFileName", lambda *arguments: str(bare))
        driver.panel.sections["Reconstruct"].probe()
        ui.interpreterButton.click()
        driver.wait(lambda: "lacks" in ui.statusLabel.text, 60, "the probe of another Python")
        assert "torch, torchdiffeq, numpy" in ui.statusLabel.text
        assert not ui.applyButton.enabled
        assert ui.installButton.visible
        ui.backgroundButton.collapsed = False
        assert str(bare) in ui.interpreterLabel.text
        driver.picture("bare-python")
        assert driver.leftovers() == []
    ui.ownInterpreterButton.click()
    slicer.mrmlScene.Clear(0)
    driver.load()
    driver.wait(lambda: ui.applyButton.enabled, 60, "the probe of the first Python, also when the scene is closed")
    ui.backgroundButton.collapsed = True
    assert not ui.installButton.visible


def test_self_test_of_the_module_passes(driver) -> None:
    import DSCSuperRes

    DSCSuperRes.DSCSuperResTest().runTest()
    assert driver.leftovers() == []
