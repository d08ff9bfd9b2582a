"""What a run leaves, and what the sections below make of it: Display, Export, further runs, saved scenes."""

import json

import numpy as np
import pytest

pytest.importorskip("slicer")
pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

import slicer
from panel_driver import addSegmentation, sceneNodes
from vtk.util.numpy_support import vtk_to_numpy

from dsc_superres.models import DEFAULT_MODEL

pytestmark = pytest.mark.usefixtures("slotErrors", "finishedRun")
ROLES = ("truth", "input", "reconstruction", "difference")


def test_result_is_in_the_scene_and_in_a_folder_beside_its_source(driver) -> None:
    result = driver.result
    assert driver.ui("Reconstruct").statusLabel.text.startswith(f"Done: series {DEFAULT_MODEL}.")
    assert result.task == "compare"
    assert [len(result.times(role)) for role in ROLES] == [33, 9, 33, 33]
    assert result.signal("reconstruction")[0].shape == (4, 64, 64)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    for role in ("truth.proxy", "map.cbv.reconstruction"):
        item = hierarchy.GetItemByDataNode(result.node(role))
        assert hierarchy.GetItemParent(item) == result.folderItem
    provenance = json.loads(result.node("text.provenance").GetText())
    assert provenance["source"]["sources"]["times"] == "sequence index in s"
    assert driver.leftovers() == []
    driver.show("Reconstruct", "Display")
    driver.picture("result")


def test_side_by_side_and_back(driver) -> None:
    manager, ui = slicer.app.layoutManager(), driver.ui("Display")
    assert driver.layout.shown, "a run ends with its result side by side"
    ui.compareButton.click()
    before = manager.layout
    ui.compareButton.click()
    driver.settle()
    assert manager.layout != before
    shown = [driver.layout.compositeNode(role).GetBackgroundVolumeID() for role in ROLES]
    assert shown == [driver.result.proxy(role).GetID() for role in ROLES]
    assert ui.compareButton.text == "Back to my layout"
    driver.picture("side-by-side")
    ui.compareButton.click()
    assert manager.layout == before
    ui.compareButton.click()


def test_slider_and_playback_move_all_frames(driver) -> None:
    result, ui = driver.result, driver.ui("Display")
    browser = result.node("browser")
    slider = slicer.util.findChild(ui.playback, "slider_IndexValue")
    slider.value = 6
    driver.settle()
    assert ui.momentLabel.text == "9.00 s, frame 6 of 0 to 32: reconstructed; the input still shows 6.00 s"
    for role, frame in (("reconstruction", 6), ("truth", 6), ("input", 1)):
        voxels = vtk_to_numpy(result.proxy(role).GetImageData().GetPointData().GetScalars())
        assert np.array_equal(voxels, result.signal(role)[frame].ravel())
    play = slicer.util.findChild(ui.playback, "pushButton_VcrPlayPause")
    play.click()
    driver.wait(lambda: browser.GetSelectedItemNumber() > 7, 10, "playback")
    play.click()
    assert slider.value == browser.GetSelectedItemNumber()
    assert result.sequence("input").GetNumberOfDataNodes() == 9


def test_keys_and_wheel_step_through_the_frames(driver) -> None:
    """The wheel with Shift only in the module's views, where it must not reach Slicer, which changes the slice."""
    browser, section = driver.result.node("browser"), driver.panel.sections["Display"]
    driver.show("Display")
    assert driver.layout.shown
    driver.wait(lambda: section._keys._watched, 10, "the views")
    browser.SetSelectedItemNumber(5)
    slices, manager = [], slicer.app.layoutManager()
    interactor = manager.sliceWidget(driver.layout.sliceNode("truth").GetLayoutName()).sliceView().interactor()
    interactor.AddObserver("MouseWheelForwardEvent", lambda caller, event: slices.append(event))
    for shift, expected in ((1, 6), (0, 6), (1, 7)):
        interactor.SetEventInformation(10, 10, 0, shift)
        interactor.InvokeEvent("MouseWheelForwardEvent")
        assert browser.GetSelectedItemNumber() == expected
    assert len(slices) == 1
    assert {watched for watched, tag in section._keys._watched} == set(driver.layout.interactors(manager))
    assert len(driver.layout.interactors(manager)) == 4
    earlier, later = section._keys._shortcuts
    earlier.activated()
    assert browser.GetSelectedItemNumber() == 6
    for _press in range(40):
        later.activated()
    assert browser.GetSelectedItemNumber() == 32
    driver.panel.exit()
    assert not section._keys.enabled
    driver.panel.enter()
    assert section._keys.enabled


