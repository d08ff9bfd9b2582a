"""What the views show while the user works: after a run, beside other modules, and in the user's own layout."""

import pytest

pytest.importorskip("slicer")
pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

import slicer
from maps_sample import addAllMaps
from result_sample import FRAMES, addResult, truthSignal, volume

from DSCSuperResLib.Scene.Display.SliceViews import VIEWS
from DSCSuperResLib.Scene.Result import SOURCE_SERIES
from DSCSuperResLib.Scene.Sequences.NewSequence import browse, browserOf

pytestmark = pytest.mark.usefixtures("slotErrors")


@pytest.fixture
def result(driver, tmp_path):
    """A result with maps, selected and side by side."""
    slicer.mrmlScene.Clear(0)
    found = addResult(slicer.mrmlScene)
    addAllMaps(found, tmp_path)
    driver.panel.showNewResult(found, "Done.")
    driver.settle()
    return found


def seen(driver) -> dict[str, tuple[str, str]]:
    """Names of the volume and of what lies over it, by view."""
    driver.settle()
    found = {}
    for role in VIEWS:
        composite = driver.layout.compositeNode(role)
        identifiers = (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID())
        nodes = [slicer.mrmlScene.GetNodeByID(identifier or "") for identifier in identifiers]
        found[role] = tuple(node.GetName() if node is not None else "" for node in nodes)
    return found


def test_the_end_of_a_run_shows_its_result(driver, result) -> None:
    panel = driver.panel.ui
    assert driver.layout.shown
    closed = [getattr(panel, f"{name}Section").collapsed for name in ("input", "task", "reconstruct")]
    opened = [getattr(panel, f"{name}Section").collapsed for name in ("display", "perfusion", "export")]
    assert (closed, opened) == ([True] * 3, [False] * 3)
    assert (panel.resultNote.text, panel.resultNote.visible) == ("Done.", True)
    driver.picture("after-a-run")
    driver.ui("Display").compareButton.click()
    assert not driver.layout.shown, "the user's own layout is one click away"


def test_a_run_that_ends_while_the_user_is_elsewhere_leaves_the_views_alone(driver, result) -> None:
    driver.ui("Display").compareButton.click()
    driver.widget.exit()
    second = addResult(slicer.mrmlScene)
    driver.panel.showNewResult(second, "Done.")
    driver.settle()
    assert not driver.layout.shown
    driver.widget.enter()
    driver.settle()
    assert driver.layout.shown
    assert driver.layout.agrees(second)


def test_the_segment_editor_and_back(driver, result) -> None:
    """It puts its source volume into all views, ours included, and takes their overlays away."""
    driver.ui("Perfusion").cbvButton.click()
    driver.settle()
    before = seen(driver)
    assert before["truth"] == ("truth", "CBV ground truth Run")
    driver.widget.exit()
    for role in VIEWS:
        driver.layout.compositeNode(role).SetBackgroundVolumeID(result.proxy("input").GetID())
        driver.layout.compositeNode(role).SetForegroundVolumeID(None)
    driver.settle()
    assert seen(driver) == before
    for role in VIEWS:
        driver.layout.compositeNode(role).SetBackgroundVolumeID(result.proxy("input").GetID())
    driver.widget.enter()
    driver.settle()
    assert seen(driver) == before


def test_a_layout_chosen_elsewhere_comes_back_as_it_was(driver, result) -> None:
    driver.ui("Perfusion").cbfButton.click()
    before, manager = seen(driver), slicer.app.layoutManager()
    ours = manager.layout
    manager.layout = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    driver.settle()
    for role in VIEWS:
        driver.layout.compositeNode(role).SetBackgroundVolumeID(result.proxy("input").GetID())
    manager.layout = ours
    driver.settle()
    assert seen(driver) == before
    assert driver.ui("Display").compareButton.checked


def test_an_opacity_that_is_set_in_a_view_is_that_of_all(driver, result) -> None:
    driver.ui("Perfusion").cbvButton.click()
    driver.settle()
    driver.layout.compositeNode("truth").SetForegroundOpacity(0.3)
    driver.settle()
    assert {driver.layout.compositeNode(role).GetForegroundOpacity() for role in ("truth", "input")} == {0.3}
    assert driver.ui("Perfusion").opacitySlider.value == pytest.approx(0.3)


def test_titles_have_room_and_images_have_no_names_on_them(driver, result) -> None:
    for arrangement in (1, 0):
        driver.ui("Display").arrangementSelector.currentIndex = arrangement
        driver.settle()
        for role, title in (("truth", "Ground truth"), ("difference", "Difference")):
            view = slicer.app.layoutManager().sliceWidget(driver.layout.sliceNode(role).GetLayoutName())
            label = view.sliceController().viewLabel()
            assert label.text == title
            assert label.minimumWidth >= label.fontMetrics().horizontalAdvance(title)
            assert not view.sliceView().cornerAnnotation().GetVisibility()


def test_the_slider_moves_the_series_in_the_users_own_layout(driver, result) -> None:
    source = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "source")
    for frame in range(FRAMES):
        source.SetDataNodeAtValue(volume(truthSignal()[frame], 1), f"{frame}")
    browse(source)
    result.sequence("reconstruction").SetNodeReferenceID(SOURCE_SERIES, source.GetID())
    driver.panel.selectResult(result)
    driver.ui("Display").compareButton.click()
    driver.settle()
    slider = slicer.util.findChild(driver.ui("Display").playback, "slider_IndexValue")
    slider.value = 7
    driver.settle()
    assert browserOf(source).GetSelectedItemNumber() == 7


def test_a_map_that_goes_leaves_images_and_titles_in_agreement(driver, result) -> None:
    driver.ui("Perfusion").cbvButton.click()
    result.removeNodes([result.node("map.cbv.truth"), result.node("map.cbv.difference")])
    driver.settle()
    assert seen(driver)["truth"] == ("truth", "")
    assert seen(driver)["input"] == ("input", "CBV input Run")
    assert seen(driver)["difference"] == ("difference", "")
