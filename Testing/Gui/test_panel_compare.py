"""Two results of one series side by side, with their difference."""

import numpy as np
import pytest

pytest.importorskip("slicer")
pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

import slicer

from DSCSuperResLib.Scene.Volumes import frameArray

pytestmark = pytest.mark.usefixtures("slotErrors")


def run(driver, model: str, **chosen) -> object:
    driver.choose("Reconstruct", "modelSelector", model)
    for name, value in chosen.items():
        setattr(driver.parameters.task, name, value)
    driver.start()
    driver.finish()
    return driver.result


def compareWith(driver, other) -> None:
    selector = driver.ui("Display").otherResultSelector
    selector.currentIndex = selector.findData(other.run)
    assert selector.currentIndex > 0
    selector.activated(selector.currentIndex)
    driver.wait(lambda: not driver.logic.comparing, 60, "the comparison")
    driver.settle()


def test_two_models_and_their_difference(driver) -> None:
    driver.load((32, 32, 2), 33)
    selector = driver.ui("Display").otherResultSelector
    assert not selector.enabled
    linear = run(driver, "linear")
    assert "no other result" in selector.toolTip
    cubic = run(driver, "cubic", time=2)
    compareWith(driver, linear)
    both = driver.result
    assert both not in (linear, cubic)
    assert both.task == "compare"
    assert (both.title("reconstruction"), both.title("truth")) == ("cubic", "linear")
    assert both.times("reconstruction").tolist() == cubic.times("reconstruction").tolist()
    for frame in (0, 9, 32):
        expected = cubic.signal("reconstruction")[frame].astype(float) - linear.signal("reconstruction")[frame]
        assert np.array_equal(both.signal("difference")[frame], expected)
    one, other = (frameArray(result.node("map.cbv.reconstruction")) for result in (cubic, linear))
    difference = frameArray(both.node("map.cbv.difference"))
    inside = np.isfinite(difference)
    assert inside.any()
    np.testing.assert_allclose(difference[inside], (one - other)[inside], rtol=1e-5, atol=1e-5)
    driver.show("Display")
    driver.picture("two results")
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    selector.currentIndex = selector.findData(cubic.run)
    selector.activated(selector.currentIndex)
    assert driver.result == cubic
    compareWith(driver, linear)
    assert driver.result == both
    assert slicer.mrmlScene.GetNumberOfNodes() <= nodes + 3  # the same comparison again, no other
    linear.remove()
    assert len(both.signal("truth")) == 33


def test_results_of_other_pixels_say_why_they_are_not_compared(driver) -> None:
    driver.ui("Reconstruct").mapsCheckBox.checked = False
    one = next(result for result in driver.logic.results() if not result.title("truth"))
    driver.panel.selectResult(one)
    other = run(driver, "linear", lastSlice=1)
    driver.panel.selectResult(one)
    compareWith(driver, other)
    assert driver.result == one
    assert "same in-plane factor and slices" in driver.ui("Display").otherResultSelector.toolTip
    driver.ui("Reconstruct").mapsCheckBox.checked = True
    slicer.mrmlScene.Clear(0)
    assert driver.leftovers() == []
