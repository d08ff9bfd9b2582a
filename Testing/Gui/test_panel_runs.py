"""Runs other than Apply: the preview of one slice, all series of the scene; and what a run teaches the estimate."""

import pytest

pytest.importorskip("slicer")
pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

import slicer
from driver import addSequence
from sample import bolus_series

from DSCSuperResLib.Jobs.RunEstimate import estimateRun, estimateUnmeasured
from DSCSuperResLib.Jobs.RunSpeed import SETTING, rememberRun

pytestmark = pytest.mark.usefixtures("slotErrors")
DEVICE = {"name": "cpu", "gflops": 100.0, "bfloat16_gflops": 150.0, "memory": None, "description": "a processor"}


@pytest.fixture
def quickRuns(driver):
    """The quickest settings, in a scene of its own."""
    driver.load((16, 16, 4), 24)
    driver.choose("Reconstruct", "modelSelector", "linear")
    driver.ui("Reconstruct").mapsCheckBox.checked = False
    yield driver
    driver.ui("Reconstruct").mapsCheckBox.checked = True
    slicer.mrmlScene.Clear(0)


def test_preview_is_a_result_of_the_middle_slice(quickRuns) -> None:
    driver, ui = quickRuns, quickRuns.ui("Reconstruct")
    ui.previewButton.click()
    driver.finish()
    result = driver.result
    assert result.name == "series linear preview of slice 3"
    assert [frame.shape[0] for frame in result.signal("truth")[:1]] == [1]
    assert result.record("text.provenance")["source"]["slices_used"] == [3, 3]
    assert result.sequence("reconstruction").GetName() == "reconstruction linear preview of slice 3"
    driver.ui("Task").slicesRange.setValues(2, 2)
    assert not ui.previewButton.enabled
    assert "only one slice" in ui.previewButton.toolTip


def test_all_series_are_reconstructed_one_after_the_other(quickRuns) -> None:
    driver, ui = quickRuns, quickRuns.ui("Reconstruct")
    assert not ui.allSeriesButton.enabled
    first = driver.parameters.input.sequence
    series = bolus_series(24, size=(16, 16, 2))
    addSequence(series.signal.astype("int16"), series.times, "s").SetName("second")
    addSequence(series.signal.astype("int16"), series.times, "").SetName("numbered")  # nobody knows its times
    driver.panel.parametersChanged()
    ui.allSeriesButton.click()
    driver.wait(lambda: not driver.logic.running, 300, "the end of the queue")
    assert [result.name for result in driver.logic.results()] == ["series linear", "second linear"]
    assert "Done: 2 of 3 series" in ui.statusLabel.text
    assert "numbered: The time between frames is not known" in ui.statusLabel.text
    driver.logic.setInput(first, driver.parameters)
    ui.allSeriesButton.click()
    driver.cancelRun()
    assert len(driver.logic.results()) == 2
    assert driver.leftovers() == []


def test_a_measured_run_corrects_the_estimate_of_the_next(quickRuns) -> None:
    parameters, logic = quickRuns.parameters, quickRuns.logic
    capabilities = {"devices": [DEVICE]}
    slicer.app.settings().remove(SETTING)
    parameters.reconstruct.model = "ode-liif"
    request = logic.request(parameters)
    first = estimateRun(request, capabilities)
    assert " to " in first.text.rpartition("Time:")[2]
    rememberRun(request, DEVICE, estimateUnmeasured(request, capabilities), 40.0, 25.0)
    again = estimateRun(request, capabilities)
    assert again.seconds == pytest.approx(40.0)
    assert "Time: about 40 s." in again.text
    busy = {"devices": [{**DEVICE, "gflops": 20.0, "bfloat16_gflops": 20.0}]}  # the probe found the computer at work
    assert estimateRun(request, busy).seconds == pytest.approx(40.0)
    parameters.task.lastFrame = 13
    smaller = estimateRun(logic.request(parameters), capabilities).seconds
    assert smaller < 40.0
    slicer.app.settings().setValue(SETTING, "damaged")
    assert estimateRun(request, capabilities).seconds == first.seconds
    slicer.app.settings().remove(SETTING)


def test_maps_that_took_long_do_not_make_networks_slow_and_are_known_for_all_models(quickRuns) -> None:
    """A run is long for one of two reasons, which grow differently with its size and with the model."""
    parameters, logic, capabilities = quickRuns.parameters, quickRuns.logic, {"devices": [DEVICE]}
    slicer.app.settings().remove(SETTING)
    parameters.reconstruct.model = "ode-liif"
    request = logic.request(parameters)
    rates = estimateUnmeasured(request, capabilities)
    rest = rates.seconds - rates.reconstruction
    rememberRun(request, DEVICE, rates, rates.reconstruction + 3 * rest, rates.reconstruction)
    for model, text in (("ode-liif-plus", " to "), ("linear", "about")):
        parameters.reconstruct.model = model
        other = logic.request(parameters)
        expected = estimateUnmeasured(other, capabilities)
        scaled = expected.reconstruction + 3 * (expected.seconds - expected.reconstruction)
        assert estimateRun(other, capabilities).seconds == pytest.approx(scaled)
        assert text in estimateRun(other, capabilities).text.rpartition("Time:")[2]
    slicer.app.settings().remove(SETTING)


def test_a_run_is_measured(quickRuns) -> None:
    slicer.app.settings().remove(SETTING)
    quickRuns.start()
    quickRuns.finish()
    assert "rest compare warn" in slicer.util.settingsValue(SETTING, "")
    slicer.app.settings().remove(SETTING)
