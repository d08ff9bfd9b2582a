"""Perfusion maps in the scene: volumes, differences, colors, overlay, arterial input, statistics of regions."""

import json
import sys
from importlib.util import find_spec

import numpy as np
import pytest

if find_spec("slicer") is None and sys.version_info >= (3, 14):
    pytest.skip("slicer-core has no wheel for this Python", allow_module_level=True)

import slicer
import vtk
from maps_sample import OFFSET, SHAPE, addAllMaps, brain, values, writeMaps
from result_sample import addResult, obliqueIjkToRas
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from window_sample import reopen

from dsc_superres.io import read_volume, write_volume
from dsc_superres.perfusion.map_scales import MapScale
from DSCSuperResLib.Scene.Display.ChosenScales import ChosenScales
from DSCSuperResLib.Scene.Display.CompareLayout import CompareLayout
from DSCSuperResLib.Scene.Display.Difference import showLegend
from DSCSuperResLib.Scene.Display.MapColors import legendTitle, prepareColors, resetScale, setScale, shownScale
from DSCSuperResLib.Scene.Display.MapOverlay import MapOverlay
from DSCSuperResLib.Scene.Maps.ArterialInput import candidates
from DSCSuperResLib.Scene.Maps.Maps import (
    absoluteMap,
    addMaps,
    mapNames,
    mapNode,
    mapNodes,
    mapsWarnings,
    relativeMap,
    scaleIsTrusted,
)
from DSCSuperResLib.Scene.Maps.RegionStatistics import regionStatistics, showStatistics
from DSCSuperResLib.Scene.Result import Result
from DSCSuperResLib.Scene.Segments import segmentIds, segmentMask
from DSCSuperResLib.Scene.Volumes import frameArray, geometryOf


@pytest.fixture
def result(window, tmp_path):
    found = addResult(window.scene)
    addAllMaps(found, tmp_path)
    return found


def matrixOf(volume) -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def test_maps_lie_where_their_series_does(result):
    for source, pixel in (("truth", 1), ("input", 2), ("reconstruction", 1)):
        volume = mapNode(result, "cbf", source)
        expected = np.where(brain(pixel), values("cbf", source, pixel), np.nan)  # 0 is a value in the scene
        np.testing.assert_array_equal(frameArray(volume), expected)
        np.testing.assert_allclose(matrixOf(volume), obliqueIjkToRas(pixel), atol=1e-4)
        assert volume.GetVoxelValueUnits().GetCodeMeaning() == "mL/100 g/min"
    assert mapNames(result) == ["cbv", "cbf", "mtt", "ttp", "tmax"]


def test_differences_are_taken_on_the_grid_of_the_truth(result):
    """Also that of the input, which has other voxels; outside the brain there is none."""
    for difference, source in (("difference", "reconstruction"), ("inputDifference", "input")):
        volume = mapNode(result, "mtt", difference)
        np.testing.assert_allclose(frameArray(volume), np.where(brain(), OFFSET[source], np.nan), atol=1e-5)
        np.testing.assert_allclose(matrixOf(volume), obliqueIjkToRas(1), atol=1e-4)


def test_new_maps_replace_the_old_ones(result, tmp_path):
    before = set(mapNodes(result).values())
    (tmp_path / "again").mkdir()
    addAllMaps(result, tmp_path / "again")
    assert set(mapNodes(result).values()) == before


def test_maps_that_are_not_made_any_more_go(result, tmp_path):
    """A method without uncertainty must not leave that of the method before."""
    assert mapNode(result, "cbv_sd", "truth") is not None
    (tmp_path / "again").mkdir()
    writeMaps(tmp_path / "again" / "maps_truth", "truth", names=("cbv", "cbf"))
    displays = result.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeDisplayNode")
    volumes = len(mapNodes(result))
    assert list(addMaps(result, tmp_path / "again" / "maps_truth", "truth"))
    assert [name for name, source in mapNodes(result) if source == "truth"] == ["cbv", "cbf"]
    assert mapNode(result, "cbv_sd", "reconstruction") is not None, "those of other series stay"
    assert {name for name, source in mapNodes(result) if "ifference" in source} == {"cbv", "cbf"}
    gone = volumes - len(mapNodes(result))
    assert result.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeDisplayNode") == displays - gone


