"""The arterial input in the scene: that of the maps, its voxels as points, and the curve of any voxel at once."""

import json
import sys
from importlib.util import find_spec

import numpy as np
import pytest

if find_spec("slicer") is None and sys.version_info >= (3, 14):
    pytest.skip("slicer-core has no wheel for this Python", allow_module_level=True)

import vtk
from maps_sample import ARTERY, addAllMaps, curve
from result_sample import ECHO_TIME, TIMES, addResult, reconstructionSignal
from vtk.util.numpy_support import vtk_to_numpy

from DSCSuperResLib.Scene.Maps.ArterialChart import drawCurves
from DSCSuperResLib.Scene.Maps.ArterialInput import arterialInput, bolusTimes, candidates
from DSCSuperResLib.Scene.Maps.ArterialPoints import (
    arterialVoxels,
    isPicked,
    keepLastPoint,
    markVoxels,
    newPoints,
    voxelsUnderMouse,
)
from DSCSuperResLib.Scene.Maps.Maps import mapNode
from DSCSuperResLib.Scene.Maps.VoxelArtery import VoxelArtery, arterialInputOfMaps
from DSCSuperResLib.Scene.Result import ROLE
from DSCSuperResLib.Scene.Segments import voxelCenters
from DSCSuperResLib.Scene.Selectors import canHide
from DSCSuperResLib.Scene.Sequences.SequenceInput import SLICE_TIMES


@pytest.fixture
def result(window, tmp_path):
    found = addResult(window.scene)
    addAllMaps(found, tmp_path)
    return found


def drawn(result, table: str) -> np.ndarray:
    return vtk_to_numpy(result.node(f"table.{table}").GetTable().GetColumnByName("ΔR2* (1/s)"))


def place(voxel: list[int], volume) -> np.ndarray:
    mask = np.zeros(volume.GetImageData().GetDimensions()[::-1], bool)
    mask[tuple(voxel)] = True
    return voxelCenters(mask, volume)[0]


def test_arterial_input_is_marked_and_drawn(result) -> None:
    arterial = arterialInput(result)
    np.testing.assert_allclose(arterial.curve, curve())
    points = markVoxels(result, arterial.voxels, arterial.source)
    np.testing.assert_array_equal(arterialVoxels(points, mapNode(result, "cbv", "truth")), ARTERY)
    assert bolusTimes(result) == (0.0, 2.5, 3.5, 6.0)
    chart = drawCurves(result, arterial, candidates(result)[1:])
    assert chart.GetNumberOfPlotSeriesNodes() == 2 + 4
    np.testing.assert_allclose(drawn(result, "aif"), curve())


def test_marks_of_another_result_are_hidden(window, result, tmp_path) -> None:
    """They would lie on the same images."""
    (tmp_path / "second").mkdir()
    second = addResult(window.scene)
    addAllMaps(second, tmp_path / "second")
    shown = [markVoxels(each, arterialInput(each).voxels, "truth") for each in (result, second)]
    assert [points.GetDisplayVisibility() for points in shown] == [0, 1]


def test_curve_between_samples_is_drawn_with_its_band(result) -> None:
    fine = np.arange(0, 11.5, 0.25)
    record = {
        "times_s": fine.tolist(),
        "delta_r2star": (10 + fine).tolist(),
        "delta_r2star_sd": (0 * fine + 2).tolist(),
    }
    provenance = json.loads(result.text("text.maps.truth")) | {"aif_between_samples": record}
    result.setText("text.maps.truth", json.dumps(provenance))
    drawCurves(result, arterialInput(result), [])
    np.testing.assert_allclose(drawn(result, "aif.between"), 10 + fine)
    np.testing.assert_allclose(drawn(result, "aif.band0"), 8 + fine)
    np.testing.assert_allclose(drawn(result, "aif.band1"), 12 + fine)
    np.testing.assert_allclose(drawn(result, "aif"), curve(), err_msg="the samples stay")


def test_scatter_of_the_voxels_is_the_band_where_tissue_gave_none(result) -> None:
    signal = result.signal("reconstruction")
    random = np.random.default_rng(1)
    for frame in signal:
        for z, y, x in ARTERY:
            frame[z, y, x] *= random.uniform(0.97, 1.03)
    found = arterialInputOfMaps(result)
    z, y, x = np.array(ARTERY).T
    curves = np.stack([frame[z, y, x] for frame in signal]).astype(float)
    curves = -np.log(curves / curves[:6].mean(axis=0)) / ECHO_TIME
    error = curves.std(axis=1, ddof=1) / np.sqrt(3)
    np.testing.assert_allclose(found.between.sd, error * curve().max() / curves.mean(axis=1).max(), rtol=1e-3)
    drawCurves(result, found, [])
    np.testing.assert_allclose(drawn(result, "aif.band1") - drawn(result, "aif.between"), found.between.sd)


