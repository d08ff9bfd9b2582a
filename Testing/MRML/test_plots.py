"""What the plot below the views has beside curves: the arterial input, the position, the motion of the head."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest

if find_spec("slicer") is None and sys.version_info >= (3, 14):
    pytest.skip("slicer-core has no wheel for this Python", allow_module_level=True)

import json

import vtk
from maps_sample import addAllMaps
from maps_sample import curve as arterialCurve
from result_sample import ECHO_TIME, TIMES, addResult, inputSignal, obliqueIjkToRas, reconstructionSignal, truthSignal
from vtk.util.numpy_support import vtk_to_numpy

from DSCSuperResLib.Scene.Curves.ArteryOverlay import arteryOverlay
from DSCSuperResLib.Scene.Curves.AxisRange import steadyLimits
from DSCSuperResLib.Scene.Curves.ChartTime import timeAt
from DSCSuperResLib.Scene.Curves.CurveCharts import CurveCharts
from DSCSuperResLib.Scene.Curves.CurvePlace import clearPlace
from DSCSuperResLib.Scene.Curves.Curves import Relaxation
from DSCSuperResLib.Scene.Curves.MotionChart import motionChart, readMotion
from DSCSuperResLib.Scene.Curves.PinnedCurves import newPinnedPoints, pins, removePins, showOnlyPinsOf
from DSCSuperResLib.Scene.Curves.PlotMark import PlotMark
from DSCSuperResLib.Scene.Display.CompareLayout import CompareLayout


@pytest.fixture
def result(window):
    return addResult(window.scene)


def column(result, table: str, name: str = "Value") -> np.ndarray:
    return vtk_to_numpy(result.node(f"table.{table}").GetTable().GetColumnByName(name))


def test_artery_lies_over_the_curves_in_their_unit(result, tmp_path) -> None:
    assert arteryOverlay(result) is None
    addAllMaps(result, tmp_path)
    overlay, charts = arteryOverlay(result), CurveCharts(result)
    place = (obliqueIjkToRas(1) @ [3, 5, 2, 1])[:3]
    charts.atPoint(place, None, overlay)
    before = reconstructionSignal()[TIMES <= 2.5, 2, 5, 3].mean()
    expected = before * np.exp(-ECHO_TIME * arterialCurve())
    np.testing.assert_allclose(column(result, "cursor.artery0"), expected, rtol=1e-5)
    chart = charts.atPoint(place, Relaxation(ECHO_TIME, (0.0, 2.5)), overlay)
    np.testing.assert_allclose(column(result, "cursor.artery0"), 0.2 * arterialCurve())
    assert result.node("series.cursor.artery0").GetName() == "AIF x 0.2"
    assert chart.GetNumberOfPlotSeriesNodes() == 3 + 3, "the artery with its band"
    assert charts.atPoint(place).GetNumberOfPlotSeriesNodes() == 3


def test_plot_is_drawn_once_for_all_curves_of_a_voxel(result, tmp_path) -> None:
    """The view draws everything again at each event of the chart."""
    addAllMaps(result, tmp_path)
    overlay, charts = arteryOverlay(result), CurveCharts(result)
    chart = charts.atPoint((obliqueIjkToRas(1) @ [3, 5, 2, 1])[:3], None, overlay)
    drawn = []
    chart.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: drawn.append(event))
    charts.atPoint((obliqueIjkToRas(1) @ [9, 7, 1, 1])[:3], None, overlay)
    assert len(drawn) == 1


def test_curves_of_pinned_voxels_stay_while_the_cursor_moves(window, result) -> None:
    points, charts = newPinnedPoints(result), CurveCharts(result)
    assert newPinnedPoints(result) is points
    voxels = ((2, 5, 3), (1, 7, 9))
    for z, y, x in voxels:
        points.AddControlPoint(*(obliqueIjkToRas(1) @ [x, y, z, 1])[:3])
    points.AddControlPoint(1e4, 0, 0)  # outside of the images there is no curve
    for place in ([3, 5, 2, 1], [8, 6, 1, 1]):
        chart = charts.atPoint((obliqueIjkToRas(1) @ place)[:3], pins=pins(result))
        assert chart.GetNumberOfPlotSeriesNodes() == 3 + 2
        for number, voxel in enumerate(voxels):
            expected = reconstructionSignal()[(slice(None), *voxel)]
            np.testing.assert_allclose(column(result, f"cursor.pinned{number}"), expected)
    names = [result.node(f"series.cursor.pinned{number}").GetName() for number in range(2)]
    assert names == ["Pinned 1", "Pinned 2"], "as the points are labeled in the views"
    other = addResult(window.scene)
    showOnlyPinsOf(other, window.scene)
    assert not points.GetDisplayVisibility()
    removePins(result)
    assert charts.atPoint((obliqueIjkToRas(1) @ [3, 5, 2, 1])[:3], pins=pins(result)).GetNumberOfPlotSeriesNodes() == 3


def test_first_curves_are_those_of_one_voxel_in_every_series(result) -> None:
    """The middle of the grid lies on a border of voxels, where each series took another part of the patient."""
    CurveCharts(result).atPoint(
        clearPlace([result.sequence(role).GetNthDataNode(0) for role in ("reconstruction", "input")])
    )
    np.testing.assert_allclose(column(result, "cursor.truth"), truthSignal()[:, 2, 6, 8])
    np.testing.assert_allclose(column(result, "cursor.input"), inputSignal()[:, 2, 3, 4])


def test_plotted_position_is_marked_in_the_views_of_the_module_alone(window, result) -> None:
    layout = CompareLayout(window.scene, window.application)
    layout.show(result)
    mark = PlotMark(result, layout.sliceNodes())
    mark.show(np.array([1.0, 2.0, 3.0]))
    node = result.node("points.cursor")
    assert tuple(node.GetNthControlPointPositionWorld(0)) == (1, 2, 3)
    views = {node.GetDisplayNode().GetNthViewNodeID(index) for index in range(4)}
    assert views == {view.GetID() for view in layout.sliceNodes()}
    mark.hide()
    assert not node.GetDisplayVisibility()
    mark.show(np.array([4.0, 2.0, 3.0]))
    assert node.GetDisplayVisibility()
    assert not node.GetSaveWithScene()
    assert window.scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode") == 1


def test_motion_is_plotted_where_it_was_estimated(result) -> None:
    assert readMotion(result) == {}
    motion = {"times_s": TIMES.tolist(), "noted_from_mm": 0.5, "choice": "correct"}
    motion |= {"displacement_mm": (0.1 * TIMES).tolist(), "rotation_degrees": (0.2 * TIMES).tolist()}
    described = result.record("text.provenance") | {"frames": {"motion": motion}}
    result.setText("text.provenance", json.dumps(described))
    chart = motionChart(result, readMotion(result))
    np.testing.assert_allclose(column(result, "motion", "Displacement (mm)"), 0.1 * TIMES)
    assert chart.GetNumberOfPlotSeriesNodes() == 3
    assert "before its correction" in chart.GetTitle()
    result.setText("text.provenance", json.dumps(described | {"frames": None}))
    assert readMotion(result) == {}


def test_time_under_the_mouse_in_a_chart() -> None:
    chart = vtk.vtkChartXY()
    axis = chart.GetAxis(vtk.vtkAxis.BOTTOM)
    axis.SetPoint1(50, 10)
    axis.SetPoint2(250, 10)
    axis.SetRange(0, 90)
    assert timeAt(chart, 150) == pytest.approx(45)
    assert timeAt(chart, 30) is None


def test_axis_of_signal_fits_the_bolus_and_not_the_initial_transient() -> None:
    times, sparse = np.arange(60.0), np.arange(0.0, 60.0, 4)
    bolus = 200 - 80 * np.exp(-(((times - 25) / 6) ** 2)) + 2 * np.sin(times)
    truth, acquired = bolus.copy(), bolus[::4].copy()
    truth[:2] += (250, 40)
    acquired[0] += 250
    interpolated = np.interp(times, sparse, acquired)  # it decays over four frames, none of which is far from the next
    curves = [(times, truth), (times, interpolated), (sparse, acquired)]
    assert steadyLimits(curves, 0.0) == pytest.approx((bolus[4:].min(), bolus[4:].max()), abs=2)
    relaxation = [(times, -np.log(values / 200)) for times, values in curves]
    assert steadyLimits(relaxation, 0.0)[0] > -0.1, "the change of R2* starts far below"
    assert steadyLimits([(times, bolus)], 0.0) == (bolus.min(), bolus.max()), "without one, every frame counts"
    assert steadyLimits([(times[:2], bolus[:2]), (times[:0], bolus[:0])], 0.0) == (min(bolus[:2]), max(bolus[:2]))


def test_curves_of_two_results_are_called_like_their_views(result) -> None:
    place = (obliqueIjkToRas(1) @ [3, 5, 2, 1])[:3]
    CurveCharts(result).atPoint(place)
    assert result.node("series.cursor.truth").GetName() == "Ground truth"
    result.setTitles({"truth": "linear", "reconstruction": "cubic"})
    CurveCharts(result).atPoint(place)
    names = [result.node(f"series.cursor.{role}").GetName() for role in ("truth", "reconstruction", "input")]
    assert names == ["linear", "cubic", "Input (acquired)"]
