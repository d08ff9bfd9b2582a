"""Options of maps in the panel, and scenes that earlier versions of the module saved."""

import json

import numpy as np
import pytest

pytest.importorskip("slicer")
pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

import slicer
from panel_driver import addSegmentation

from dsc_superres.errors import DSCError
from dsc_superres.geometry import Geometry
from dsc_superres.jobs.job_files import parse_job
from dsc_superres.jobs.types import CompareJob, MapsJob, ReconstructJob
from dsc_superres.perfusion.options import KH_OVER_RHO
from dsc_superres.pipeline.case_options import MOTION, options_of
from DSCSuperResLib.Jobs.MapsRequest import makeMapsRequest
from DSCSuperResLib.Scene.Display.CompareLayout import CompareLayout
from DSCSuperResLib.Scene.Maps.Maps import mapsProvenance
from DSCSuperResLib.Scene.Result import ROLE
from DSCSuperResLib.Scene.Segments import segmentIds, segmentMask
from DSCSuperResLib.Scene.Volumes import frameArray

pytestmark = pytest.mark.usefixtures("slotErrors")
BRAIN = (slice(0, 2), slice(8, 24), slice(8, 24))


NOT_CHOSEN = {
    "input": "the series is chosen as a sequence",
    "inputs": "they are the series of the result",
    "output": "results are loaded into the scene",
    "times": "of the sequence",
    "slice_times": "of the sequence",
    "slice_timing": "times of slices are used where they are known; to do without is for comparisons by command line",
    "geometry": "of the sequence",
    "format": "the scene decides on the voxels' type",
    "integer": "the scene decides on the voxels' type",
    "report": "it always belongs to a result",
    "update_report": "the report of a result always shows its current maps",
    "baselines": "back-projection of the input is measured beside every model",
    "baseline_maps": "maps of an interpolation would take as long as those of the model",
    "aif_series": "the ground truth, or the reconstruction",
}
"""Options of jobs for which the panel has no control, and why."""
IN_THE_PANEL = {
    "echo_time": "input.echoTime",
    "frame_interval": "input.repetitionTime",
    "series": "input.series",
    "echo": "input.echo",
    "stack": "input.stack",
    "exclude": "input.exclude",
    "motion": "input.motion",
    "space": "task.space",
    "time": "task.time",
    "interval": "task.interval",
    "operator": "task.operator",
    "model": "reconstruct.model",
    "device": "reconstruct.device",
    "maps": "reconstruct.maps",
    "uncertainty": "reconstruct.uncertainty",
    "fast": "reconstruct.fast",
    "method": "perfusion.method",
    "leakage": "perfusion.leakage",
    "aif": "perfusion.aifFile",
    "aif_voxels": "perfusion.aifPoints",
    "baseline": "perfusion.baselineStart",
    "integration_end": "perfusion.integrationEnd",
    "kh_over_rho": "perfusion.khOverRho",
    "threshold": "perfusion.threshold",
    "oscillation": "perfusion.oscillation",
    "as_published": "perfusion.asPublished",
    "mask": "perfusion.mask",
    "reference": "perfusion.reference",
    "vein": "perfusion.vein",
    "spatial_prior": "perfusion.spatialPrior",
}
"""Parameters of the panel by option of a job."""


@pytest.mark.parametrize("job", [ReconstructJob, CompareJob, MapsJob])
def test_every_option_of_a_job_is_in_the_panel(driver, job) -> None:
    assert set(options_of(job)) <= {*IN_THE_PANEL, *NOT_CHOSEN}
    for name in IN_THE_PANEL.values():
        pack, parameter = name.split(".")
        getattr(getattr(driver.parameters, pack), parameter)


def test_jobs_of_the_panel_are_those_of_the_worker(driver, result, tmp_path) -> None:
    series = {"truth": {"file": "truth.npy", "times": [0.0, 1.0], "geometry": Geometry().as_dict()}}
    fields = json.loads(json.dumps(makeMapsRequest(driver.parameters.perfusion, result).job(series, 0.03, "out")))
    assert isinstance(parse_job(fields, tmp_path), MapsJob)
    for radio, kind in (("enhanceRadio", ReconstructJob), ("compareRadio", CompareJob)):
        getattr(driver.ui("Task"), radio).click()
        fields = json.loads(json.dumps(driver.logic.request(driver.parameters).job("input.npy", "out")))
        assert isinstance(parse_job(fields, tmp_path), kind)


@pytest.fixture(scope="module")
def result(driver):
    """A run by interpolation, with maps."""
    driver.load((32, 32, 2), 33)
    driver.choose("Reconstruct", "modelSelector", "linear")
    driver.start()
    driver.finish()
    assert driver.result.node("map.cbv.truth") is not None, driver.ui("Reconstruct").statusLabel.text
    yield driver.result
    slicer.mrmlScene.Clear(0)


