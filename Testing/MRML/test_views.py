"""What the views show, and what their titles and legends say, follows from one state of the result."""

import sys
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

if find_spec("slicer") is None and sys.version_info >= (3, 14):
    pytest.skip("slicer-core has no wheel for this Python", allow_module_level=True)

import slicer
from maps_sample import addAllMaps
from result_sample import TIMES, addResult, volume
from window_sample import reopen

from DSCSuperResLib.Scene.Curves.CurvePlace import clearPlace
from DSCSuperResLib.Scene.Curves.PlotMark import PlotMark
from DSCSuperResLib.Scene.Display.Appearance import prepareDisplay
from DSCSuperResLib.Scene.Display.CompareLayout import ARRANGEMENTS, CompareLayout
from DSCSuperResLib.Scene.Display.HeadFit import headCorners
from DSCSuperResLib.Scene.Display.MapOverlay import MapOverlay
from DSCSuperResLib.Scene.Display.OwnViews import SourceFrames, showInOwnViews
from DSCSuperResLib.Scene.Display.SelectedOutlines import showOutlinesOf
from DSCSuperResLib.Scene.Display.SliceViews import VIEWS
from DSCSuperResLib.Scene.Display.Uncertainty import UncertaintyOverlay
from DSCSuperResLib.Scene.Display.ViewState import setShown, shownOf
from DSCSuperResLib.Scene.Maps.ArterialPoints import markVoxels
from DSCSuperResLib.Scene.Maps.Maps import mapNode
from DSCSuperResLib.Scene.Maps.WhiteMatter import SEGMENTATION, showReference
from DSCSuperResLib.Scene.Result import SOURCE_SERIES, Result
from DSCSuperResLib.Scene.Segments import voxelToPatient
from DSCSuperResLib.Scene.Sequences.NewSequence import browse, browserOf
from DSCSuperResLib.Scene.Volumes import geometryOf

LEGENDS = "vtkMRMLColorLegendDisplayNode"


@pytest.fixture
def result(window, tmp_path) -> Result:
    result = addResult(window.scene)
    addAllMaps(result, tmp_path)
    prepareDisplay(result)
    return result


@pytest.fixture
def layout(window, result) -> CompareLayout:
    layout = CompareLayout(window.scene, window.application)
    layout.show(result)
    window.makeSliceViews()
    layout.assign(result)
    return layout


def seen(layout: CompareLayout, role: str) -> tuple[str, str, str, list[str]]:
    """Names of the volume and of what lies over it, the title of the view, and those of its legends."""
    scene, composite = layout.sliceNode(role).GetScene(), layout.compositeNode(role)
    shown = [
        scene.GetNodeByID(one or "") for one in (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID())
    ]
    legends = (scene.GetNthNodeByClass(index, LEGENDS) for index in range(scene.GetNumberOfNodesByClass(LEGENDS)))
    drawn = [one.GetTitleText() for one in legends if one.GetVisibility() and one.GetDisplayableNode() in shown]
    return *(one.GetName() if one else "" for one in shown), layout.sliceNode(role).GetLayoutLabel(), drawn


def test_volume_title_and_legend_belong_together_after_every_step(result, layout):
    images = {
        "truth": ("truth", "", "Ground truth", []),
        "input": ("input", "", "Input", []),
        "reconstruction": ("reconstruction", "", "Reconstruction", []),
        "difference": ("difference", "", "Difference", ["Difference (a.u.)"]),
    }

    def check(**expected):
        assert {role: seen(layout, role) for role in VIEWS} == images | expected

    def withMap(title, name, legend, difference):
        return {
            "truth": ("truth", f"{title} ground truth Run", "Ground truth", [legend]),
            "input": ("input", f"{title} input Run", "Input", [legend]),
            "reconstruction": ("reconstruction", f"{title} reconstruction Run", "Reconstruction", [legend]),
            "difference": (f"{name} {difference}", "", "Difference", [f"Δ {legend.replace(title, name)}"]),
        }

    check()
    overlay, difference = MapOverlay(layout), "reconstruction - ground truth Run"
    overlay.show(result, "cbf", 0.6)
    cbf = withMap("CBF", "CBF", "CBF (mL/100 g/min)", difference)
    check(**cbf)
    layout.hide()
    layout.show(result)
    check(**cbf)
    overlay.show(result, "cbv_sd", 0.6)
    check(**withMap("CBV sd", "CBV", "CBV sd (mL/100 g)", difference))
    overlay.show(result, "cbf", 0.6, compared="input")
    name = "CBF input - ground truth Run"
    check(**cbf | {"difference": (name, "", "Input - ground truth", ["Δ CBF (mL/100 g/min)"])})
    setShown(result, replace(shownOf(result), legends=False))
    layout.assign(result)
    assert not any(seen(layout, role)[3] for role in VIEWS)
    setShown(result, replace(shownOf(result), legends=True))
    UncertaintyOverlay(layout).show(result, 0.4)
    check(reconstruction=("reconstruction", "uncertainty", "Reconstruction", ["Uncertainty, 1 sd (a.u.)"]))
    UncertaintyOverlay(layout).chooseNone(result)
    layout.assign(result)
    check()


