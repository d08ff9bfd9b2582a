"""What a network can do beyond reconstructing: tune itself to the scan first, and tell how sure it is."""

import json
import re
import time

import numpy as np
import pytest

pytest.importorskip("slicer")
pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

import slicer
from driver import sceneNodes
from dsc_superres.reconstruction.adaptation import ADAPTING
from vtk.util.numpy_support import vtk_to_numpy

from DSCSuperResLib.Scene.Volumes import frameArray

pytestmark = pytest.mark.usefixtures("slotErrors")


def choose(driver, model: str) -> None:
    selector = driver.ui("Reconstruct").modelSelector
    selector.currentIndex = selector.findData(model)


def test_choices_say_what_they_do_or_why_they_are_not_possible(driver) -> None:
    driver.load()
    ui, task = driver.ui("Reconstruct"), driver.ui("Task")
    for model, tunes, tells in (("pchip", False, False), ("ode-liif", True, False), ("ode-liif-plus", True, True)):
        choose(driver, model)
        assert (ui.adaptCheckBox.enabled, ui.deviationCheckBox.enabled) == (tunes, tells)
        assert ("held out" if tunes else "interpolator") in ui.adaptCheckBox.toolTip
        assert ("ode-liif-plus" in ui.deviationCheckBox.toolTip) != tells
    ui.adaptCheckBox.click()
    assert not ui.applyButton.enabled
    assert "16 x 16 pixels in 6 frames: it needs at least 9 frames" in ui.applyButton.toolTip
    choose(driver, "linear")
    assert ui.applyButton.enabled
    assert not ui.adaptMinutes.enabled
    driver.load((48, 48, 2), 24)
    task.enhanceRadio.click()
    choose(driver, "ode-liif-plus")
    ui.adaptCheckBox.click()
    ui.adaptMinutes.value = 30
    assert 30 <= int(re.search(r"Time: about (\d+) min", task.expectLabel.text)[1]) < 40
    size = task.expectLabel.text
    ui.deviationCheckBox.click()
    assert task.expectLabel.text != size, "the uncertainty takes memory"


def test_cancelled_while_it_adapts(driver) -> None:
    before, ui = sceneNodes(), driver.ui("Reconstruct")
    driver.start()
    driver.wait(lambda: ADAPTING in ui.statusLabel.text and ui.progressBar.value > 60, 60, "adaptation")
    driver.wait(lambda: "left" in ui.statusLabel.text, 60, "the time left")
    driver.show("Task", "Reconstruct")
    ui.advancedButton.collapsed = False
    driver.picture("adapting")
    started = time.monotonic()
    ui.cancelButton.click()
    driver.wait(lambda: not driver.logic.running, 8, "the end of a cancelled run")
    print(f"cancelled after {time.monotonic() - started:.1f} s")
    assert ui.statusLabel.text == "Cancelled. The scene is as it was."
    assert sceneNodes() == before
    assert driver.leftovers() == []


def test_a_run_adapts_tells_what_that_gained_and_loads_how_sure_it_is(driver) -> None:
    ui = driver.ui("Reconstruct")
    ui.adaptMinutes.value = 0.1
    driver.ui("Task").time.value = 2
    stages = []
    driver.start()
    driver.wait(lambda: stages.append(ui.statusLabel.text) or not driver.logic.running, 300, "the end of the run")
    phases = [next(i for i, text in enumerate(stages) if word in text) for word in (ADAPTING, "reconstructing")]
    assert phases == sorted(phases)
    result = driver.result
    told = json.loads(result.node("text.provenance").GetText())
    assert told["settings"]["adapt_minutes"] == 0.1
    assert told["adaptation"]["steps"] >= 1
    assert f"{told['adaptation']['gain_db']:+.2f} dB" in ui.statusLabel.text
    assert "held out" in ui.statusLabel.text
    deviation = np.array(result.signal("deviation"))
    assert deviation.shape == np.array(result.signal("reconstruction")).shape == (47, 2, 96, 96)
    assert deviation.dtype == np.float32
    assert deviation.min() > 0
    assert driver.leftovers() == []
    driver.picture("adapted")


def test_the_uncertainty_goes_with_the_frames_and_with_the_maps_that_take_its_place(driver) -> None:
    look, ui, perfusion = driver.panel.sections["Look"], driver.ui("Look"), driver.ui("Perfusion")
    result = driver.result
    volume = result.proxy("deviation")
    over = lambda: look.layout.compositeNode("reconstruction").GetForegroundVolumeID()  # noqa: E731
    assert not ui.deviationLimit.visible
    ui.deviationCheckBox.click()
    driver.settle()
    assert look.layout.shown
    assert over() == volume.GetID()
    result.node("browser").SetSelectedItemNumber(9)
    driver.settle()
    shown = vtk_to_numpy(volume.GetImageData().GetPointData().GetScalars())
    assert np.array_equal(shown, result.signal("deviation")[9].ravel())
    ui.deviationLimit.value = 12
    assert volume.GetDisplayNode().GetWindowLevelMax() == 12
    ui.deviationUnit.currentIndex = 1
    assert 0 < ui.deviationLimit.value < 12
    ui.deviationOpacity.value = 0.3
    assert look.layout.compositeNode("reconstruction").GetForegroundOpacity() == 0.3
    driver.show("Look")
    driver.picture("uncertainty")
    perfusion.cbvButton.click()
    assert over() == result.node("map.cbv.reconstruction").GetID()
    assert not ui.deviationCheckBox.checked
    ui.deviationCheckBox.click()
    assert over() == volume.GetID()
    assert look.layout.compositeNode("input").GetForegroundVolumeID() is None
    assert perfusion.imageButton.checked
    ui.deviationCheckBox.click()
    assert over() is None
    ui.deviationCheckBox.click()


def test_maps_computed_anew_know_of_the_uncertainty_too(driver) -> None:
    ui, node = driver.ui("Perfusion"), driver.result.node

    def relative() -> float:
        cbv, told = (frameArray(node(f"map.{name}.reconstruction")) for name in ("cbv", "cbv_sd"))
        return float(np.median(told[cbv > 0] / cbv[cbv > 0]))

    before = relative()
    ui.computeButton.click()
    driver.wait(lambda: ui.statusLabel.text == "The maps are up to date.", 120, "the maps")
    assert relative() == pytest.approx(before, rel=0.1)
    driver.show("Perfusion")
    driver.picture("computed anew")


def test_it_comes_back_with_the_scene_and_goes_with_the_result(driver, tmp_path) -> None:
    scene, run = slicer.mrmlScene, driver.result.run
    assert slicer.app.applicationLogic().SaveSceneToSlicerDataBundleDirectory(str(tmp_path), None)
    scene.Clear(0)
    scene.SetURL(str(next(tmp_path.glob("*.mrml"))))
    assert scene.Import()
    driver.settle()
    reconstruct = driver.parameters.reconstruct
    assert (reconstruct.adapt, reconstruct.minutes, reconstruct.deviation) == (True, 0.1, True)
    assert driver.result.run == run
    ui = driver.ui("Look")
    assert ui.deviationCheckBox.checked
    assert ui.deviationOpacity.value == 0.3
    assert driver.result.proxy("deviation").GetDisplayNode().GetWindowLevelMax() == 12
    ids = {node.GetID() for node in (driver.result.proxy("deviation"), driver.result.sequence("deviation"))}
    driver.result.remove()
    assert not ids & sceneNodes()
    scene.Clear(0)
    assert not ui.deviationCheckBox.enabled
    assert "Uncertainty" in ui.deviationCheckBox.toolTip
