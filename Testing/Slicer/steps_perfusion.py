"""Perfusion: maps over the images, their differences, the arterial input and maps computed again, regions."""

import json

import numpy as np
import slicer
from vtk.util.numpy_support import vtk_to_numpy
from workflow import Workflow

UPPER = {"mtt": 20.0, "tmax": 10.0}
"""Ends of the scales that are the same for every patient, s."""
MAPS = {"cbv": "mL/100 g", "cbf": "mL/100 g/min", "mtt": "s", "ttp": "s", "tmax": "s"}


def run(w: Workflow) -> None:
    """Click through the section with the maps of the run."""
    w.show("Perfusion")
    w.picture("maps-computed")
    _overlay(w)
    _difference(w)
    _others(w)
    _reading(w)
    arterial = _arterial(w)
    _fromPoints(w, arterial)
    _fromSegment(w, arterial)
    _regions(w)


def _overlay(w: Workflow) -> None:
    """One click lays CBV over the images."""
    ui = w.ui("Perfusion")
    for name in MAPS:
        w.check(getattr(ui, f"{name}Button").enabled, f"the run made {name}")
    w.check(not w.layout.shown, "the user's own layout is on the screen")
    ui.relativeCheckBox.checked = False
    ui.cbvButton.click()
    w.settle()
    for role in ("truth", "input", "reconstruction"):
        shown = (_view(w, role).GetBackgroundVolumeID(), _view(w, role).GetForegroundVolumeID())
        expected = (w.result.proxy(role).GetID(), _map(w, "cbv", role).GetID())
        w.check(shown == expected, f"the view for {role} shows {shown} instead of {expected}")
        legend = slicer.modules.colors.logic().GetColorLegendDisplayNode(_map(w, "cbv", role))
        w.check(legend.GetVisibility() and legend.GetTitleText() == "CBV (mL/100 g)", legend.GetTitleText())
    w.picture("cbv")
    ui.opacitySlider.value = 0.5
    w.check(_view(w, "reconstruction").GetForegroundOpacity() == 0.5, "the opacity")
    ui.threshold.value = 3.0
    display = _map(w, "cbv", "reconstruction").GetDisplayNode()
    w.check(display.GetApplyThreshold() and display.GetLowerThreshold() == 3.0, "the threshold")
    w.picture("cbv-half-transparent-above-3")
    ui.opacitySlider.value = 1.0
    ui.scaleAutoButton.click()
    ui.legendCheckBox.click()
    w.check(not legend.GetVisibility(), "the legends can be hidden")
    ui.legendCheckBox.click()


def _difference(w: Workflow) -> None:
    """The last view shows the map of the reconstruction, or of the input, minus that of the ground truth."""
    ui = w.ui("Perfusion")
    shown = slicer.mrmlScene.GetNodeByID(_view(w, "difference").GetBackgroundVolumeID())
    w.check(shown is _map(w, "cbv", "difference"), f"the view of the difference shows {shown.GetName()}")
    truth, made, inside = (
        _voxels(_map(w, *of)) for of in (("cbv", "truth"), ("cbv", "reconstruction"), ("mask", "truth"))
    )
    both = (inside > 0) & (_voxels(_map(w, "mask", "reconstruction")) > 0)
    w.check(np.allclose(_voxels(shown)[both], (made - truth)[both], atol=1e-4), "the difference of CBV")
    ui.comparedSelector.currentIndex = 1
    w.settle()
    shown = slicer.mrmlScene.GetNodeByID(_view(w, "difference").GetBackgroundVolumeID())
    w.check(shown is _map(w, "cbv", "inputDifference"), f"the view of the difference shows {shown.GetName()}")
    w.picture("cbv-input-compared")
    ui.comparedSelector.currentIndex = 0