def test_menu_of_the_plot_leaves_frames_out_of_the_next_run(driver) -> None:
    menu, parameters = driver.panel.sections["Display"]._menu, driver.parameters
    (_shown, (text, leaveOut)) = menu.actions(9.2)
    assert text == "Leave out frame 6 (9.0 s)"
    leaveOut()
    assert parameters.input.exclude == "6"
    assert driver.ui("Input").excludedFrames.text == "6"
    menu.actions(10.4)[1][1]()
    assert parameters.input.exclude == "6-7"
    assert driver.logic.request(parameters).exclude == (6, 7)
    for seconds in (9.0, 10.5):
        text, again = menu.actions(seconds)[1]
        assert text.endswith("again")
        again()
    assert parameters.input.exclude == ""
    menu.actions(15.0)[0][1]()
    assert driver.result.node("browser").GetSelectedItemNumber() == 10
    chosen, parameters.input.sequence = parameters.input.sequence, driver.result.sequence("input")
    assert menu.actions(9.0)[1][1] is None, "frames of another series are meant"
    parameters.input.sequence = chosen


def test_gray_levels_and_difference(driver) -> None:
    result, ui = driver.result, driver.ui("Display")
    ui.grayRange.setValues(100, 700)
    levels = [result.proxy(role).GetDisplayNode() for role in ("truth", "input", "reconstruction")]
    assert {(display.GetWindowLevelMin(), display.GetWindowLevelMax()) for display in levels} == {(100, 700)}
    difference = result.proxy("difference").GetDisplayNode()
    ui.differenceLimit.value = 40
    assert (difference.GetWindowLevelMin(), difference.GetWindowLevelMax()) == (-40, 40)
    signed = difference.GetColorNodeID()
    ui.absoluteCheckBox.click()
    assert difference.GetColorNodeID() != signed
    ui.absoluteCheckBox.click()
    assert not difference.GetInterpolate()
    ui.differenceUnit.currentIndex = 1
    assert ui.differenceLimit.value != 40


def test_curves_at_the_cursor_over_segments_and_of_metrics(driver) -> None:
    result, ui = driver.result, driver.ui("Display")
    voxel, place = (2, 30, 25), np.array([2.0 * 25, 2.0 * 30, 5.0 * 2])
    ui.plotSelector.currentIndex = ui.plotSelector.findData("cursor")
    slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode").SetCursorPositionRAS(place)
    expected = [frame[voxel] for frame in result.signal("reconstruction")]
    driver.wait(
        lambda: driver.column("table.cursor.reconstruction", "Value").tolist() == expected, 10, "curves at the cursor"
    )
    ui.pinButton.click()
    result.node("points.pinned").AddControlPoint(*place)
    driver.wait(lambda: result.node("table.cursor.pinned0"), 10, "the curve of the pinned voxel")
    assert driver.column("table.cursor.pinned0", "Value").tolist() == expected
    ui.unpinButton.click()
    assert result.node("points.pinned") is None
    region = np.zeros((4, 64, 64), bool)
    region[1:3, 20:30, 20:30] = True
    segmentation = addSegmentation("regions", {"region": region}, result.proxy("truth"))
    ui.plotSelector.currentIndex = ui.plotSelector.findData("segments")
    ui.segmentationSelector.setCurrentNode(segmentation)
    mean = [frame[region].mean() for frame in result.signal("truth")]
    driver.wait(lambda: driver.column("table.segments.truth", "region").size, 10, "curves of segments")
    assert driver.column("table.segments.truth", "region") == pytest.approx(mean)
    ui.plotSelector.currentIndex = ui.plotSelector.findData("nmse")
    driver.wait(lambda: result.node("chart.metrics"), 10, "metrics over time")
    table = ui.metricsTable.mrmlTableNode().GetTable()
    assert table.GetNumberOfRows() == 6
    assert [table.GetColumnName(index) for index in (1, 2)] == [DEFAULT_MODEL, "Back-projection"]
    assert ui.frameMetricsLabel.text.startswith("NMSE 0.0")
    driver.picture("metrics")


def test_series_of_results_are_no_inputs_and_none_replaces_one_that_is_deleted(driver) -> None:
    selector, source = driver.ui("Input").sequenceSelector, driver.parameters.input.sequence
    results = [node for node in slicer.util.getNodesByClass("vtkMRMLSequenceNode") if node is not source]
    assert len(results) >= 4
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "another series")
    for node in results:
        selector.setCurrentNode(node)
        assert selector.currentNode() is None
    selector.setCurrentNode(other)
    selector.setCurrentNode(source)
    copy = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "a copy")
    copy.Copy(source)
    selector.setCurrentNode(copy)
    slicer.mrmlScene.RemoveNode(copy)
    assert selector.currentNode() is None
    assert driver.parameters.input.sequence is None
    slicer.mrmlScene.RemoveNode(other)
    selector.setCurrentNode(source)


def test_export_asks_for_a_folder_and_fills_it(driver, tmp_path, monkeypatch) -> None:
    import qt

    driver.show("Export")
    ui = driver.ui("Export")
    ui.exportButton.click()
    assert not driver.logic.exporting, "the choice of a folder was cancelled"
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *arguments: str(tmp_path))
    driver.startExport()
    driver.finishExport()
    assert ui.folderEdit.currentPath == str(tmp_path)
    (folder,) = tmp_path.iterdir()
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {
        "reconstruction.seq.nrrd",
        "provenance.json",
        "report.html",
        "screenshots/window.png",
        "maps_reconstruction/cbv.nii.gz",
    } <= found
    assert any(path.endswith(".csv") for path in found)
    assert any(path.endswith(".dcm") for path in found)
    assert any("cbv" in path and path.endswith(".nii.gz") for path in found)
    assert driver.leftovers() == []
    driver.picture("exported")