def test_views_that_another_module_filled_are_restored(window, result, layout):
    """The Segment Editor puts its volume into all views, and so does opening a series."""
    MapOverlay(layout).show(result, "cbv", 0.6)
    before = {role: seen(layout, role) for role in VIEWS}
    other = mapNode(result, "tmax", "truth").GetID()
    for role in VIEWS:
        layout.compositeNode(role).SetBackgroundVolumeID(other)
        layout.compositeNode(role).SetForegroundVolumeID(None)
    assert not layout.agrees(result)
    layout.assign(result)
    assert layout.agrees(result)
    assert {role: seen(layout, role) for role in VIEWS} == before


def test_what_is_seen_comes_back_with_the_scene_whatever_the_views_showed(windows, window, result, layout, tmp_path):
    MapOverlay(layout).show(result, "cbf", 0.6)
    before = {role: seen(layout, role) for role in VIEWS}
    for role in VIEWS:
        layout.compositeNode(role).SetBackgroundVolumeID(result.proxy("difference").GetID())
    other = reopen(window, windows(), tmp_path / "scene")
    (again,) = Result.all(other.scene)
    reopened = CompareLayout(other.scene, other.application)
    reopened.show(again)
    assert {role: seen(reopened, role) for role in VIEWS} == before


def test_there_are_legends_of_what_is_seen_alone(window, result, layout, tmp_path):
    for name in ("cbv", "cbf", "mtt", "ttp", "tmax"):
        MapOverlay(layout).show(result, name, 1.0)
    assert window.scene.GetNumberOfNodesByClass(LEGENDS) == 4
    other = addResult(window.scene)
    prepareDisplay(other)
    layout.show(other)
    assert window.scene.GetNumberOfNodesByClass(LEGENDS) == 1


def test_nothing_changes_where_all_agrees(window, result, layout):
    nodes = [node for role in VIEWS for node in (layout.compositeNode(role), layout.sliceNode(role))]
    before = [node.GetMTime() for node in nodes]
    layout.assign(result)
    assert [node.GetMTime() for node in nodes] == before


def test_volumes_leave_the_views_before_they_leave_the_scene(window, result, layout):
    """A linked view whose volume disappears chooses another one, and puts it into all views."""
    MapOverlay(layout).show(result, "cbv", 1.0)
    gone, view, shown = mapNode(result, "cbv", "truth"), layout.compositeNode("truth"), []
    tag = window.scene.AddObserver(
        window.scene.NodeAboutToBeRemovedEvent, lambda caller, event: shown.append(view.GetForegroundVolumeID())
    )
    result.removeNodes([gone])
    window.scene.RemoveObserver(tag)
    assert set(shown) == {None}
    layout.assign(result)
    assert seen(layout, "truth")[:2] == ("truth", "")
    assert seen(layout, "input")[:2] == ("input", "CBV input Run")


def test_an_arrangement_is_kept_and_shows_the_same(window, result, layout):
    before, numbers = {role: seen(layout, role) for role in VIEWS}, set()
    for arrangement in ARRANGEMENTS:
        layout.arrangement = arrangement
        layout.show(result)
        numbers.add(window.layoutNode.GetViewArrangement())
        assert {role: seen(layout, role) for role in VIEWS} == before
        assert CompareLayout(window.scene).arrangement == arrangement
    assert len(numbers) == len(ARRANGEMENTS)


def test_the_zoom_fits_the_head_and_leaves_room_for_the_legend(window, result, layout):
    signal = np.full((4, 12, 16), 2.0, np.float32)
    signal[:, 3:9, 6:12] = 300
    signal[0, 0, 0] = 300
    corners = headCorners(volume(signal, 1))
    assert corners.shape == (8, 3)
    assert sorted({round(np.linalg.norm(a - b)) for a in corners for b in corners})[1] == 12, "6 voxels of 2 mm"
    layout.fit(result)
    whole = headCorners(result.sequence("reconstruction").GetNthDataNode(0))
    for role in VIEWS:
        view = layout.sliceNode(role)
        plane = view.GetSliceToRAS()
        right = np.array([plane.GetElement(row, 0) for row in range(3)])
        center = np.array([plane.GetElement(row, 3) for row in range(3)])
        across, width = (whole - center) @ right, view.GetFieldOfView()[0]
        assert across.min() > -width / 2
        assert across.max() < (0.5 - 0.2) * width, "the legend is at the right"
        up = np.array([plane.GetElement(row, 1) for row in range(3)])
        assert ((whole - center) @ up).max() < (0.5 - 0.08) * view.GetFieldOfView()[1], "its title is at the top"
        assert ((whole - center) @ up).min() > -0.5 * view.GetFieldOfView()[1]


