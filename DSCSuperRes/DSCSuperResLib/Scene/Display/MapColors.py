"""Colors of maps: one scale for all sources of a map, another for differences from the truth.

A scale that the user has not changed follows the values of the map; one that the user chose stays.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import slicer

from dsc_superres.perfusion.map_scales import MapScale, map_scale, round_up

from ..Attributes import setAttributes
from ..Maps.Maps import DIFFERENCES, NEW_VALUES, SOURCES, mapNode, mapsProvenance, mapTitle, unitText
from ..Result import Result
from ..Volumes import frameArray
from .Difference import colorDifference

PREPARED = "DSCSuperRes.Coloured"
"""Attribute of a map whose colors were set up; later changes are the user's."""
AUTOMATIC = "DSCSuperRes.AutomaticScale"
"""Attribute of a map with the ends of the scale that was chosen for it."""
PREFERRED = ("vtkMRMLColorTableNodeFileColdToHotRainbow.txt", "vtkMRMLPETProceduralColorNodePET-Rainbow2")
FOR_SIGNED = ("vtkMRMLColorTableNodeFileDivergingBlueRed.txt",)
FOR_UNCERTAINTY = ("vtkMRMLColorTableNodeFileInferno.txt", "vtkMRMLColorTableNodeIron")
"""Colors in order of preference; the first that Slicer has are used."""
SCALE_PERCENTILE = 98
"""Percentile of the voxels of the uncertainty of the signal at which its scale ends."""
DIFFERENCE_PERCENTILE = 95
"""Percentile of a difference at which its scale ends, at most at the end of its map's."""
SAMPLED_VOXELS = 200_000
EVERY_VALUE = -float(np.finfo(np.float32).max)
"""Threshold that hides what was not computed (NaN), but no value."""


def prepareColors(result: Result, name: str, chosen: MapScale | None = None) -> None:
    """Set up the display of all maps called ``name`` that are new, and update that of maps with new values.

    New maps get the scale ``chosen`` by the user before, if any.
    """
    volumes = {source: volume for source in SOURCES if (volume := mapNode(result, name, source)) is not None}
    differences = [volume for source in DIFFERENCES.values() if (volume := mapNode(result, name, source)) is not None]
    if not any(_isNew(volume) for volume in (*volumes.values(), *differences)):
        return
    scale = automaticScale(result, name)
    own = chosen or next((shownScale(volume) for volume in volumes.values() if _isUsers(volume)), None)
    _setAutomatic(result, volumes.values(), name, scale)
    if own is not None:
        setScale(volumes.values(), own.lower, own.upper)
    limit = typicalDifference(result, name, scale)
    for volume in differences:
        if not _isUsers(volume):
            colorDifference(volume, limit, absolute=False)
        setAttributes(volume, {AUTOMATIC: _text(MapScale(-limit, limit))})
    for volume in (*volumes.values(), *differences):
        if not volume.GetAttribute(PREPARED):
            with slicer.util.NodeModify(volume.GetDisplayNode()):
                volume.GetDisplayNode().SetInterpolate(False)
                setThreshold([volume], EVERY_VALUE)
        setAttributes(volume, {PREPARED: "yes", NEW_VALUES: None})


def resetScale(result: Result, name: str) -> None:
    """Give all maps ``name`` the automatic scale, and show all of their values."""
    volumes = [volume for source in SOURCES if (volume := mapNode(result, name, source)) is not None]
    _setAutomatic(result, volumes, name, automaticScale(result, name))
    setThreshold(volumes, EVERY_VALUE)


def automaticScale(result: Result, name: str) -> MapScale:
    """Return the scale for all maps ``name``, from the most trusted one."""
    source = next(source for source in ("truth", "reconstruction", "input") if mapNode(result, name, source))
    known = _automatic(mapNode(result, name, source))
    if known is not None and not mapNode(result, name, source).GetAttribute(NEW_VALUES):
        return known
    return map_scale(name, _sample(mapNode(result, name, source)), mapsProvenance(result, source))


def shownScale(volume: slicer.vtkMRMLScalarVolumeNode) -> MapScale:
    """Return the values (in the map's unit) with the first and the last color in the views."""
    display = volume.GetDisplayNode()
    return MapScale(display.GetWindowLevelMin(), display.GetWindowLevelMax())


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
    """Make values below ``lowest`` (in the map's unit) transparent, and what was not computed (NaN)."""
    for volume in volumes:
        display = volume.GetDisplayNode()
        with slicer.util.NodeModify(display):
            display.AutoThresholdOff()
            display.SetThreshold(lowest, float(np.finfo(np.float32).max))
            display.ApplyThresholdOn()


def typicalDifference(result: Result, name: str, scale: MapScale) -> float:
    """Return a limit above most differences of the reconstruction and of the input, within the scale of the map."""
    volumes = [volume for one in DIFFERENCES.values() if (volume := mapNode(result, name, one)) is not None]
    sizes = [np.abs(values[np.isfinite(values)]) for values in map(_sample, volumes)]
    limits = [np.percentile(one, DIFFERENCE_PERCENTILE) for one in sizes if one.size]
    return min(round_up(float(max(limits, default=0.0))), scale.upper)


def legendTitle(name: str, source: str) -> str:
    """Return the title of a legend: quantity and unit."""
    delta = "Δ " if source in DIFFERENCES.values() else ""
    return f"{delta}{mapTitle(name)} ({unitText(name)})"


def firstColors(scene: slicer.vtkMRMLScene, names: tuple[str, ...]) -> slicer.vtkMRMLColorNode | None:
    """Return the first of these color nodes (IDs) that the scene contains."""
    return next((node for name in names if (node := scene.GetNodeByID(name)) is not None), None)


def _sample(volume: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    """Return values of a map, float32[n], of which scales need no more than a sample."""
    values = frameArray(volume).ravel()
    step = values.size // SAMPLED_VOXELS
    return values[:: step + (step + 1) % 2]  # odd, so that it does not take every second column alone


def _setAutomatic(
    result: Result, volumes: Iterable[slicer.vtkMRMLScalarVolumeNode], name: str, scale: MapScale
) -> None:
    """Color ``volumes`` by the scale that was chosen for them; colors change only with the kind of the scale."""
    for volume in volumes:
        before = _automatic(volume)
        sameKind = before is not None and before.is_signed == scale.is_signed
        setScale([volume], scale.lower, scale.upper, None if sameKind else _colors(result, name, scale))
        setAttributes(volume, {AUTOMATIC: _text(scale)})


def _colors(result: Result, name: str, scale: MapScale) -> slicer.vtkMRMLColorNode | None:
    names = FOR_UNCERTAINTY if name.endswith("_sd") else FOR_SIGNED if scale.is_signed else PREFERRED
    return firstColors(result.scene, names)


def _isNew(volume: slicer.vtkMRMLScalarVolumeNode) -> bool:
    return not volume.GetAttribute(PREPARED) or bool(volume.GetAttribute(NEW_VALUES))


def _isUsers(volume: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Return whether the user has changed the scale that was chosen for ``volume``."""
    if not volume.GetAttribute(PREPARED):
        return False
    automatic, shown = _automatic(volume), shownScale(volume)
    return automatic is None or not np.allclose((automatic.lower, automatic.upper), (shown.lower, shown.upper))


def _automatic(volume: slicer.vtkMRMLScalarVolumeNode) -> MapScale | None:
    text = volume.GetAttribute(AUTOMATIC)
    return MapScale(*map(float, text.split())) if text else None


def _text(scale: MapScale) -> str:
    return f"{scale.lower:g} {scale.upper:g}"
