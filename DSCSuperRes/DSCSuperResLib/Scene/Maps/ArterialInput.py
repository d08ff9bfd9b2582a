"""Display of the arterial input: points at its voxels, and its curve with baseline, arrival and peak."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer

from ...Translation import _
from ..Curves.Plots import Plots, Style
from ..Result import Result
from ..Segments import voxelCenters, voxelsAt
from ..Volumes import frameArray
from .Maps import SOURCES, aifCandidates, aifGrid, mapNode, mapsProvenance

POINTS = "points.aif"
CHOSEN = (0.86, 0.15, 0.15)
OTHERS = (0.6, 0.6, 0.6)
MARKS = (0.2, 0.45, 0.8)
TIME = "Time (s)"
CURVE = "ΔR2* (1/s)"


@dataclass(frozen=True, eq=False)
class ArterialCurve:
    """An arterial input: curve (1/s) at times (s), voxels int[k, 3] (z, y, x) of ``source``, score 0..1 or None."""

    times: np.ndarray
    curve: np.ndarray
    voxels: np.ndarray
    source: str
    score: float | None
    origin: str
    warnings: tuple[str, ...] = ()


def arterialInput(result: Result) -> ArterialCurve | None:
    """Return the arterial input function of the maps; None if there are no maps."""
    described = next((aif for source in SOURCES if (aif := mapsProvenance(result, source).get("aif"))), None)
    return _arterial(described, aifGrid(result)) if described else None


def candidates(result: Result) -> list[ArterialCurve]:
    """Return the arterial inputs that were found, best first; empty if none were searched."""
    found = aifCandidates(result)
    return [_arterial(described, found["source"]) for described in found.get("candidates", ())]


def bolusTimes(result: Result) -> tuple[float, float, float, float] | None:
    """Return start and end of the baseline, arrival and peak of the bolus (s); None if there are no maps."""
    for source in SOURCES:
        found = mapsProvenance(result, source)
        if found:
            first, last = found.get("baseline_s") or _frameTimes(result, source, found["baseline_frames"])
            return first, last, found["bolus_arrival_s"], found["bolus_peak_s"]
    return None


def markVoxels(result: Result, arterial: ArterialCurve) -> slicer.vtkMRMLMarkupsFiducialNode | None:
    """Add points at the voxels of the arterial input to the scene, and return them; None if its voxels are unknown."""
    volume = next((v for s in (arterial.source, *SOURCES) if (v := mapNode(result, "cbv", s)) is not None), None)
    node = result.node(POINTS)
    if volume is None or not len(arterial.voxels):
        if node is not None:
            result.scene.RemoveNode(node)
        return None
    if node is None:
        node = result.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", _("Arterial input"))
        node.CreateDefaultDisplayNodes()
        result.add(node, POINTS)
        _setUpDisplay(node.GetDisplayNode())
    with slicer.util.NodeModify(node):
        node.RemoveAllControlPoints()
        marked = np.zeros(frameArray(volume).shape, bool)
        marked[tuple(arterial.voxels.T)] = True
        for place in voxelCenters(marked, volume):
            node.AddControlPoint(*place)
        node.SetLocked(True)
    return node


def arterialVoxels(points: slicer.vtkMRMLMarkupsNode, volume: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    """Return the voxels int[k, 3] (z, y, x) of ``volume`` at the user's points; points outside are ignored."""
    places = [points.GetNthControlPointPositionWorld(index) for index in range(points.GetNumberOfControlPoints())]
    flat = np.unique(voxelsAt(np.array(places), volume)) if places else np.zeros(0, int)
    return np.stack(np.unravel_index(flat, frameArray(volume).shape), axis=-1)


def drawCurve(result: Result, arterial: ArterialCurve, others: list[ArterialCurve]) -> slicer.vtkMRMLPlotChartNode:
    """Return ``chart.aif``: the chosen curve over the other candidates, with lines at baseline, arrival and peak."""
    plots, series = Plots(result), []
    top = max(float(one.curve.max()) for one in (arterial, *others))
    for number, one in enumerate(others, 1):
        series.append(_curve(plots, f"aif.candidate{number}", _("Candidate {n}").format(n=number), one, OTHERS, 1.0))
    series.append(_curve(plots, "aif", _("Arterial input"), arterial, CHOSEN, 2.5))
    bolus = bolusTimes(result)
    names = (_("Baseline, start"), _("Baseline, end"), _("Bolus arrival"), _("Bolus peak in tissue"))
    for index, (name, moment) in enumerate(zip(names, bolus or (), strict=False)):
        columns = {TIME: np.array([moment, moment]), CURVE: np.array([0.0, top])}
        table = plots.table(f"aif.mark{index}", name, columns)
        style = Style(MARKS, dashed=index < 2, width=1.0)
        series.append(plots.series(f"aif.mark{index}", name, table, TIME, CURVE, style))
    score = "" if arterial.score is None else _(", likeness to an artery {score}").format(score=f"{arterial.score:.2f}")
    chart = plots.chart("aif", _("Arterial input") + score, TIME, CURVE, series)
    chart.SetLegendVisibility(False)  # it would cover the curve in the small plot of the panel
    chart.SetTitleFontSize(14)
    chart.SetAxisTitleFontSize(12)
    return chart


def _curve(plots: Plots, role: str, name: str, one: ArterialCurve, color: tuple, width: float):
    table = plots.table(role, name, {TIME: one.times, CURVE: one.curve})
    return plots.series(role, name, table, TIME, CURVE, Style(color, width=width))


def _setUpDisplay(display: slicer.vtkMRMLMarkupsDisplayNode) -> None:
    display.SetSelectedColor(*CHOSEN)
    display.SetColor(*CHOSEN)
    display.SetGlyphTypeFromString("Cross2D")
    display.SetUseGlyphScale(False)
    display.SetGlyphSize(3.0)  # mm, about a voxel
    display.SetPointLabelsVisibility(False)
    display.SetPropertiesLabelVisibility(False)
    display.SetSliceProjection(False)


def _arterial(described: dict, source: str) -> ArterialCurve:
    return ArterialCurve(
        np.array(described["times_s"], float),
        np.array(described["delta_r2star"], float),
        np.array(described["voxels_zyx"], int).reshape(-1, 3),
        source,
        described.get("score"),
        described.get("source", ""),
        tuple(described.get("warnings", ())),
    )


def _frameTimes(result: Result, source: str, frames: list[int]) -> tuple[float, float]:
    times = result.times(source)
    return tuple(float(times[min(frame, len(times) - 1)]) for frame in frames)