def test_all_sources_share_one_scale(result):
    prepareColors(result, "cbf")
    displays = [mapNode(result, "cbf", source).GetDisplayNode() for source in ("truth", "input", "reconstruction")]
    assert len({(one.GetWindowLevelMin(), one.GetWindowLevelMax(), one.GetColorNodeID()) for one in displays}) == 1
    assert displays[0].GetWindowLevelMax() == 80, "four times the flow of white matter, and its quarters are short"
    difference = mapNode(result, "cbf", "difference").GetDisplayNode()
    assert difference.GetWindowLevelMin() == -difference.GetWindowLevelMax()
    showLegend(mapNode(result, "cbf", "truth"), "CBF", visible=True)
    assert slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(displays[0]).GetLabelFormat() == "%5.0f"


def computeAgain(result, folder, change=None) -> None:
    """Replace the maps of ``result`` by those that ``change(name, values)`` makes of them."""
    for source in ("truth", "input", "reconstruction"):
        written = folder / f"again {source}"
        writeMaps(written, source)
        for path in written.glob("*.nii.gz") if change else ():
            voxels, geometry = read_volume(path)
            write_volume(change(path.name.removesuffix(".nii.gz"), voxels), geometry, path)
        list(addMaps(result, written, source))


def test_what_the_user_chose_stays(result, tmp_path):
    prepareColors(result, "cbv")
    volume = mapNode(result, "cbv", "reconstruction")
    sources = [mapNode(result, "cbv", source) for source in ("truth", "input", "reconstruction")]
    setScale(sources, 1.0, 3.0)
    prepareColors(result, "cbv")
    computeAgain(result, tmp_path)
    prepareColors(result, "cbv")
    assert shownScale(volume) == MapScale(1.0, 3.0)
    resetScale(result, "cbv")
    assert shownScale(volume) == MapScale(0.0, 8.0)


def test_a_scale_that_nobody_changed_follows_the_values(result, tmp_path):
    """Tmax is signed while the artery is later than the tissue, and not after an earlier one was chosen."""
    computeAgain(result, tmp_path, lambda name, voxels: voxels - 4 * (name == "tmax"))
    prepareColors(result, "tmax")
    volumes = [mapNode(result, "tmax", source) for source in ("truth", "input", "reconstruction")]
    assert {shownScale(volume) for volume in volumes} == {MapScale(-10, 10)}
    assert shownScale(mapNode(result, "tmax", "difference")) == MapScale(-1, 1)
    (tmp_path / "earlier").mkdir()
    computeAgain(result, tmp_path / "earlier")
    prepareColors(result, "tmax")
    assert {shownScale(volume) for volume in volumes} == {MapScale(0, 10)}


def test_zero_is_a_value_and_only_what_was_not_computed_is_transparent(result, tmp_path):
    def change(name: str, voxels: np.ndarray) -> np.ndarray:
        if name in ("cbv", "mtt", "tmax"):
            voxels[1, 4] = 0.0
        return voxels - 4 if name == "tmax" else voxels

    computeAgain(result, tmp_path, change)
    colors = result.scene.AddNewNodeByClass("vtkMRMLColorTableNode")
    colors.SetTypeToRainbow()
    no_flow = brain().copy()
    no_flow[1, 4] = False
    for name, shown in (("cbv", brain()), ("tmax", brain()), ("mtt", no_flow)):
        prepareColors(result, name)
        display = mapNode(result, name, "truth").GetDisplayNode()
        display.SetAndObserveColorNodeID(colors.GetID())
        pipeline = display.GetOutputImageDataConnection().GetProducer()
        pipeline.Update()
        opacity = vtk_to_numpy(pipeline.GetOutputDataObject(0).GetPointData().GetScalars())[:, 3]
        np.testing.assert_array_equal(opacity.reshape(SHAPE) > 0, shown)