def test_options_apply_to_their_methods_and_say_why_not_to_others(driver, result) -> None:
    ui = driver.ui("Perfusion")
    ui.aifBox.collapsed = ui.advancedMapsButton.collapsed = False
    enabled = {"bayes": (False, False, False), "csvd": (True, True, False), "osvd": (True, False, True)}
    for method, expected in enabled.items():
        driver.choose("Perfusion", "methodSelector", method)
        assert (ui.svdThreshold.enabled, ui.adaptiveThreshold.enabled, ui.asPublished.enabled) == expected
        assert ui.oscillation.enabled == ui.asPublished.enabled
        assert ui.spatialPrior.enabled == (method == "bayes")
        for widget in (ui.svdThreshold, ui.adaptiveThreshold, ui.oscillation, ui.asPublished, ui.spatialPrior):
            assert widget.toolTip
    assert "Bayesian" not in ui.svdThreshold.toolTip
    driver.show("Perfusion")
    driver.picture("advanced options of maps")


def test_options_become_those_of_the_job(driver, result) -> None:
    ui, chosen = driver.ui("Perfusion"), driver.parameters.perfusion
    driver.choose("Perfusion", "methodSelector", "ssvd")
    ui.khOverRho.value, ui.svdThreshold.value, ui.oscillation.value = 1.0, 0.15, 0.05
    ui.asPublished.checked = True
    driver.choose("Perfusion", "maskSelector", "none")
    job = makeMapsRequest(chosen, result).job({}, 0.03, "out")
    assert (job["kh_over_rho"], job["threshold"], job["as_published"], job["mask"]) == (1.0, 0.15, False, "none")
    assert "oscillation" not in job
    ui.adaptiveThreshold.click()
    assert not ui.svdThreshold.enabled
    assert makeMapsRequest(chosen, result).threshold == "adaptive"
    driver.choose("Perfusion", "methodSelector", "osvd")
    request = makeMapsRequest(chosen, result)
    assert (request.threshold, request.oscillation, request.asPublished) == (0.15, 0.05, True)
    driver.choose("Perfusion", "methodSelector", "bayes")
    request = makeMapsRequest(chosen, result)
    assert (request.threshold, request.oscillation, request.asPublished) == (None, None, False)
    assert request.job({}, 0.03, "out")["spatial_prior"] is True
    ui.spatialPrior.click()
    assert makeMapsRequest(chosen, result).job({}, 0.03, "out")["spatial_prior"] is False
    ui.spatialPrior.click()
    ui.khOverRho.value = ui.svdThreshold.value = ui.oscillation.value = 0
    ui.adaptiveThreshold.checked = ui.asPublished.checked = False


def test_white_matter_may_be_drawn_and_opens_relative_where_the_artery_is_doubtful(driver, result) -> None:
    ui = driver.ui("Perfusion")
    ui.advancedMapsButton.collapsed = False
    driver.choose("Perfusion", "methodSelector", "ssvd")
    driver.choose("Perfusion", "maskSelector", "none")
    driver.choose("Perfusion", "referenceSelector", "segmentation")
    assert ui.referenceSegmentation.visible
    assert not ui.referenceFile.visible
    ui.computeButton.click()
    assert "Choose the segmentation of the white matter" in ui.statusLabel.text
    white = np.zeros((2, 32, 32), bool)
    white[:, 12:16, 12:18] = True
    ui.referenceSegmentation.setCurrentNode(addSegmentation("white", {"white": white}, result.proxy("truth")))
    driver.startMaps()
    driver.finishMaps()
    assert np.array_equal(frameArray(result.node("map.reference.truth")) > 0, white)
    relative = frameArray(result.node("map.rcbv.truth"))
    assert np.median(relative[white]) == pytest.approx(1, abs=1e-6)
    outline = result.node("segments.reference")
    assert np.array_equal(segmentMask(outline, segmentIds(outline)[0], result.proxy("truth")), white)
    assert ui.relativeCheckBox.visible
    trusted = mapsProvenance(result, "truth")["absolute_scale_trusted"]
    assert ui.relativeCheckBox.checked != trusted
    ui.relativeCheckBox.checked = True
    ui.cbvButton.click()
    views = CompareLayout(slicer.mrmlScene, slicer.app.applicationLogic())

    def shown() -> str:
        driver.settle()
        return views.compositeNode("reconstruction").GetForegroundVolumeID()

    assert shown() == result.node("map.rcbv.reconstruction").GetID()
    assert ui.scaleRange.maximumValue == 4
    driver.show("Perfusion")
    driver.picture("relative map")
    ui.relativeCheckBox.click()
    assert shown() == result.node("map.cbv.reconstruction").GetID()
    assert ui.cbvButton.checked
    driver.choose("Perfusion", "referenceSelector", "none")
    driver.startMaps()
    driver.finishMaps()
    assert result.node("map.rcbv.truth") is None
    assert result.node("segments.reference") is None
    assert not ui.relativeCheckBox.visible
    driver.choose("Perfusion", "referenceSelector", "automatic")
    driver.choose("Perfusion", "maskSelector", "automatic")
    assert driver.leftovers() == []


