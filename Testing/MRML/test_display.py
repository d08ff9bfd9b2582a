"""Display, as far as it is MRML: the layout, playback, differences, metrics and curves."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest

if find_spec("slicer") is None and sys.version_info >= (3, 14):
    pytest.skip("slicer-core has no wheel for this Python", allow_module_level=True)

import slicer
import vtk
from result_sample import (
    ECHO_TIME,
    STEP,
    TIMES,
    addResult,
    inputSignal,
    obliqueIjkToRas,
    reconstructionSignal,
    truthSignal,
    uncertaintySignal,
)
from vtk.util.numpy_support import vtk_to_numpy
from window_sample import USERS_LAYOUT, reopen

from DSCSuperResLib.Scene.Curves.CurveCharts import CurveCharts
from DSCSuperResLib.Scene.Curves.Curves import Relaxation, findBaseline
from DSCSuperResLib.Scene.Curves.MetricsTables import frameMetrics, metricsChart, metricsTable, readMetrics
from DSCSuperResLib.Scene.Display.Appearance import prepareDisplay
from DSCSuperResLib.Scene.Display.CompareLayout import CompareLayout
from DSCSuperResLib.Scene.Display.Difference import colorDifference, shownDifference, typicalLimit
from DSCSuperResLib.Scene.Display.Playback import shownMoment
from DSCSuperResLib.Scene.Display.SharedWindow import SharedWindow
from DSCSuperResLib.Scene.Display.SliceViews import VIEWS
from DSCSuperResLib.Scene.Display.Uncertainty import UncertaintyOverlay, colorUncertainty, shownLimit
from DSCSuperResLib.Scene.Result import Result
from DSCSuperResLib.Scene.Steps import finish


@pytest.fixture
def result(window) -> Result:
    return addResult(window.scene)


@pytest.fixture
def shown(window, result) -> CompareLayout:
    layout = CompareLayout(window.scene, window.application)
    layout.show(result)
    window.makeSliceViews()
    layout.assign(result)
    return layout


def column(table, name: str) -> np.ndarray:
    return vtk_to_numpy(table.GetTable().GetColumnByName(name))


def rasOf(i: int, j: int, k: int) -> np.ndarray:
    return (obliqueIjkToRas(1) @ (i, j, k, 1))[:3]


def test_compare_views_are_linked_with_each_other_only(window, result, shown):
    for role in ("truth", "input", "reconstruction", "difference"):
        composite = shown.compositeNode(role)
        assert composite.GetBackgroundVolumeID() == result.proxy(role).GetID()
        assert composite.GetLinkedControl()
        assert composite.GetHotLinkedControl()
        assert not composite.GetDoPropagateVolumeSelection()
    ours = {shown.sliceNode(role).GetViewGroup() for role in VIEWS}
    red = window.scene.GetSingletonNode("Red", "vtkMRMLSliceNode")
    assert len(ours) == 1
    assert red.GetViewGroup() not in ours
    assert slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(red).GetBackgroundVolumeID() is None


def test_the_users_layout_comes_back_even_when_the_scene_was_closed(window, shown):
    shown.hide()
    assert window.layoutNode.GetViewArrangement() == USERS_LAYOUT
    shown.show(addResult(window.scene))
    window.scene.Clear(0)
    assert shown.shown
    shown.hide()
    assert window.layoutNode.GetViewArrangement() == USERS_LAYOUT


def test_the_users_layout_comes_back_from_a_saved_scene(windows, window, shown, tmp_path):
    other = reopen(window, windows(), tmp_path / "scene")
    layout = CompareLayout(other.scene, other.application)
    assert layout.shown
    layout.hide()
    assert other.layoutNode.GetViewArrangement() == USERS_LAYOUT


def test_enhance_shows_no_truth(window):
    layout = CompareLayout(window.scene, window.application)
    layout.show(addResult(window.scene, "reconstruct"))
    assert layout.sliceNode("truth") is None
    assert layout.sliceNode("difference") is None
    assert layout.sliceNode("input") is not None


def test_views_show_whole_oblique_slices(shown, result):
    shown.fit(result)
    normal = obliqueIjkToRas(1)[:3, 2] / 5
    for role in VIEWS:
        view = shown.sliceNode(role)
        slice_ = view.GetSliceToRAS()
        assert abs(sum(slice_.GetElement(row, 2) * normal[row] for row in range(3))) == pytest.approx(1)
        assert view.GetFieldOfView()[0] >= 32 - 1e-6
        assert view.GetFieldOfView()[1] >= 24 - 1e-6
    offsets = [shown.sliceNode(role).GetSliceOffset() for role in VIEWS]
    assert np.ptp(offsets) < 1e-3


def test_the_input_holds_its_last_acquired_frame(result):
    prepareDisplay(result)
    browser = result.node("browser")
    for frame in range(len(TIMES)):
        browser.SetSelectedItemNumber(frame)
        shown = vtk_to_numpy(result.proxy("input").GetImageData().GetPointData().GetScalars())
        np.testing.assert_allclose(shown, inputSignal()[frame // STEP].ravel(), rtol=1e-6)
        moment = shownMoment(result)
        assert moment.acquired == (frame % STEP == 0)
        assert moment.shownFrameTime == TIMES[frame - frame % STEP]
    assert result.sequence("input").GetNumberOfDataNodes() == len(TIMES) // STEP


def test_one_brightness_for_all(result):
    prepareDisplay(result)
    received = []
    window = SharedWindow([result.proxy(role) for role in ("truth", "input")], lambda *levels: received.append(levels))
    result.proxy("input").GetDisplayNode().SetWindowLevelMinMax(10, 90)
    assert result.proxy("truth").GetDisplayNode().GetWindowLevelMax() == 90
    assert received[-1] == (10, 90)
    window.close()
    result.proxy("input").GetDisplayNode().SetWindowLevelMinMax(20, 80)
    assert result.proxy("truth").GetDisplayNode().GetWindowLevelMax() == 90


def test_difference_colors_tell_signs_apart_or_not(result):
    volume = result.proxy("difference")
    limit = typicalLimit(result.sequence("difference"))
    assert limit == 5

    def color(value: float) -> np.ndarray:
        table, rgba = volume.GetDisplayNode().GetColorNode(), [0.0] * 4
        table.GetColor(round((value + limit) / (2 * limit) * (table.GetNumberOfColors() - 1)), rgba)
        return np.array(rgba[:3])

    colorDifference(volume, limit, absolute=False)
    assert color(4)[0] > color(4)[2]
    assert color(-4)[2] > color(-4)[0]
    assert color(0).max() < 0.1
    colorDifference(volume, limit, absolute=True)
    np.testing.assert_allclose(color(4), color(-4), atol=1e-6)
    assert shownDifference(volume) == (limit, True)


def test_the_uncertainty_lies_over_the_reconstruction_alone_and_in_step_with_it(result, shown):
    prepareDisplay(result)
    overlay, browser = UncertaintyOverlay(shown), result.node("browser")
    overlay.show(result, 0.4)
    over = {role: shown.compositeNode(role).GetForegroundVolumeID() for role in VIEWS}
    volume = result.proxy("uncertainty")
    assert over == {"truth": None, "input": None, "reconstruction": volume.GetID(), "difference": None}
    assert shown.compositeNode("reconstruction").GetBackgroundVolumeID() == result.proxy("reconstruction").GetID()
    assert (overlay.shown(result), overlay.opacity(result)) == (True, 0.4)
    for frame in (11, 12):
        browser.SetSelectedItemNumber(frame)
        values = vtk_to_numpy(volume.GetImageData().GetPointData().GetScalars())
        np.testing.assert_allclose(values, uncertaintySignal()[frame].ravel(), rtol=1e-6)
    assert 0.97 * uncertaintySignal().max() < shownLimit(volume) <= 10
    assert volume.GetDisplayNode().GetWindowLevelMin() == 0
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(volume.GetDisplayNode())
    assert legend.GetTitleText() == "Uncertainty, 1 sd (a.u.)"
    overlay.chooseNone(result)
    shown.assign(result)
    assert not overlay.shown(result)
    assert shown.compositeNode("reconstruction").GetForegroundVolumeID() is None


def test_what_lies_over_the_images_goes_when_another_result_is_shown(window, result, shown):
    UncertaintyOverlay(shown).show(result, 0.4)
    shown.assign(result)
    assert UncertaintyOverlay(shown).shown(result)
    shown.assign(addResult(window.scene))
    assert shown.compositeNode("reconstruction").GetForegroundVolumeID() is None


def test_a_reopened_scene_keeps_the_uncertainty(windows, window, result, shown, tmp_path):
    prepareDisplay(result)
    UncertaintyOverlay(shown).show(result, 0.4)
    colorUncertainty(result.proxy("uncertainty"), 3.0)
    other = reopen(window, windows(), tmp_path / "scene")
    layout, (again,) = CompareLayout(other.scene, other.application), Result.all(other.scene)
    layout.assign(again)
    assert UncertaintyOverlay(layout).shown(again)
    assert UncertaintyOverlay(layout).opacity(again) == 0.4
    assert shownLimit(again.proxy("uncertainty")) == 3.0
    np.testing.assert_allclose(again.signal("uncertainty")[5], uncertaintySignal()[5], rtol=1e-6)


def test_a_reopened_scene_keeps_the_display(windows, window, result, tmp_path):
    prepareDisplay(result)
    colorDifference(result.proxy("difference"), 3.0, absolute=True)
    other = reopen(window, windows(), tmp_path / "scene")
    (again,) = Result.all(other.scene)
    prepareDisplay(again)
    volume = again.proxy("difference")
    assert shownDifference(volume) == (3.0, True)
    rgba = [0.0] * 4
    volume.GetDisplayNode().GetColorNode().GetColor(0, rgba)
    assert rgba[0] > 0.9
    assert not again.proxy("input").GetDisplayNode().GetInterpolate()


def test_curves_of_a_voxel_are_its_values(window, result):
    charts = CurveCharts(result)
    charts.atPoint(rasOf(3, 5, 2))
    nodes = window.scene.GetNumberOfNodes()
    chart = charts.atPoint(rasOf(12, 7, 1))
    assert window.scene.GetNumberOfNodes() == nodes
    expected = {"truth": truthSignal(), "reconstruction": reconstructionSignal()}
    for role, signal in expected.items():
        np.testing.assert_allclose(column(result.node(f"table.cursor.{role}"), "Value"), signal[:, 1, 7, 12])
    acquired = result.node("table.cursor.input")
    np.testing.assert_allclose(column(acquired, "Value"), inputSignal()[:, 1, 3, 6])
    np.testing.assert_allclose(column(acquired, "Time (s)"), TIMES[::STEP])
    assert chart.GetYAxisRange()[0] < truthSignal()[:, 1, 7, 12].min() < chart.GetYAxisRange()[1]
    assert charts.atPoint(rasOf(-3, 0, 0)) is None


def test_relaxation_change_of_a_voxel(result):
    baseline = findBaseline(result.sequence("reconstruction"), TIMES)
    assert baseline[1] < 5
    CurveCharts(result).atPoint(rasOf(3, 5, 2), Relaxation(ECHO_TIME, baseline))
    signal = truthSignal()[:, 2, 5, 3]
    before = (baseline[0] <= TIMES) & (baseline[1] >= TIMES)
    expected = -np.log(signal / signal[before].mean()) / ECHO_TIME
    np.testing.assert_allclose(column(result.node("table.cursor.truth"), "Value"), expected, atol=1e-4)


def test_curves_of_segments_are_means_also_where_a_coarse_voxel_is_larger(window, result):
    mask = np.zeros(truthSignal().shape[1:], np.uint8)
    mask[1, 4:6, 3] = 1
    segmentation = window.scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.CreateDefaultDisplayNodes()
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(mask.shape[::-1])
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(obliqueIjkToRas(1).ravel())
    image.SetImageToWorldMatrix(matrix)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    vtk_to_numpy(image.GetPointData().GetScalars())[:] = mask.ravel()
    segmentation.AddSegmentFromBinaryLabelmapRepresentation(image, "vessel", (1, 0, 0))
    chart = finish(CurveCharts(result).overSegments(segmentation))
    found = column(result.node("table.segments.truth"), "vessel")
    np.testing.assert_allclose(found, truthSignal()[:, 1, 4:6, 3].mean(axis=1), rtol=1e-5)
    coarse = column(result.node("table.segments.input"), "vessel")
    np.testing.assert_allclose(coarse, inputSignal()[:, 1, 2, 1], rtol=1e-5)
    assert chart.GetNumberOfPlotSeriesNodes() == 3


def test_metrics_in_a_table_and_over_time(result):
    metrics = readMetrics(result)
    table = metricsTable(result, metrics).GetTable()
    rows = {table.GetValue(row, 0).ToString(): table.GetValue(row, 1).ToString() for row in range(6)}
    assert rows["NMSE, brain"] == "0.1"
    assert [table.GetColumnName(column) for column in (1, 2)] == ["ode-liif", "Linear"]
    assert rows["PSNR (dB), whole image"] == "30.2"
    chart = metricsChart(result, metrics, "psnr", "brain")
    series = chart.GetNthPlotSeriesNode(chart.GetNumberOfPlotSeriesNodes() - 1)
    assert series.GetName() == "ode-liif"
    values = column(series.GetTableNode(), series.GetYColumnName())
    assert np.isnan(values[0])
    np.testing.assert_allclose(values[1:], 30.1)
    assert "SSIM 0.901" in frameMetrics(metrics["ode-liif"], "brain", TIMES[3])
    assert frameMetrics(metrics["ode-liif"], "brain", TIMES[3] + 0.1) == ""