def test_a_chosen_scale_is_remembered_for_the_maps_of_other_results(window, result, tmp_path):
    class Parameters:
        scales = ""

    scales = ChosenScales(lambda: Parameters)
    prepareColors(result, "cbv")
    assert scales.chosen("cbv", result) is None
    setScale([mapNode(result, "cbv", source) for source in ("truth", "input", "reconstruction")], 0.0, 6.0)
    scales.remember("cbv", result)
    other = addResult(window.scene)
    (tmp_path / "other").mkdir()
    addAllMaps(other, tmp_path / "other")
    prepareColors(other, "cbv", scales.chosen("cbv", other))
    assert shownScale(mapNode(other, "cbv", "input")) == MapScale(0.0, 6.0)
    scales.forget("cbv")
    assert Parameters.scales == ""


def test_each_view_gets_its_own_map(window, result):
    layout = CompareLayout(window.scene, window.application)
    layout.show(result)
    window.makeSliceViews()
    layout.assign(result)
    overlay = MapOverlay(layout)
    assert overlay.shown(result) is None
    overlay.show(result, "cbv", 0.6)
    for role in ("truth", "input", "reconstruction"):
        composite = layout.compositeNode(role)
        assert composite.GetBackgroundVolumeID() == result.proxy(role).GetID()
        assert composite.GetForegroundVolumeID() == mapNode(result, "cbv", role).GetID()
        assert composite.GetForegroundOpacity() == 0.6
    view = layout.compositeNode("difference")
    assert view.GetBackgroundVolumeID() == mapNode(result, "cbv", "difference").GetID()
    overlay.show(result, "cbv", 0.6, compared="input")
    assert view.GetBackgroundVolumeID() == mapNode(result, "cbv", "inputDifference").GetID()
    assert overlay.shown(result) == ("cbv", 0.6)
    overlay.show(result, "cbv_sd", 0.6)
    assert view.GetBackgroundVolumeID() == mapNode(result, "cbv", "difference").GetID(), "not that of the signal"
    overlay.chooseNone(result)
    layout.assign(result)
    assert overlay.shown(result) is None
    assert view.GetBackgroundVolumeID() == result.proxy("difference").GetID()


def test_warnings_are_said_once_and_of_which_series(result):
    assert mapsWarnings(result) == [
        ("The maps use 31 s after the bolus' arrival.", ["truth", "input", "reconstruction"]),
        ("Only 4 frames precede the bolus.", ["input"]),
    ]


def test_statistics_of_segments(window, result):
    segmentation = window.scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.CreateDefaultDisplayNodes()
    labelmap = slicer.vtkOrientedImageData()
    labelmap.SetDimensions(16, 12, 4)
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(obliqueIjkToRas(1).ravel())
    labelmap.SetImageToWorldMatrix(matrix)
    region = np.zeros((4, 12, 16), np.uint8)
    region[1, 0:6, 4:8] = 1  # two of its six rows lie outside the brain
    labelmap.GetPointData().SetScalars(numpy_to_vtk(region.ravel(), deep=True))
    segmentation.AddSegmentFromBinaryLabelmapRepresentation(labelmap, "Thalamus")
    found = {(one.name, one.source): one for one in regionStatistics(result, segmentation)}
    covered = values("cbv", "truth")[1, 2:6, 4:8]
    one = found["cbv", "truth"]
    numbers = one.numbers
    assert (numbers.voxels, numbers.mean) == (16, pytest.approx(covered.mean()))
    assert numbers.sd == pytest.approx(covered.std(), rel=1e-4)
    assert numbers.volume_ml == pytest.approx(16 * 2 * 2 * 5 / 1000)
    assert found["cbv", "difference"].numbers.mean == pytest.approx(0.5, abs=1e-5)
    assert found["cbv", "input"].numbers.voxels == 4
    table = showStatistics(result, found.values())
    assert (table.GetNumberOfRows(), table.GetCellText(0, 0)) == (5, "Thalamus")
    assert result.node("table.regions.values").GetNumberOfRows() == len(found)


