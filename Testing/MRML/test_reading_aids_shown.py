"""Reading aids in the scene: outlines, maps without vessels and fluid, the brain, regions compared with others."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest

if find_spec("slicer") is None and sys.version_info >= (3, 14):
    pytest.skip("slicer-core has no wheel for this Python", allow_module_level=True)

from maps_sample import SHAPE, addAllMaps, brain, regions, values, writeMaps
from result_sample import addResult
from window_sample import reopen

from DSCSuperResLib.Scene.Display.CompareLayout import CompareLayout
from DSCSuperResLib.Scene.Maps.MapMasking import allValues, maskMaps
from DSCSuperResLib.Scene.Maps.Maps import addMaps, mapNode, mapNodes
from DSCSuperResLib.Scene.Maps.ReadingRegions import (
    brainNode,
    outlinesShown,
    regionMask,
    regionsNode,
    showOnlyRegionsOf,
    showOutlines,
)
from DSCSuperResLib.Scene.Maps.RegionStatistics import regionStatistics, showMirrored, showStatistics
from DSCSuperResLib.Scene.Outlines import fillOutlines, newOutlines
from DSCSuperResLib.Scene.Result import Result
from DSCSuperResLib.Scene.Segments import segmentMask
from DSCSuperResLib.Scene.Volumes import frameArray, geometryOf

SOURCES = ("truth", "input", "reconstruction")


@pytest.fixture
def result(window, tmp_path):
    found = addResult(window.scene)
    addAllMaps(found, tmp_path)
    return found


def test_regions_lie_where_their_maps_do_each_in_its_own_view(window, result):
    layout = CompareLayout(window.scene, window.application)
    layout.show(result)
    window.makeSliceViews()
    for source, pixel in (("truth", 1), ("input", 2), ("reconstruction", 1)):
        volume = mapNode(result, "cbv", source)
        for name, region in regions(pixel).items():
            np.testing.assert_array_equal(regionMask(result, source, name, volume), region)
        display = regionsNode(result, source).GetDisplayNode()
        shown = [role for role in SOURCES if display.IsDisplayableInView(layout.sliceNode(role).GetID())]
        assert shown == [source]
        assert not display.GetVisibility2DFill()
        assert [display.GetSegmentVisibility(name) for name in ("tmax_above_6s", "vessels")] == [True, False]


def test_the_users_views_show_the_regions_of_one_reconstruction(window, result, tmp_path):
    red = window.scene.GetSingletonNode("Red", "vtkMRMLSliceNode").GetID()
    (tmp_path / "other").mkdir()
    other = addResult(window.scene)
    addAllMaps(other, tmp_path / "other")
    showOnlyRegionsOf(other, window.scene)

    def shown(one: Result) -> bool:
        display = regionsNode(one, "reconstruction").GetDisplayNode()
        return bool(display.GetVisibility()) and display.IsDisplayableInView(red)

    assert [shown(one) for one in (result, other)] == [False, True]
    assert not regionsNode(other, "truth").GetDisplayNode().IsDisplayableInView(red)
    showOutlines(other, False)
    assert not outlinesShown(other)
    for source in SOURCES:
        writeMaps(tmp_path / f"again {source}", source)
        list(addMaps(other, tmp_path / f"again {source}", source))
    assert not outlinesShown(other), "computed anew, they are as the user wants them"


def test_maps_without_vessels_and_fluid_and_back(windows, window, result, tmp_path):
    """Also in a saved scene, whose hidden values come back, too."""
    of = regions()
    whole = np.where(brain(), values("cbf", "truth"), np.nan)
    maskMaps(result, ("vessels", "fluid"), "cbf")
    volume = mapNode(result, "cbf", "truth")
    np.testing.assert_array_equal(frameArray(volume), np.where(of["vessels"] | of["fluid"], np.nan, whole))
    np.testing.assert_array_equal(allValues(result, volume), whole)
    assert np.isnan(frameArray(mapNode(result, "cbf", "difference"))[of["vessels"]]).all()
    assert np.isfinite(frameArray(mapNode(result, "cbv", "truth"))[of["vessels"]]).all(), "only what is shown"
    other = reopen(window, windows(), tmp_path / "scene")
    again = Result.all(other.scene)[-1]
    np.testing.assert_array_equal(allValues(again, mapNode(again, "cbf", "truth")), whole)
    maskMaps(again, ("vessels",), "cbv")
    np.testing.assert_array_equal(frameArray(mapNode(again, "cbf", "truth")), np.where(of["vessels"], np.nan, whole))
    nodes = other.scene.GetNumberOfNodes()
    maskMaps(again, (), "mtt")
    np.testing.assert_array_equal(frameArray(mapNode(again, "cbf", "truth")), whole)
    assert other.scene.GetNumberOfNodes() < nodes, "nothing is kept of maps that show everything"


def test_new_values_are_not_mixed_with_hidden_ones_of_before(result, tmp_path):
    maskMaps(result, ("vessels",), "cbf")
    writeMaps(tmp_path / "again", "truth", names=("cbf", "cbv", "mtt", "ttp", "tmax"))
    list(addMaps(result, tmp_path / "again", "truth"))
    expected = np.where(brain(), values("cbf", "truth"), np.nan)
    np.testing.assert_array_equal(frameArray(mapNode(result, "cbf", "truth")), expected)


def test_the_brain_is_a_segment_that_can_be_edited(result):
    node, volume = brainNode(result), mapNode(result, "cbv", "truth")
    assert not node.GetDisplayVisibility()
    np.testing.assert_array_equal(segmentMask(node, "brain", volume), brain())


def test_a_segment_is_compared_with_the_other_side(result):
    """The middle of the brain is the middle of its columns; values grow from left to right."""
    volume = mapNode(result, "cbv", "truth")
    region = np.zeros(SHAPE, bool)
    region[1, 4:6, 4:6] = True
    segmentation = newOutlines(result, "mine", "segments.mine")
    fillOutlines(segmentation, {"one": region}, geometryOf(volume), {"one": "Tumor"}, {"one": (1, 0, 0)})
    found = list(regionStatistics(result, segmentation))
    of = {(one.name, one.source): one.numbers for one in found}
    expected = values("cbv", "truth")
    mirrored = np.zeros(SHAPE, bool)
    mirrored[1, 4:6, 10:12] = True
    assert of["cbv", "truth"].mirrored_mean == pytest.approx(expected[mirrored].mean())
    assert of["cbv", "truth"].ratio_to_mirrored == pytest.approx(expected[region].mean() / expected[mirrored].mean())
    assert of["tmax", "truth"].difference_to_mirrored == pytest.approx(
        expected[region].mean() - expected[mirrored].mean(), rel=1e-4
    )
    outline = showMirrored(result, segmentation)
    np.testing.assert_array_equal(segmentMask(outline, "one", volume), mirrored)
    table = showStatistics(result, found, "mirrored")
    texts = {table.GetTable().GetColumnName(column): table.GetCellText(0, column) for column in range(8)}
    cells = {title: text.replace("\N{NO-BREAK SPACE}", " ") for title, text in texts.items()}
    assert cells["CBV (mL/100 g)"].endswith(f"(× {of['cbv', 'truth'].ratio_to_mirrored:.2f})")
    assert cells["Tmax (s)"].endswith(f"({of['tmax', 'truth'].difference_to_mirrored:+.1f} s)")
    assert showMirrored(result, None) is None
    assert result.node("segments.mirrored") is None


def test_regions_do_not_count_as_maps(result):
    assert {name for name, _source in mapNodes(result)} == {"cbv", "cbf", "mtt", "ttp", "tmax", "cbv_sd"}
    result.remove()
    assert result.scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
