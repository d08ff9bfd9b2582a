"""The artery in one click: points placed in the views, their curve, and the maps that follow by themselves."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("slicer")
pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

import slicer
from panel_driver import addSegmentation

from dsc_superres.errors import DSCError
from DSCSuperResLib.Jobs.MapsRequest import makeMapsRequest
from DSCSuperResLib.Scene.Maps.Maps import mapsProvenance
from DSCSuperResLib.Scene.Volumes import frameArray

pytestmark = pytest.mark.usefixtures("slotErrors")
UP_TO_DATE = "The maps are up to date."
CHANGED = "The settings have changed since these maps were computed."


@pytest.fixture(scope="module")
def result(driver):
    """A run by interpolation, with maps."""
    driver.load((32, 32, 2), 33)
    driver.choose("Reconstruct", "modelSelector", "linear")
    driver.start()
    driver.finish()
    driver.choose("Perfusion", "methodSelector", "ssvd")
    yield driver.result
    slicer.mrmlScene.Clear(0)


@pytest.fixture(scope="module")
def mouse(result):
    """The mouse in a view of the scene."""
    from mouse import Mouse

    found = Mouse()
    yield found
    found.close()


def interaction() -> slicer.vtkMRMLInteractionNode:
    return slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")


def chosenCurve(driver) -> np.ndarray:
    return driver.column("table.aif.chosen", "ΔR2* (1/s)")


def artery(driver) -> list:
    return mapsProvenance(driver.result, "truth")["aif"]["voxels_zyx"]


def waitForMaps(driver, voxels: list) -> None:
    driver.wait(lambda: artery(driver) == voxels, 300, f"maps with the artery {voxels}")
    driver.wait(lambda: not driver.logic.computingMaps, 300, "the end of the maps")
    driver.settle()


def test_click_gives_a_curve_and_then_maps(driver, result, mouse) -> None:
    ui = driver.ui("Perfusion")
    ui.aifBox.collapsed = False
    assert ui.atOnceCheckBox.checked, ui.atOnceCheckBox.text
    driver.parameters.perfusion.atOnce = "on"  # also where a busy machine takes long
    ui.pickArteryButton.click()
    assert interaction().GetCurrentInteractionMode() == interaction().Place
    points = driver.parameters.perfusion.aifPoints
    selection = slicer.mrmlScene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    assert selection.GetActivePlaceNodeID() == points.GetID()
    driver.settle()
    mouse.move((1, 12, 13))
    driver.wait(lambda: chosenCurve(driver).size, 120, "the curve under the mouse")
    under = chosenCurve(driver)
    mouse.move((1, 20, 9))
    driver.wait(lambda: not np.array_equal(chosenCurve(driver), under), 120, "the curve that follows the mouse")
    assert not driver.logic.computingMaps
    mouse.click((1, 14, 11))
    driver.wait(lambda: driver.logic.computingMaps, 120, "the maps that start by themselves")
    assert not ui.pickArteryButton.checked
    shown = chosenCurve(driver)
    waitForMaps(driver, [[1, 14, 11]])
    np.testing.assert_allclose(shown, mapsProvenance(result, "truth")["aif"]["delta_r2star"], rtol=1e-5, atol=1e-4)
    assert ui.statusLabel.text == UP_TO_DATE
    driver.show("Perfusion")
    driver.picture("artery picked")


def test_dragged_point_replaces_the_computation(driver, result, mouse) -> None:
    before = chosenCurve(driver)
    mouse.move((1, 14, 11))
    mouse.press((1, 14, 11))
    mouse.move((1, 10, 10))
    driver.wait(lambda: not np.array_equal(chosenCurve(driver), before), 120, "the curve that follows the point")
    assert not driver.logic.computingMaps
    mouse.release((1, 10, 10))
    driver.wait(lambda: driver.logic.computingMaps, 120, "the maps")
    mouse.drag((1, 10, 10), (1, 16, 15))
    waitForMaps(driver, [[1, 16, 15]])
    assert driver.leftovers() == []


def test_next_pick_replaces_the_point_and_place_adds_some(driver, result, mouse) -> None:
    ui, points = driver.ui("Perfusion"), driver.parameters.perfusion.aifPoints
    ui.pickArteryButton.click()
    mouse.click((1, 11, 11))
    driver.wait(lambda: points.GetNumberOfControlPoints() == 1, 120, "the former point to go")
    ui.addPointsButton.click()
    assert interaction().GetPlaceModePersistence()
    assert not ui.pickArteryButton.checked
    mouse.click((1, 11, 14))
    mouse.click((1, 20, 12))
    ui.addPointsButton.click()
    assert interaction().GetCurrentInteractionMode() == interaction().ViewTransform
    waitForMaps(driver, [[1, 11, 11], [1, 11, 14], [1, 20, 12]])


def test_maps_on_a_button_and_told_to_be_of_other_settings(driver, result) -> None:
    ui, points, before = driver.ui("Perfusion"), driver.parameters.perfusion.aifPoints, artery(driver)
    ui.atOnceCheckBox.click()
    points.RemoveNthControlPoint(2)
    driver.wait(lambda: ui.statusLabel.text == CHANGED, 120, "the note on changed settings")
    assert not driver.logic.computingMaps
    assert artery(driver) == before
    driver.startMaps()
    driver.finishMaps()
    assert artery(driver) == before[:2]
    driver.choose("Perfusion", "methodSelector", "csvd")
    driver.wait(lambda: ui.statusLabel.text == CHANGED, 120, "the note on another method")
    driver.choose("Perfusion", "methodSelector", "ssvd")
    driver.wait(lambda: ui.statusLabel.text == UP_TO_DATE, 120, "the former method")
    ui.atOnceCheckBox.click()


def test_slow_maps_wait_for_the_button_unless_the_user_wants_otherwise(driver, result, monkeypatch) -> None:
    from DSCSuperResLib.Sections import MapsComputation

    parameters, computation = driver.parameters.perfusion, driver.panel.sections["Perfusion"]._arterial._computation
    computation.setResult(None)
    computation.setResult(result)
    monkeypatch.setattr(MapsComputation, "maps_seconds", lambda voxels, series: 240.0)
    parameters.atOnce = "automatic"
    ui = driver.ui("Perfusion")
    driver.panel.parametersChanged()
    assert (ui.atOnceCheckBox.checked, ui.atOnceCheckBox.text) == (False, "Compute at once (about 4 min)")
    ui.atOnceCheckBox.click()
    assert (parameters.atOnce, ui.atOnceCheckBox.checked) == ("on", True)
    parameters.atOnce = "automatic"


def test_vein_of_points_or_segments_scales_the_artery(driver, result, mouse) -> None:
    ui, chosen = driver.ui("Perfusion"), driver.parameters.perfusion
    ui.advancedMapsButton.collapsed = False
    driver.choose("Perfusion", "veinSelector", "segmentation")
    assert ui.veinSegmentation.visible
    assert not ui.veinPoints.visible
    with pytest.raises(DSCError, match="Choose the segmentation of the vein"):
        makeMapsRequest(chosen, result)
    vein = np.zeros((2, 32, 32), bool)
    vein[1, [15, 25], 14] = True
    ui.veinSegmentation.setCurrentNode(addSegmentation("vein", {"vein": vein}, result.proxy("truth")))
    drawn = makeMapsRequest(chosen, result)
    assert np.array_equal(drawn.venous, vein)
    driver.choose("Perfusion", "veinSelector", "points")
    ui.addVeinPointsButton.click()
    for voxel in np.argwhere(vein):
        mouse.click(tuple(voxel))
    ui.addVeinPointsButton.click()
    assert makeMapsRequest(chosen, result).record() == drawn.record()
    driver.startMaps()
    driver.finishMaps()
    assert "vein" in ui.aifFacts.text or mapsProvenance(result, "truth")["aif"]["partial_volume_correction"] >= 1
    driver.choose("Perfusion", "veinSelector", "none")


def test_several_segments_wait_for_a_choice(driver, result) -> None:
    """One must not be taken without a word; segments that are drawn later appear in the list."""
    ui = driver.ui("Perfusion")
    masks = {name: np.zeros((2, 32, 32), bool) for name in ("left", "right")}
    for column, mask in enumerate(masks.values()):
        mask[1, 12, 10 + column] = True
    segmentation = addSegmentation("arteries", masks, result.proxy("truth"))
    driver.choose("Perfusion", "aifSelector", "segment")
    ui.aifSegmentation.setCurrentNode(segmentation)
    with pytest.raises(DSCError, match="Choose the segment"):
        makeMapsRequest(driver.parameters.perfusion, result)
    assert ui.segmentSelector.currentIndex == -1
    ui.segmentSelector.currentIndex = 1
    assert makeMapsRequest(driver.parameters.perfusion, result).voxels == ((1, 12, 11),)
    segmentation.GetSegmentation().AddEmptySegment("", "drawn later")
    driver.settle()
    assert ui.segmentSelector.findText("drawn later") == 2
    assert ui.segmentSelector.currentIndex == 1
    driver.choose("Perfusion", "aifSelector", "automatic")


def test_segment_editor_opens_on_the_segmentation_and_leaves_the_views_alone(driver, result, monkeypatch) -> None:
    done = []

    class Editor:
        autoShowSourceVolumeNode = True

        def setSegmentationNode(self, node) -> None:
            self.segmentation = node

        def setSourceVolumeNode(self, node) -> None:
            self.source = node
            done.append(("source shown", self.autoShowSourceVolumeNode))

    editor = Editor()
    module = SimpleNamespace(widgetRepresentation=lambda: SimpleNamespace(self=lambda: SimpleNamespace(editor=editor)))
    monkeypatch.setattr(slicer.modules, "segmenteditor", module, raising=False)
    monkeypatch.setattr(slicer.util, "selectModule", lambda name: done.append(name))
    buttons = {
        "aifSegmentEditorButton": ("aifSegmentation", "truth"),
        "maskSegmentEditorButton": ("maskSegmentation", "truth"),
        "referenceSegmentEditorButton": ("referenceSegmentation", "truth"),
        "veinSegmentEditorButton": ("veinSegmentation", "truth"),
        "regionsSegmentEditorButton": ("regionsSelector", "reconstruction"),
    }
    ui = driver.ui("Perfusion")
    for button, (selector, source) in buttons.items():
        getattr(ui, selector).setCurrentNode(None)
        getattr(ui, button).click()
        created = getattr(ui, selector).currentNode()
        assert editor.segmentation is created
        assert created.GetName().split("_")[0] in ("Artery", "Brain", "White matter", "Vein", "Region")
        assert editor.source is result.proxy(source)
        getattr(ui, button).click()
        assert editor.segmentation is created, "the one that is chosen is opened again"
    assert set(done) == {"SegmentEditor", ("source shown", False)}
    assert editor.autoShowSourceVolumeNode


def test_no_point_is_placed_after_the_result_is_gone(driver, result) -> None:
    ui = driver.ui("Perfusion")
    ui.pickArteryButton.click()
    assert interaction().GetCurrentInteractionMode() == interaction().Place
    driver.panel.selectResult(None)
    assert interaction().GetCurrentInteractionMode() == interaction().ViewTransform
    assert not ui.pickArteryButton.checked
    driver.panel.selectResult(result)
    assert frameArray(result.node("map.cbv.truth")).any()