def test_selectors_offer_few_maps_and_the_scene_keeps_all(windows, window, result, tmp_path):
    layout = CompareLayout(window.scene)
    layout.show(result)
    every = {(name, source, node.GetName()) for (name, source), node in mapNodes(result).items()}

    def offered() -> set[tuple[str, str]]:
        return {key for key, node in mapNodes(result).items() if not node.GetHideFromEditors()}

    products = {(name, "reconstruction") for name in ("cbv", "cbf", "mtt", "ttp", "tmax")}
    assert offered() == products
    assert mapNode(result, "mask", "truth").GetHideFromEditors()
    for shown in ("tmax", "cbf"):
        MapOverlay(layout).show(result, shown, 1.0)
        assert offered() == products | {(shown, source) for source in ("truth", "input", "difference")}
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(window.scene)
    item = hierarchy.GetItemByDataNode(mapNode(result, "cbf", "truth"))
    assert hierarchy.GetItemParent(item) == result.folderItem
    kept = {key: frameArray(node).copy() for key, node in mapNodes(result).items()}
    other = reopen(window, windows(), tmp_path / "scene")
    again = Result.all(other.scene)[-1]
    assert {(name, source, node.GetName()) for (name, source), node in mapNodes(again).items()} == every
    for (name, source), node in mapNodes(again).items():
        np.testing.assert_array_equal(frameArray(node), kept[name, source])
    MapOverlay(CompareLayout(other.scene)).show(again, "mtt", 1.0)
    assert not mapNode(again, "mtt", "input").GetHideFromEditors()


def test_maps_come_back_with_the_scene(windows, window, result, tmp_path):
    prepareColors(result, "cbv")
    other = reopen(window, windows(), tmp_path / "scene")
    again = Result.all(other.scene)[-1]
    expected = np.where(brain(), values("cbv", "truth"), np.nan)
    np.testing.assert_array_equal(frameArray(mapNode(again, "cbv", "truth")), expected)
    assert candidates(again)[1].score == 0.6
    old, new = (mapNode(one, "cbv", "truth").GetDisplayNode() for one in (result, again))
    assert new.GetWindowLevelMax() == pytest.approx(old.GetWindowLevelMax())


def test_relative_maps_come_with_the_outline_of_their_white_matter(window, tmp_path) -> None:
    result = addResult(window.scene)
    names = ("cbv", "cbf", "mtt", "ttp", "tmax", "cbv_sd", "rcbv", "rcbf", "rcbv_sd")
    white = np.zeros(SHAPE, bool)
    white[1:3, 4:8, 6:10] = True
    for source in ("truth", "reconstruction"):
        folder = tmp_path / source
        writeMaps(folder, source, names)
        at = geometryOf(result.sequence("truth").GetNthDataNode(0))
        write_volume(white.astype(np.float32), at, folder / "reference.nii.gz")
        described = json.loads((folder / "provenance.json").read_text()) | {"absolute_scale_trusted": source == "truth"}
        (folder / "provenance.json").write_text(json.dumps(described))
        list(addMaps(result, folder, source))
    assert mapNames(result) == ["cbv", "cbf", "mtt", "ttp", "tmax", "rcbv", "rcbf"]
    assert not any(name == "reference" for name, _source in mapNodes(result))
    relative = mapNode(result, "rcbv", "reconstruction")
    units = relative.GetVoxelValueUnits()
    assert (units.GetCodeValue(), units.GetCodeMeaning()) == ("1", "1 (white matter = 1)")
    assert legendTitle("rcbv", "truth") == "rCBV (white matter = 1)"
    prepareColors(result, "rcbv")
    assert relative.GetDisplayNode().GetWindowLevelMax() == 4
    assert mapNode(result, "rcbv", "difference") is not None
    assert (relativeMap(result, "cbf"), relativeMap(result, "mtt"), absoluteMap("rcbf")) == ("rcbf", "mtt", "cbf")
    assert not scaleIsTrusted(result)
    outline = result.node("segments.reference")
    assert np.array_equal(segmentMask(outline, segmentIds(outline)[0], relative), white)
    assert not outline.GetDisplayNode().GetVisibility2DFill()
    for source in ("truth", "reconstruction"):
        writeMaps(tmp_path / f"again {source}", source)
        list(addMaps(result, tmp_path / f"again {source}", source))
    assert result.node("segments.reference") is None
    assert mapNode(result, "reference", "truth") is mapNode(result, "rcbv", "truth") is None
