"""Colors of maps: one scale for all sources of a map, another for differences from the truth, with legends."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import slicer

from ..Maps.Maps import DIFFERENCES, SOURCES, computedVoxels, mapNode, mapTitle, unitText
from ..Result import Result
from ..Volumes import frameArray
from .Difference import colorDifference, showLegend

PREPARED = "DSCSuperRes.Coloured"
"""Attribute of a map whose colors were set up; later changes are the user's."""
PREFERRED = ("vtkMRMLColorTableNodeFileColdToHotRainbow.txt", "vtkMRMLPETProceduralColorNodePET-Rainbow2")
FOR_UNCERTAINTY = ("vtkMRMLColorTableNodeFileInferno.txt", "vtkMRMLColorTableNodeIron")
"""Colors in order of preference; the first that Slicer has are used."""
SCALE_PERCENTILE = 98
"""Percentile of the voxels of a map at which its scale ends."""
PRESETS = {"rcbv": 4.0, "rcbf": 4.0}
"""Upper ends of scales that do not depend on the series: white matter is 1, gray matter 2 to 3, many tumors above."""
DIFFERENCE_PERCENTILE = 95
"""Percentile of a difference at which its scale ends."""


def prepareColors(result: Result, name: str) -> None:
    """Choose the scale and colors of all maps called ``name`` that have none yet."""
    volumes = {source: volume for source in SOURCES if (volume := mapNode(result, name, source)) is not None}
    new = {source: volume for source, volume in volumes.items() if not volume.GetAttribute(PREPARED)}
    if new:
        colors = firstColors(result.scene, FOR_UNCERTAINTY if name.endswith("_sd") else PREFERRED)
        setScale(volumes.values(), 0.0, typicalScale(result, name), colors)
    for source, volume in new.items():
        volume.SetAttribute(PREPARED, "yes")
        volume.GetDisplayNode().SetInterpolate(False)
        setThreshold([volume], smallestShown(volume))
        showLegend(volume, legendTitle(name, source), visible=True)
    for source in DIFFERENCES.values():
        volume = mapNode(result, name, source)
        if volume is not None and not volume.GetAttribute(PREPARED):
            volume.SetAttribute(PREPARED, "yes")
            volume.GetDisplayNode().SetInterpolate(False)
            colorDifference(volume, typicalDifference(result, name), absolute=False)
            showLegend(volume, legendTitle(name, source), visible=True)


def showLegends(result: Result, name: str, visible: bool) -> None:
    """Show or hide the legends of all maps called ``name``."""
    for source in (*SOURCES, *DIFFERENCES.values()):
        volume = mapNode(result, name, source)
        if volume is not None:
            showLegend(volume, legendTitle(name, source), visible)


def setScale(
    volumes: Iterable[slicer.vtkMRMLScalarVolumeNode],
    lower: float,
    upper: float,
    colors: slicer.vtkMRMLColorNode | None = None,
) -> None:
    """Color ``volumes`` from ``lower`` to ``upper`` (in the map's unit), with ``colors`` if given."""
    for volume in volumes:
        display = volume.GetDisplayNode()
        with slicer.util.NodeModify(display):
            display.AutoWindowLevelOff()
            display.SetWindowLevelMinMax(lower, upper)
            if colors is not None:
                display.SetAndObserveColorNodeID(colors.GetID())


def setThreshold(volumes: Iterable[slicer.vtkMRMLScalarVolumeNode], lowest: float) -> None:
    """Make values below ``lowest`` (in the map's unit) transparent."""
    for volume in volumes:
        display = volume.GetDisplayNode()
        with slicer.util.NodeModify(display):
            display.AutoThresholdOff()
            display.SetThreshold(lowest, float(np.finfo(np.float32).max))
            display.ApplyThresholdOn()


def smallestShown(volume: slicer.vtkMRMLScalarVolumeNode) -> float:
    """Return a threshold that hides voxels that were not computed (0) and little else: a thousandth of the scale."""
    return volume.GetDisplayNode().GetWindowLevelMax() / 1000


def typicalScale(result: Result, name: str) -> float:
    """Return the upper end of the scale of all maps ``name``, from the most trusted one."""
    if name in PRESETS:
        return PRESETS[name]
    source = next(source for source in ("truth", "reconstruction", "input") if mapNode(result, name, source))
    return _rounded(np.percentile(_values(result, name, source), SCALE_PERCENTILE))


def typicalDifference(result: Result, name: str) -> float:
    """Return a limit above most differences of the reconstruction and of the input."""
    values = [np.abs(_values(result, name, one)) for one in DIFFERENCES.values() if mapNode(result, name, one)]
    return _rounded(max(np.percentile(one, DIFFERENCE_PERCENTILE) for one in values))


def legendTitle(name: str, source: str) -> str:
    """Return the title of a legend: quantity and unit."""
    delta = "Δ " if source in DIFFERENCES.values() else ""
    return f"{delta}{mapTitle(name)} ({unitText(name)})"


def _values(result: Result, name: str, source: str) -> np.ndarray:
    values, inside = frameArray(mapNode(result, name, source)), computedVoxels(result, source)
    values = values[inside] if inside is not None and inside.shape == values.shape else values[values != 0]
    return values if values.size else np.ones(1)


def _rounded(value: float) -> float:
    """Round up to a number whose quarters are short in a legend; 1 unless ``value`` is positive."""
    if not value > 0:
        return 1.0
    step = 0.4 * 10.0 ** np.floor(np.log10(value))
    return float(np.ceil(value / step - 1e-9) * step)


def firstColors(scene: slicer.vtkMRMLScene, names: tuple[str, ...]) -> slicer.vtkMRMLColorNode | None:
    """Return the first of these color nodes (IDs) that the scene contains."""
    return next((node for name in names if (node := scene.GetNodeByID(name)) is not None), None)