def _others(w: Workflow) -> None:
    ui = w.ui("Perfusion")
    for name, unit in MAPS.items():
        getattr(ui, f"{name}Button").click()
        w.settle()
        w.check(_view(w, "reconstruction").GetForegroundVolumeID() == _map(w, name, "reconstruction").GetID(), name)
        w.check(ui.unitLabel.text == unit, ui.unitLabel.text)
        display = _map(w, name, "truth").GetDisplayNode()
        legend = slicer.modules.colors.logic().GetColorLegendDisplayNode(display)
        w.check(display.GetWindowLevelMax() == UPPER.get(name, display.GetWindowLevelMax()), f"the scale of {name}")
        w.check(legend.GetLabelFormat().endswith("f"), f"the labels of {name} are {legend.GetLabelFormat()}")
        if name != "cbv":
            w.picture(name)
    ui.cbfButton.click()
    ui.uncertaintyCheckBox.click()
    w.settle()
    shown = slicer.mrmlScene.GetNodeByID(_view(w, "reconstruction").GetForegroundVolumeID())
    w.check(shown is _map(w, "cbf_sd", "reconstruction"), f"{shown.GetName()} instead of the uncertainty of CBF")
    w.picture("cbf-uncertainty")
    ui.uncertaintyCheckBox.click()
    ui.cbvButton.click()


def _reading(w: Workflow) -> None:
    """Late tissue is outlined in the view of its series; maps are shown without vessels and fluid, and with them."""
    ui = w.ui("Perfusion")
    ui.readingBox.collapsed = False
    w.check("Tmax > 6 s" in ui.volumesLabel.text and "research" in ui.volumesLabel.text, ui.volumesLabel.text)
    display = w.result.node("segments.regions.truth").GetDisplayNode()
    w.check(display.GetSegmentVisibility("tmax_above_6s") == ui.outlinesCheckBox.checked, "the outline of late tissue")
    whole = np.count_nonzero(np.isfinite(_voxels(_map(w, "cbv", "truth"))))
    ui.vesselsCheckBox.click()
    ui.fluidCheckBox.click()
    w.settle()
    left = np.count_nonzero(np.isfinite(_voxels(_map(w, "cbv", "truth"))))
    w.check(left < whole, f"{left} of {whole} voxels are shown without vessels and fluid")
    ui.brainCheckBox.click()
    w.scroll(ui.readingBox)
    w.picture("reading-aids")
    for box in (ui.brainCheckBox, ui.vesselsCheckBox, ui.fluidCheckBox):
        box.click()
    w.check(np.count_nonzero(np.isfinite(_voxels(_map(w, "cbv", "truth")))) == whole, "all voxels are back")
    ui.readingBox.collapsed = True


def _arterial(w: Workflow) -> np.ndarray:
    """The automatic arterial input: its voxels (z, y, x) are marked on the image, its curve is drawn."""
    ui, points = w.ui("Perfusion"), w.result.node("points.aif")
    ui.aifBox.collapsed = False
    used = _provenance(w)["aif"]
    w.check("likeness" in ui.aifFacts.text and "arrives" in ui.aifFacts.text, ui.aifFacts.text)
    w.check(points.GetNumberOfControlPoints() == len(used["voxels_zyx"]), "a mark at every voxel of the artery")
    w.check(points.GetDisplayVisibility(), "the marks are shown")
    w.check(ui.candidateSelector.count > 1, "there are other candidates")
    curve = vtk_to_numpy(w.result.node("table.aif").GetTable().GetColumn(1))
    w.check(np.allclose(curve, used["delta_r2star"]), "the curve is that of the maps")
    view = slicer.mrmlScene.GetSingletonNode("DSCSuperResArterialInput", "vtkMRMLPlotViewNode")
    w.check(view.GetPlotChartNodeID() == w.result.node("chart.aif").GetID(), "the curve is shown")
    w.scroll(ui.plotPlace)
    w.picture("arterial-input")
    return np.array(used["voxels_zyx"])