def test_outlines_are_those_of_the_selected_result(window, result):
    other = addResult(window.scene)
    at = geometryOf(result.sequence("truth").GetNthDataNode(0))
    for one in (result, other):
        assert list(showReference(one, np.ones((4, 12, 16), bool), at))
    outlines = [one.node(SEGMENTATION) for one in (result, other)]
    for shown, expected in ((result, [True, False]), (other, [False, True])):
        showOutlinesOf(shown, window.scene)
        assert [bool(one.GetDisplayVisibility()) for one in outlines] == expected
    outlines[1].SetDisplayVisibility(False)  # by the user, who gets it back so
    showOutlinesOf(result, window.scene)
    showOutlinesOf(other, window.scene)
    assert not any(one.GetDisplayVisibility() for one in outlines)


def test_red_crosses_say_what_they_are(result):
    points = markVoxels(result, np.array([(1, 4, 6), (1, 4, 8)]), "truth")
    assert [points.GetNthControlPointLabel(index) for index in range(2)] == ["Arterial input", ""]
    assert points.GetDisplayNode().GetPointLabelsVisibility()


@pytest.mark.parametrize("coarse", [2, 3, 1.5])
def test_the_first_curves_are_of_one_place_in_all_series(result, coarse):
    """The middle of an image lies on the border of voxels, and rounding decides for each series anew."""
    fine = result.sequence("reconstruction").GetNthDataNode(0)
    other = volume(np.zeros((4, int(12 / coarse), int(16 / coarse)), np.float32), coarse)
    place = clearPlace([fine, other])
    for each in (fine, other):
        inverse = np.linalg.inv(voxelToPatient(each))
        within = inverse[:2, :3] @ place + inverse[:2, 3]
        assert np.abs(within - np.round(within)).max() < 0.4, "well within one voxel"
    middle = voxelToPatient(fine)[:3] @ (7.5, 5.5, 1.5, 1)
    assert np.linalg.norm(place - middle) < 8


def test_a_series_is_opened_in_the_users_views_alone(window, result, layout):
    """After a series of one slice, all views would be axial; side by side, it would be in all four views."""
    before = {role: seen(layout, role) for role in VIEWS}
    for depth in (1, 8):
        whole = window.scene.AddNode(volume(np.ones((depth, 12, 16), np.float32), 1))
        showInOwnViews(whole, window.application)
    assert {role: seen(layout, role) for role in VIEWS} == before
    normals = []
    for name in ("Red", "Yellow", "Green"):
        view = window.scene.GetSingletonNode(name, "vtkMRMLSliceNode")
        assert slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(view).GetBackgroundVolumeID() == whole.GetID()
        normals.append([abs(view.GetSliceToRAS().GetElement(row, 2)) for row in range(3)])
    assert np.linalg.matrix_rank(np.array(normals), tol=0.5) == 3


def test_the_series_in_the_users_views_follows_the_result(window, result):
    source = window.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "source")
    source.SetIndexType(source.NumericIndex)
    for frame in range(30):
        source.SetDataNodeAtValue(volume(np.full((4, 12, 16), frame, np.float32), 1), f"{frame}")
    browse(source)
    result.sequence("reconstruction").SetNodeReferenceID(SOURCE_SERIES, source.GetID())
    frames = SourceFrames(result)
    for time, frame in ((0.0, 0), (TIMES[5], 5), (TIMES[5] + 0.1, 5), (99.0, len(TIMES) - 1)):
        frames.show(time)
        assert browserOf(source).GetSelectedItemNumber() == frame


def test_marks_do_not_take_the_place_of_points_that_the_user_places(window, result):
    """Slicer's markups make a new node the one that the next click goes to."""
    markups, selection = slicer.vtkSlicerMarkupsLogic(), slicer.vtkMRMLSelectionNode()
    selection.SetSingletonTag("Singleton")
    selection = window.scene.AddNode(selection)
    markups.SetMRMLApplicationLogic(window.application)
    markups.SetMRMLScene(window.scene)
    own = window.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    selection.SetActivePlaceNodeID(own.GetID())
    active = []
    tag = selection.AddObserver("ModifiedEvent", lambda caller, event: active.append(caller.GetActivePlaceNodeID()))
    PlotMark(result, []).show(np.zeros(3))
    markVoxels(result, np.array([(1, 4, 6)]), "truth")
    selection.RemoveObserver(tag)
    assert {*active, selection.GetActivePlaceNodeID()} == {own.GetID()}
    markups.SetMRMLScene(None)