def test_maps_are_computed_in_the_visible_segments(driver, result) -> None:
    ui = driver.ui("Perfusion")
    driver.choose("Perfusion", "methodSelector", "ssvd")
    driver.choose("Perfusion", "maskSelector", "segmentation")
    assert ui.maskSegmentation.visible
    assert not ui.maskFile.visible
    ui.computeButton.click()
    assert "Choose the segmentation" in ui.statusLabel.text
    inside = np.zeros((2, 32, 32), bool)
    inside[BRAIN] = True
    ui.maskSegmentation.setCurrentNode(addSegmentation("brain", {"brain": inside}, result.proxy("truth")))
    driver.startMaps()
    driver.finishMaps()
    assert np.array_equal(frameArray(result.node("map.mask.truth")) > 0, inside)
    assert driver.leftovers() == []


def test_maps_of_a_script_have_the_options_of_the_panel(driver, result) -> None:
    logic, outcomes = driver.logic, []
    before = frameArray(result.node("map.cbv.truth")).copy()
    driver.parameters.perfusion.khOverRho = 1.0
    logic.startMaps(result, logic.mapsRequest(driver.parameters, result), outcomes.append)
    assert logic.computingMaps
    with pytest.raises(DSCError, match="Other maps are being computed"):
        logic.startMaps(result, logic.mapsRequest(driver.parameters, result), outcomes.append)
    driver.wait(lambda: outcomes, 120, "the end of the maps")
    assert outcomes[0].result == result, outcomes[0].error
    assert not logic.computingMaps
    after = frameArray(result.node("map.cbv.truth"))
    np.testing.assert_allclose(after[before > 0] / before[before > 0], 1 / KH_OVER_RHO, rtol=1e-4)
    driver.parameters.perfusion.khOverRho = 0.0


def test_scene_of_an_earlier_version_opens(driver, result, tmp_path) -> None:
    """With former names of parameters and roles, parameters that are gone, and without those that are new."""
    node, scene = driver.logic.parameterNode(), slicer.mrmlScene
    segmentation = scene.GetFirstNodeByName("brain")
    former = {"reconstruct.deviation": "True", "reconstruct.adapt": "True", "reconstruct.minutes": "3.5"}
    former |= {"look.plot": "nmse", "look.region": "whole", "look.relaxation": "True", "look.segmentation": ""}
    for name in ("reconstruct.uncertainty", "reconstruct.fast", "perfusion.khOverRho", "perfusion.mask"):
        node.UnsetParameter(name)
    for name in ("plot", "region", "relaxation", "segmentation"):
        node.UnsetParameter(f"display.{name}")
    for name, value in former.items():
        node.SetParameter(name, value)
    node.RemoveNodeReferenceIDs("display.segmentation")
    node.SetNodeReferenceID("look.segmentation", segmentation.GetID())
    result.sequence("difference").SetAttribute(ROLE, "deviation")
    assert slicer.app.applicationLogic().SaveSceneToSlicerDataBundleDirectory(str(tmp_path), None)
    scene.Clear(0)
    scene.SetURL(str(next(tmp_path.glob("*.mrml"))))
    assert scene.Import()
    driver.settle()
    parameters = driver.parameters
    assert (parameters.reconstruct.uncertainty, parameters.reconstruct.fast) == (True, True)
    display = parameters.display
    assert (display.plot, display.region, display.relaxation) == ("nmse", "whole", True)
    assert display.segmentation.GetName() == "brain"
    assert driver.ui("Display").plotSelector.currentData == "nmse"
    assert not driver.logic.parameterNode().HasParameter("look.plot")
    assert driver.result.run == result.run
    assert driver.result.sequence("uncertainty").GetNumberOfDataNodes() == 33
    assert driver.result.proxy("uncertainty") is not None
    assert driver.ui("Display").uncertaintyCheckBox.enabled


def test_frames_count_from_0_and_motion_is_noted(driver) -> None:
    driver.load((32, 32, 2), 24)
    sequence = driver.parameters.input.sequence
    for frame in range(15, 24):
        voxels = frameArray(sequence.GetNthDataNode(frame))
        voxels[:] = np.roll(voxels, 2, axis=2)
        sequence.GetNthDataNode(frame).Modified()
    driver.choose("Reconstruct", "modelSelector", "linear")
    driver.ui("Reconstruct").mapsCheckBox.checked = False
    driver.ui("Task").framesRange.setValues(1, 23)
    driver.parameters.input.exclude = "0, 4, 6-7"
    assert driver.logic.request(driver.parameters).exclude == (3, 5, 6)
    driver.parameters.input.exclude = "24"
    with pytest.raises(DSCError, match="no frame 24 to leave out: its frames count from 0 to 23"):
        driver.logic.request(driver.parameters)
    driver.parameters.input.exclude = ""
    driver.start()
    driver.finish()
    status = driver.ui("Reconstruct").statusLabel.text
    assert "The head moves by" in status
    assert status.endswith("count from the first one used: add 1.")
    driver.ui("Input").motionSelector.currentIndex = MOTION.index("correct")
    assert driver.logic.request(driver.parameters).job("input.npy", "out")["motion"] == "correct"
    driver.ui("Reconstruct").mapsCheckBox.checked = True