def _fromPoints(w: Workflow, arterial: np.ndarray) -> None:
    """A point that the user places at one voxel of the artery."""
    ui, truth = w.ui("Perfusion"), _map(w, "cbv", "truth")
    before = _voxels(truth).copy()
    points = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Artery")
    points.AddControlPoint(*w.place(arterial[0], truth))
    w.choose("Perfusion", "aifSelector", "points")
    w.choose("Perfusion", "methodSelector", "csvd")
    ui.aifPoints.setCurrentNode(points)
    _compute(w, "maps-being-computed")
    used = _provenance(w)
    w.check(used["aif"]["voxels_zyx"] == [arterial[0].tolist()], f"the artery is {used['aif']['voxels_zyx']}")
    w.check("block-circulant" in used["method"], used["method"])
    w.check(
        not np.allclose(before, _voxels(_map(w, "cbv", "truth")), equal_nan=True), "another artery gives other maps"
    )
    w.check(_map(w, "cbf_sd", "truth") is None and not ui.uncertaintyCheckBox.enabled, "this method has no uncertainty")
    w.scroll(ui.statusLabel)
    w.picture("arterial-input-from-point")


def _fromSegment(w: Workflow, arterial: np.ndarray) -> None:
    ui = w.ui("Perfusion")
    inside = np.zeros(_voxels(_map(w, "cbv", "truth")).shape, bool)
    inside[tuple(arterial.T)] = True
    segmentation = w.segment("Arteries", {"Artery": inside})
    w.choose("Perfusion", "aifSelector", "segment")
    ui.aifSegmentation.setCurrentNode(segmentation)
    ui.ownBaselineCheckBox.click()
    w.check(ui.baselineEnd.value > ui.baselineStart.value >= 0, "the own baseline begins with the one that was found")
    ui.baselineStart.value += 4
    start, end = ui.baselineStart.value, ui.baselineEnd.value
    _compute(w)
    used = _provenance(w)
    w.check(sorted(used["aif"]["voxels_zyx"]) == sorted(arterial.tolist()), "the voxels of the segment are the artery")
    w.check(np.allclose(used["baseline_s"], (start, end), atol=0.8), f"baseline {used['baseline_s']}, not {start, end}")
    w.picture("arterial-input-from-segment")


def _compute(w: Workflow, picture: str = "") -> None:
    """Compute the maps again, in the background."""
    w.startMaps()
    ui = w.ui("Perfusion")
    w.wait(lambda: ui.progressBar.value > 0, 60, "the progress of the maps")
    if picture:
        w.scroll(ui.progressBar)
        w.picture(picture)
    w.finishMaps()


def _regions(w: Workflow) -> None:
    """Mean and standard deviation of every map in every segment."""
    ui = w.ui("Perfusion")
    ui.aifBox.collapsed, ui.regionsBox.collapsed = True, False
    ui.regionsSelector.setCurrentNode(slicer.mrmlScene.GetFirstNodeByName("Regions"))
    w.settle(2)
    ui.measureButton.click()
    w.wait(lambda: w.result.node("table.regions"), 60, "the table of regions")
    table, values = w.result.node("table.regions"), w.result.node("table.regions.values")
    w.check(table.GetNumberOfRows() == 5, f"{table.GetNumberOfRows()} rows: one segment, three series, two differences")
    rows = {
        tuple(values.GetCellText(row, column) for column in range(3)): row for row in range(values.GetNumberOfRows())
    }
    column = next(c for c in range(values.GetNumberOfColumns()) if values.GetColumnName(c) == "mean")
    found = float(values.GetCellText(rows["White matter", "truth", "cbv"], column))
    expected = np.nanmean(_voxels(_map(w, "cbv", "truth"))[:, 118:124, 85:91])
    w.check(abs(found - expected) < 0.01 * expected, f"mean CBV {found} instead of {expected}")
    w.scroll(ui.regionsTable)
    w.picture("regions")


def _map(w: Workflow, name: str, source: str) -> slicer.vtkMRMLScalarVolumeNode | None:
    return w.result.node(f"map.{name}.{source}")


def _voxels(volume: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    return slicer.util.arrayFromVolume(volume)


def _provenance(w: Workflow) -> dict:
    return json.loads(w.result.node("text.maps.truth").GetText())


def _view(w: Workflow, role: str) -> slicer.vtkMRMLSliceCompositeNode:
    return w.layout.compositeNode(role)