def test_only_curves_that_changed_are_drawn_again(result) -> None:
    artery, chosen = arterialInput(result), VoxelArtery(result)
    drawCurves(result, artery, candidates(result), chosen.curve(np.array([[1, 4, 6]])))
    modified = []
    for role in ("table.aif", "table.aif.candidate1", "table.aif.chosen", "table.aif.mark0"):
        node = result.node(role)
        node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event, role=role: modified.append(role))
    drawCurves(result, artery, candidates(result), chosen.curve(np.array([[2, 3, 9]])))
    assert set(modified) == {"table.aif.chosen"}


def test_curve_of_voxels_is_that_of_maps(result) -> None:
    """The mean of the voxels' Delta R2*, not that of their signal, over the baseline of the maps."""
    found = VoxelArtery(result).curve(np.array(ARTERY))
    z, y, x = np.array(ARTERY).T
    signal = reconstructionSignal()[:, z, y, x].astype(float)  # the sample has its candidates there
    expected = (-np.log(signal / signal[:6].mean(axis=0)) / ECHO_TIME).mean(axis=1)
    np.testing.assert_allclose(found.curve, expected, atol=1e-3)
    np.testing.assert_allclose(found.times, TIMES)
    assert 0 <= found.score <= 1
    own = VoxelArtery(result, (0.0, 0.4)).curve(np.array(ARTERY))
    np.testing.assert_allclose(own.curve, (-np.log(signal / signal[0]) / ECHO_TIME).mean(axis=1), atol=1e-3)


def test_curve_of_voxels_has_the_times_of_their_slices(result) -> None:
    result.sequence("reconstruction").SetAttribute(SLICE_TIMES, "0.0 0.1 0.2 0.3")
    found = VoxelArtery(result).curve(np.array([[2, 4, 6]]))
    np.testing.assert_allclose(found.times, TIMES + 0.2)


def test_no_voxels_have_no_curve(result) -> None:
    assert VoxelArtery(result).curve(np.zeros((0, 3), int)) is None


def test_points_under_the_mouse_do_not_count_before_the_click(window, result) -> None:
    """Slicer previews the point that a click would place as a point of the node."""
    volume, points = result.proxy("truth"), newPoints(window.scene, "Artery")
    points.AddControlPoint(*place([1, 2, 3], volume))
    assert points.GetNthControlPointLabel(0) == "", "the mark of the maps, in the same place, has a label"
    preview = points.AddControlPoint(*place([2, 5, 6], volume))
    points.SetNthControlPointPosition(preview, *place([2, 5, 6], volume), points.PositionPreview)
    assert isPicked(points)
    assert not isPicked(window.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode"))
    assert arterialVoxels(points, volume).tolist() == [[1, 2, 3]]
    assert voxelsUnderMouse(points, volume).tolist() == [[2, 5, 6]]
    points.SetNthControlPointPosition(preview, *place([3, 5, 6], volume), points.PositionDefined)
    keepLastPoint(points)
    assert arterialVoxels(points, volume).tolist() == [[3, 5, 6]]
    assert len(voxelsUnderMouse(points, volume)) == 0


def test_input_of_the_maps_stays_when_its_series_is_removed(result) -> None:
    result.scene.RemoveNode(result.sequence("reconstruction"))
    np.testing.assert_allclose(arterialInputOfMaps(result).curve, curve())


def test_tables_that_only_draw_lines_are_not_among_the_users(result) -> None:
    drawCurves(result, arterialInput(result), candidates(result))
    tables = [node for node in result.nodes() if node.IsA("vtkMRMLTableNode") and "aif" in node.GetAttribute(ROLE)]
    listed = {node.GetAttribute(ROLE) for node in tables if not node.GetHideFromEditors()}
    assert len(tables) > 3
    assert listed == ({"table.aif"} if canHide(result.scene) else {node.GetAttribute(ROLE) for node in tables})
    assert all(node.GetSaveWithScene() for node in tables)
