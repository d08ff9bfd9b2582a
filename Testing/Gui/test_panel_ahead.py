"""The images of a run are shown while its maps are computed: what can be done then, and what stays if that ends."""

import math
import os
import signal
import subprocess
import sys

import pytest

pytest.importorskip("slicer")
pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

import slicer
from panel_driver import sceneNodes

from dsc_superres.errors import DSCError
from DSCSuperResLib.Scene.Maps.Maps import mapNames

pytestmark = pytest.mark.usefixtures("slotErrors")


@pytest.fixture
def mapping(driver):
    """A run whose images are shown, and whose maps are being computed."""
    driver.load((32, 32, 2), 33)
    driver.show("Reconstruct")
    driver.choose("Reconstruct", "modelSelector", "linear")
    driver.widget.enter()
    driver.wait(lambda: driver.logic.waiting.ready, 300, "a worker that waits")
    driver.start()
    driver.wait(lambda: driver.result is not None, 120, "the images")
    assert driver.logic.running
    driver.settle()
    yield driver
    driver.logic.stopWork()
    driver.widget.exit()
    slicer.mrmlScene.Clear(0)
    assert driver.leftovers() == []


def test_images_are_there_before_the_maps_and_what_needs_these_says_so(mapping, tmp_path) -> None:
    driver, result, perfusion = mapping, mapping.result, mapping.ui("Perfusion")
    assert driver.layout.shown
    assert [len(result.times(role)) for role in ("truth", "input", "reconstruction", "difference")] == [33, 9, 33, 33]
    assert result.record("text.metrics")["images"].keys() == {"linear", "backprojection"}
    assert "still being computed" in driver.panel.ui.resultNote.text
    assert mapNames(result) == []
    driver.parameters.export.folder = str(tmp_path)
    for button in (perfusion.computeButton, driver.panel.ui.removeResultButton, driver.ui("Export").exportButton):
        assert not button.enabled
        assert "maps of this result are being computed" in button.toolTip
    request = driver.logic.mapsRequest(driver.parameters, result)
    with pytest.raises(DSCError, match="being computed"):
        driver.logic.startMaps(result, request, lambda finished: None)
    with pytest.raises(DSCError, match="being computed"):
        driver.logic.exportRequest(driver.parameters, result)
    driver.wait(lambda: "maps" in perfusion.statusLabel.text, 30, "progress of the maps")
    assert driver.panel.ui.resultNote.text.endswith(perfusion.statusLabel.text)
    driver.panel.showNewResult(result, "Images are there.")
    driver.panel.showProgressOfMaps(0.5, "Half of the maps")  # while the sections are still filled
    driver.panel._showing.advance(math.inf)
    assert driver.panel.ui.resultNote.text == "Images are there.\nHalf of the maps"
    assert not driver.panel.ui.reconstructSection.collapsed
    assert driver.ui("Reconstruct").cancelButton.enabled
    assert perfusion.cancelButton.enabled
    browser, images = result.node("browser"), {role: result.sequence(role) for role in ("truth", "reconstruction")}
    browser.SetSelectedItemNumber(7)
    driver.finish()
    assert driver.panel.ui.reconstructSection.collapsed, "what led to the result is out of the way"
    assert set(mapNames(result)) >= {"cbv", "cbf", "mtt", "ttp", "tmax"}
    assert driver.logic.results() == [result]
    assert {role: result.sequence(role) for role in images} == images, "the images were not loaded again"
    assert browser.GetSelectedItemNumber() == 7
    assert perfusion.cbvButton.enabled
    assert perfusion.warningsLabel.text.find("computed") == -1
    for button in (perfusion.computeButton, driver.panel.ui.removeResultButton, driver.ui("Export").exportButton):
        assert button.enabled, button.toolTip
    assert driver.panel.ui.resultNote.text.startswith("Done: series linear.")
    provenance = result.record("text.provenance")
    assert provenance["maps"].keys() == {"truth", "linear"}
    assert "maps_against_truth" in result.record("text.metrics")
    assert result.text("text.report").startswith("<!doctype html>")


def test_canceled_maps_leave_the_images(mapping) -> None:
    driver, result = mapping, mapping.result
    driver.ui("Perfusion").cancelButton.click()
    driver.wait(lambda: not driver.logic.running, 8, "the end of a canceled run")
    assert driver.result == result
    assert result.complete
    assert mapNames(result) == []
    assert driver.panel.ui.resultNote.text.startswith("Canceled. The images of series linear stay, without maps")
    assert driver.ui("Reconstruct").statusLabel.text == driver.panel.ui.resultNote.text
    assert driver.ui("Perfusion").computeButton.enabled


@pytest.mark.skipif(sys.platform != "linux", reason="a worker has a supervisor only there")
def test_a_worker_killed_while_it_computes_maps_leaves_the_images(mapping) -> None:
    driver, result = mapping, mapping.result
    for process in driver.workers():
        listed = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True, check=False)
        for number in (*map(int, listed.stdout.split()), process):
            os.kill(number, signal.SIGKILL)
    driver.wait(lambda: not driver.logic.running, 20, "the end of the run")
    assert driver.result == result
    assert result.complete
    assert driver.panel.ui.resultNote.text.startswith("The images of series linear stay, without maps: ")
    assert driver.ui("Perfusion").computeButton.enabled
    assert driver.ui("Perfusion").warningsLabel.text == "This result has no maps yet: compute them below."


def test_a_result_that_the_user_deletes_meanwhile_gets_no_maps(mapping) -> None:
    driver = mapping
    before = sceneNodes() - {node.GetID() for node in driver.result.nodes()}
    driver.result.remove()
    driver.finish()
    text = driver.ui("Reconstruct").statusLabel.text
    assert text == "The result was removed from the scene while its maps were computed."
    assert driver.logic.results() == []
    assert not [one for one in sceneNodes() - before if "Sequence" in one or "ScalarVolume" in one]


def test_scene_closed_while_maps_are_computed(mapping) -> None:
    slicer.mrmlScene.Clear(0)
    mapping.settle()
    assert not mapping.logic.running
    assert mapping.logic.results() == []
    assert mapping.leftovers() == []
