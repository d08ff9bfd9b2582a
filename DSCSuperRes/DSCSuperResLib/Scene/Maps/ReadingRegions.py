"""Regions that help to read maps, as segments: late tissue and its core, fluid, vessels, and the brain to be edited.

Each source of maps has a segmentation of its own, which only its views show; the brain is that of all maps.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import slicer

from dsc_superres.geometry import Geometry
from dsc_superres.io import read_volume
from dsc_superres.perfusion.reading_aids import CORE, FLUID, LATE, REGIONS, VESSELS

from ...Translation import _
from ..Display.SliceViews import VIEWS
from ..Outlines import drawnAfterwards, fillOutlines, newOutlines
from ..Result import Result, roleTitle
from ..Segments import segmentMask

FOLDER = "regions"
"""Folder of the regions in a folder of maps."""
BRAIN = "segments.brain"
"""Role of the segmentation with the brain."""
COLORS = {LATE: (0.2, 0.9, 0.35), CORE: (0.95, 0.2, 0.75), FLUID: (0.4, 0.6, 1.0), VESSELS: (1.0, 0.55, 0.1)}
BRAIN_COLOR = (1.0, 0.95, 0.6)
OUTLINED = (LATE, CORE)


def regionsNode(result: Result, source: str) -> slicer.vtkMRMLSegmentationNode | None:
    """Return the segmentation with the regions of the maps of ``source``; None if there are none."""
    return result.node(f"segments.regions.{source}")


def brainNode(result: Result) -> slicer.vtkMRMLSegmentationNode | None:
    """Return the segmentation with the brain; None if there is none."""
    return result.node(BRAIN)


def showRegions(result: Result, folder: Path, source: str) -> Iterator[None]:
    """Replace the regions of the maps of ``source`` by those in ``folder`` of the worker's maps.

    Yields between parts.
    """
    files = {name: folder / FOLDER / f"{name}.nii.gz" for name in REGIONS}
    found = {name: read_volume(path) for name, path in files.items() if path.is_file()}
    node = regionsNode(result, source)
    if not found:
        if node is not None:
            result.removeNodes([node])
        return
    shown = outlinesShown(result)
    if node is None:
        title = _("Regions of the {source}").format(source=roleTitle(source))
        node = newOutlines(result, title, f"segments.regions.{source}")
        with slicer.util.NodeModify(node.GetDisplayNode()):
            for identifier in _views(result.scene, source):
                node.GetDisplayNode().AddViewNodeID(identifier)
        yield
    geometry = next(iter(found.values()))[1]
    regions = {name: voxels > 0 for name, (voxels, _geometry) in found.items()}
    display = node.GetDisplayNode()
    with drawnAfterwards(node):
        fillOutlines(node, regions, geometry, {name: REGIONS[name] for name in regions}, COLORS)
        with slicer.util.NodeModify(display):
            for name in regions:
                display.SetSegmentVisibility(name, name in OUTLINED and shown)
    yield


def showBrain(result: Result, mask: np.ndarray, geometry: Geometry) -> Iterator[None]:
    """Set the brain, bool[z, y, x]; it is hidden until the user asks for its outline. Yields between parts."""
    node = brainNode(result)
    if node is None:
        node = newOutlines(result, _("Brain mask"), BRAIN, visible=False)
        yield
    fillOutlines(node, {"brain": mask}, geometry, {"brain": _("Brain")}, {"brain": BRAIN_COLOR})
    yield


def regionMask(result: Result, source: str, name: str, volume: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    """Return the voxels of ``volume`` in the region ``name`` of the maps of ``source``, bool[z, y, x]."""
    node = regionsNode(result, source)
    if node is None or node.GetSegmentation().GetSegment(name) is None:
        return np.zeros(volume.GetImageData().GetDimensions()[::-1], bool)
    return segmentMask(node, name, volume)


def hasRegions(result: Result) -> bool:
    """Return whether the maps of ``result`` came with regions; those of earlier versions did not."""
    return bool(_allRegions(result))


def outlinesShown(result: Result) -> bool:
    """Return whether late tissue and its core are outlined; True before there are any."""
    displays = [node.GetDisplayNode() for node in _allRegions(result)]
    return all(display.GetSegmentVisibility(LATE) for display in displays) if displays else True


def showOutlines(result: Result, on: bool) -> None:
    """Show or hide the outlines of late tissue and its core."""
    for node in _allRegions(result):
        for name in OUTLINED:
            node.GetDisplayNode().SetSegmentVisibility(name, on)


def showOnlyRegionsOf(result: Result | None, scene: slicer.vtkMRMLScene) -> None:
    """Hide the regions of all results but ``result``: the views show one result at a time."""
    for other in Result.all(scene):
        for node in _allRegions(other):
            node.SetDisplayVisibility(other == result)


def _allRegions(result: Result) -> list[slicer.vtkMRMLSegmentationNode]:
    found = (regionsNode(result, source) for source in ("truth", "input", "reconstruction"))
    return [node for node in found if node is not None]


def _views(scene: slicer.vtkMRMLScene, source: str) -> list[str]:
    """Return the IDs of the slice views for ``source``: its own; of the reconstruction, also the user's."""
    own = {role: f"vtkMRMLSliceNode{view.tag}" for role, view in VIEWS.items()}
    if source != "reconstruction":
        return [own[source]]
    count = scene.GetNumberOfNodesByClass("vtkMRMLSliceNode")
    others = (scene.GetNthNodeByClass(index, "vtkMRMLSliceNode").GetID() for index in range(count))
    return list(dict.fromkeys([own[source], *(one for one in others if one not in own.values())]))
