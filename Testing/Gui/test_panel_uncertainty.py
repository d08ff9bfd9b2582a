"""The uncertainty of a reconstruction: computed, loaded, shown over the images, saved with the scene."""

import numpy as np
import pytest

pytest.importorskip("slicer")
pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

import slicer
from panel_driver import sceneNodes
from vtk.util.numpy_support import vtk_to_numpy

from DSCSuperResLib.Scene.Volumes import frameArray

pytestmark = pytest.mark.usefixtures("slotErrors")


def test_choices_say_what_they_do_or_why_they_are_not_possible(driver) -> None:
    driver.load()
    ui, task = driver.ui("Reconstruct"), driver.ui("Task")
    for model, network, uncertain in (
        ("pchip", False, False),
        ("ode-liif", True, False),
        ("ode-liif-plus", True, True),
    ):
        driver.choose("Reconstruct", "modelSelector", model)
        assert (ui.fastCheckBox.enabled, ui.uncertaintyCheckBox.enabled) == (network, uncertain)
        assert ("bfloat16" if network else "interpolator") in ui.fastCheckBox.toolTip
        assert ("ode-liif-plus" in ui.uncertaintyCheckBox.toolTip) != uncertain
    driver.load((48, 48, 2), 24)
    task.enhanceRadio.click()
    driver.choose("Reconstruct", "modelSelector", "ode-liif-plus")
    before = task.estimateLabel.text
    ui.uncertaintyCheckBox.click()
    assert task.estimateLabel.text != before, "the uncertainty takes memory"


def test_a_run_in_half_precision_loads_its_uncertainty(driver) -> None:
    ui = driver.ui("Reconstruct")
    ui.advancedButton.collapsed = False
    assert ui.fastCheckBox.checked
    driver.ui("Task").time.value = 2
    driver.start()
    driver.finish()
    result = driver.result
    uncertainty = np.array(result.signal("uncertainty"))
    assert uncertainty.shape == np.array(result.signal("reconstruction")).shape == (47, 2, 96, 96)
    assert uncertainty.dtype == np.float32
    assert uncertainty.min() > 0
    assert driver.leftovers() == []
    driver.show("Task", "Reconstruct")
    driver.picture("half precision")


def test_the_uncertainty_goes_with_the_frames_and_with_the_maps_that_take_its_place(driver) -> None:
    ui, perfusion = driver.ui("Display"), driver.ui("Perfusion")
    result = driver.result
    volume = result.proxy("uncertainty")
    assert not ui.uncertaintyLimit.visible
    ui.uncertaintyCheckBox.click()
    driver.settle()
    assert driver.layout.shown
    assert driver.shownOver("reconstruction") == volume.GetID()
    result.node("browser").SetSelectedItemNumber(9)
    driver.settle()
    shown = vtk_to_numpy(volume.GetImageData().GetPointData().GetScalars())
    assert np.array_equal(shown, result.signal("uncertainty")[9].ravel())
    ui.uncertaintyLimit.value = 12
    assert volume.GetDisplayNode().GetWindowLevelMax() == 12
    ui.uncertaintyUnit.currentIndex = 1
    assert 0 < ui.uncertaintyLimit.value < 12
    ui.uncertaintyOpacity.value = 0.3
    driver.settle()
    assert driver.layout.compositeNode("reconstruction").GetForegroundOpacity() == 0.3
    driver.show("Display")
    driver.picture("uncertainty")
    perfusion.relativeCheckBox.checked = False
    perfusion.cbvButton.click()
    assert driver.shownOver("reconstruction") == result.node("map.cbv.reconstruction").GetID()
    assert not ui.uncertaintyCheckBox.checked
    ui.uncertaintyCheckBox.click()
    assert driver.shownOver("reconstruction") == volume.GetID()
    assert driver.shownOver("input") is None
    assert perfusion.imageButton.checked
    ui.uncertaintyCheckBox.click()
    assert driver.shownOver("reconstruction") is None
    ui.uncertaintyCheckBox.click()


def test_maps_computed_anew_know_of_the_uncertainty_too(driver) -> None:
    node = driver.result.node

    def relative() -> float:
        cbv, deviation = (frameArray(node(f"map.{name}.reconstruction")) for name in ("cbv", "cbv_sd"))
        return float(np.median(deviation[cbv > 0] / cbv[cbv > 0]))

    before = relative()
    driver.startMaps()
    driver.finishMaps()
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
    assert (driver.parameters.reconstruct.fast, driver.parameters.reconstruct.uncertainty) == (True, True)
    assert driver.result.run == run
    ui = driver.ui("Display")
    assert ui.uncertaintyCheckBox.checked
    assert ui.uncertaintyOpacity.value == 0.3
    assert driver.result.proxy("uncertainty").GetDisplayNode().GetWindowLevelMax() == 12
    ids = {node.GetID() for node in (driver.result.proxy("uncertainty"), driver.result.sequence("uncertainty"))}
    driver.result.remove()
    assert not ids & sceneNodes()
    scene.Clear(0)
    assert not ui.uncertaintyCheckBox.enabled
    assert "Compute uncertainty" in ui.uncertaintyCheckBox.toolTip