def test_export_overwrites_nothing_unasked_and_can_be_cancelled(driver, tmp_path, monkeypatch) -> None:
    import qt

    ui, answers = driver.ui("Export"), [qt.QMessageBox.Cancel, qt.QMessageBox.No, qt.QMessageBox.Yes]
    monkeypatch.setattr(slicer.util, "messageBox", lambda *arguments, **keywords: answers.pop(0))
    ui.folderEdit.currentPath = str(tmp_path)
    driver.startExport()
    driver.finishExport()
    (first,) = tmp_path.iterdir()
    written = {path: path.stat().st_mtime_ns for path in first.rglob("*")}
    ui.exportButton.click()
    assert not driver.logic.exporting
    driver.startExport()
    driver.finishExport()
    assert len(list(tmp_path.iterdir())) == 2
    ui.exportButton.click()
    assert driver.logic.exporting
    driver.wait(lambda: ui.progressBar.value > 300, 30, "the writing of files")
    ui.cancelButton.click()
    driver.wait(lambda: not driver.logic.exporting, 5, "the end of a cancelled export")
    assert "Canceled" in ui.statusLabel.text
    assert len(list(tmp_path.iterdir())) == 2
    assert {path: path.stat().st_mtime_ns for path in first.rglob("*")} == written
    assert driver.leftovers() == []


def test_second_run_leaves_the_first_alone(driver, monkeypatch) -> None:
    import qt

    first, nodes = driver.result, sceneNodes()
    driver.show("Input", "Task", "Reconstruct")
    driver.ui("Task").enhanceRadio.click()
    driver.ui("Task").slicesRange.setValues(1, 1)
    driver.ui("Reconstruct").mapsCheckBox.click()
    driver.start()
    driver.finish()
    second = driver.result
    assert second != first
    assert {node for node in nodes if "ColorLegend" not in node} <= sceneNodes(), "legends are those of what is seen"
    assert (second.task, second.sequence("truth")) == ("reconstruct", None)
    assert second.signal("reconstruction")[0].shape == (1, 128, 128)
    assert len(second.times("reconstruction")) == 129
    driver.show("Display", "Perfusion")
    assert not driver.ui("Display").metrics.visible
    driver.picture("enhanced")
    selector = driver.panel.ui.resultSelector
    selector.currentIndex = 0
    selector.activated(0)
    assert driver.result == first
    monkeypatch.setattr(slicer.util, "messageBox", lambda *arguments, **keywords: qt.QMessageBox.Ok)
    driver.panel.ui.removeResultButton.click()
    assert driver.logic.results() == [second]
    assert driver.result == second


def test_saved_scene_brings_everything_back(driver, tmp_path) -> None:
    run, name, scene = driver.result.run, driver.result.name, slicer.mrmlScene
    assert slicer.app.applicationLogic().SaveSceneToSlicerDataBundleDirectory(str(tmp_path), None)
    scene.Clear(0)
    assert driver.result is None
    scene.SetURL(str(next(tmp_path.glob("*.mrml"))))
    assert scene.Import()
    driver.settle()
    assert (driver.result.run, driver.result.name) == (run, name)
    assert len(driver.result.times("reconstruction")) == 129
    assert driver.parameters.task.task == "enhance"
    assert not driver.ui("Reconstruct").mapsCheckBox.checked


def test_deleted_parts_of_a_result_come_back(driver, monkeypatch) -> None:
    """Also the browser, without which nothing moves and the views are empty."""
    import qt

    result = driver.result
    orphan = result.proxy("reconstruction")
    slicer.mrmlScene.RemoveNode(result.node("browser"))
    driver.settle()
    assert driver.result == result
    assert result.proxy("reconstruction") is orphan
    slicer.mrmlScene.RemoveNode(result.proxy("input"))
    driver.settle()
    browser = result.node("browser")
    browser.SetSelectedItemNumber(6)
    driver.settle()
    for role, frame in (("reconstruction", 6), ("input", 1)):
        voxels = vtk_to_numpy(result.proxy(role).GetImageData().GetPointData().GetScalars())
        assert np.array_equal(voxels, result.signal(role)[frame].ravel())
    slicer.mrmlScene.RemoveNode(result.sequence("input"))
    driver.settle()
    assert driver.result is None
    assert not driver.ui("Display").compareButton.enabled
    assert "lost its images" in slicer.util.mainWindow().statusBar().currentMessage()
    monkeypatch.setattr(slicer.util, "messageBox", lambda *arguments, **keywords: qt.QMessageBox.Ok)
    driver.panel.ui.removeResultButton.click()
    assert driver.logic.results() == []


def test_closing_the_module_during_a_run_leaves_nothing(driver) -> None:
    driver.load()
    driver.start()
    driver.working()
    driver.widget.cleanup()
    assert not driver.logic.running
    assert driver.leftovers() == []
    driver.open()
