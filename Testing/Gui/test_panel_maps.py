"""The section Perfusion on a result: maps in the views, their windows and outlines, maps computed anew, regions."""

import json

import numpy as np
import pytest

pytest.importorskip("slicer")
pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

import slicer
from panel_driver import addSegmentation, sceneNodes
from vtk.util.numpy_support import vtk_to_numpy

from dsc_superres.errors import DSCError
from DSCSuperResLib.Scene.Export.ExportFiles import reportIsOlder

pytestmark = pytest.mark.usefixtures("slotErrors", "finishedRun")
ROLES = ("truth", "input", "reconstruction", "difference")


def test_maps_lie_over_the_images(driver) -> None:
    result, ui = driver.result, driver.ui("Perfusion")
    driver.show("Perfusion")
    ui.relativeCheckBox.checked = False
    ui.cbvButton.click()
    driver.settle()
    shown = [driver.layout.compositeNode(role).GetForegroundVolumeID() for role in ROLES[:3]]
    assert shown == [result.node(f"map.cbv.{role}").GetID() for role in ROLES[:3]]
    ui.opacitySlider.value = 0.4
    driver.settle()
    assert driver.layout.compositeNode("truth").GetForegroundOpacity() == pytest.approx(0.4)
    ui.scaleRange.setValues(0, ui.scaleRange.maximum / 3)
    display = result.node("map.cbv.truth").GetDisplayNode()
    assert display.GetWindowLevelMax() == pytest.approx(ui.scaleRange.maximumValue)
    ui.threshold.value = 0.5
    assert display.GetLowerThreshold() == 0.5
    driver.picture("cbv")
    driver.panel.selectResult(result)  # as when a scene was opened
    driver.settle()
    difference = driver.layout.compositeNode("difference").GetBackgroundVolumeID()
    assert difference == result.node("map.cbv.difference").GetID()
    ui.imageButton.click()
    driver.settle()
    assert driver.layout.compositeNode("truth").GetForegroundVolumeID() is None


def test_a_window_set_in_one_view_is_that_of_all_and_stays_with_its_map(driver) -> None:
    """As when the user drags the mouse in a view: the others, the panel and the legends follow."""
    result, ui = driver.result, driver.ui("Perfusion")
    displays = [result.node(f"map.tmax.{role}").GetDisplayNode() for role in ROLES[:3]]
    ui.tmaxButton.click()
    driver.settle()
    assert displays[0].GetWindowLevelMax() == 10.0
    displays[1].SetWindowLevelMinMax(0.0, 6.5)
    assert [one.GetWindowLevelMax() for one in displays] == [6.5] * 3
    assert ui.scaleRange.maximumValue == pytest.approx(6.5)
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(displays[2])
    assert legend.GetLabelFormat() == "%5.2f"
    ui.mttButton.click()
    assert "tmax" in driver.parameters.perfusion.scales
    assert ui.scaleRange.maximumValue == 20.0
    ui.tmaxButton.click()
    assert ui.scaleRange.maximumValue == pytest.approx(6.5)
    ui.scaleAutoButton.click()
    assert [one.GetWindowLevelMax() for one in displays] == [10.0] * 3
    ui.imageButton.click()
    assert "tmax" not in driver.parameters.perfusion.scales


def test_maps_are_read_with_outlines_and_without_vessels(driver) -> None:
    result, ui = driver.result, driver.ui("Perfusion")
    driver.show("Perfusion")
    ui.readingBox.collapsed = False
    assert ui.volumesLabel.text.startswith("Ground truth: Tmax > 6 s ")
    assert ui.volumesLabel.text.endswith("For research only: not for decisions on treatment.")
    ui.outlinesCheckBox.click()
    display = result.node("segments.regions.truth").GetDisplayNode()
    assert not display.GetSegmentVisibility("tmax_above_6s")
    ui.outlinesCheckBox.click()
    assert display.GetSegmentVisibility("tmax_above_6s")
    ui.cbfButton.click()

    def shown() -> int:
        voxels = vtk_to_numpy(result.node("map.cbf.truth").GetImageData().GetPointData().GetScalars())
        return np.count_nonzero(np.isfinite(voxels))

    before = shown()
    ui.vesselsCheckBox.click()
    ui.fluidCheckBox.click()
    assert 0 < shown() < before
    driver.picture("reading aids")
    ui.vesselsCheckBox.click()
    ui.fluidCheckBox.click()
    assert shown() == before
    ui.brainCheckBox.click()
    assert result.node("segments.brain").GetDisplayVisibility()
    ui.brainCheckBox.click()
    ui.imageButton.click()
    ui.readingBox.collapsed = True


def test_maps_computed_anew_with_another_method(driver) -> None:
    result, ui = driver.result, driver.ui("Perfusion")
    assert ui.aifFacts.text.startswith("Arterial input:")
    before = vtk_to_numpy(result.node("map.cbf.truth").GetImageData().GetPointData().GetScalars()).copy()
    ui.methodSelector.currentIndex = ui.methodSelector.findData("ssvd")
    driver.startMaps()
    driver.finishMaps()
    after = vtk_to_numpy(result.node("map.cbf.truth").GetImageData().GetPointData().GetScalars())
    assert not np.array_equal(before, after)
    assert "standard" in json.loads(result.node("text.maps.truth").GetText())["method"]
    assert not reportIsOlder(result), "an exported report shows the current maps"
    assert driver.leftovers() == []


def test_cancelled_maps_stay_as_they_were(driver) -> None:
    ui, before = driver.ui("Perfusion"), sceneNodes()
    driver.startMaps()
    driver.settle()
    ui.cancelButton.click()
    driver.wait(lambda: ui.computeButton.enabled, 5, "the end of canceled maps")
    assert ui.statusLabel.text == "Canceled."
    assert sceneNodes() == before
    assert driver.leftovers() == []


def _noStatistics(result, regions):
    raise DSCError("There are no maps.")
    yield


def test_statistics_of_regions(driver, monkeypatch) -> None:
    ui = driver.ui("Perfusion")
    inside = np.zeros((4, 64, 64), bool)
    inside[1:3, 20:30, 20:30] = True
    ui.regionsSelector.setCurrentNode(addSegmentation("regions", {"region": inside}, driver.result.proxy("truth")))
    ui.regionsBox.collapsed = False
    with monkeypatch.context() as patch:
        patch.setattr("DSCSuperResLib.Sections.RegionControls.regionStatistics", _noStatistics)
        ui.measureButton.click()
        driver.wait(lambda: ui.measureButton.enabled, 5, "the button after statistics that failed")
    ui.measureButton.click()
    driver.wait(lambda: ui.regionsTable.visible, 20, "the statistics")
    table = ui.regionsTable.mrmlTableNode()
    rows = [[table.GetCellText(row, cell) for cell in range(3)] for row in range(table.GetNumberOfRows())]
    assert [row[1] for row in rows[:3]] == ["ground truth", "input", "reconstruction"]
    assert {tuple(row[::2]) for row in rows} == {("region", "4.00")}
    driver.picture("statistics")
