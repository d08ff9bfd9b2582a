"""Statistics of maps in the user's segments: one table for reading, one for further computation.

Each segment can be compared with its mirror image in the other hemisphere, and with the white matter of relative maps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import slicer

from dsc_superres.perfusion.midline import Midline, find_midline
from dsc_superres.perfusion.region_table import RegionStatistics, region_statistics

from ...Translation import _
from ..Outlines import fillOutlines, newOutlines
from ..Result import Result
from ..Segments import segmentIds, segmentMask
from ..TableColumns import addTextColumn
from ..Volumes import geometryOf
from .MapMasking import allValues
from .Maps import (
    DIFFERENCES,
    REFERENCE,
    SOURCES,
    aifGrid,
    computedVoxels,
    mapNode,
    mapNodes,
    mapsProvenance,
    mapTitle,
    mapUnit,
    sourceTitle,
    unitText,
)

READABLE = "table.regions"
VALUES = "table.regions.values"
MIRRORED = "segments.mirrored"
"""Role of the segmentation with the mirror images of the segments that were measured."""
MIRRORED_COLOR = (0.7, 0.7, 0.7)


@dataclass(frozen=True)
class Statistics:
    """Statistics of one map of ``source`` in one segment; 5th and 95th percentiles in the unit of the map.

    NaN if no voxel of the segment was computed.
    """

    source: str
    numbers: RegionStatistics
    lowest: float
    highest: float

    @property
    def segment(self) -> str:
        """Name of the segment."""
        return self.numbers.region

    @property
    def name(self) -> str:
        """Name of the map."""
        return self.numbers.map


@dataclass(frozen=True)
class _Region:
    """A segment on the voxels of one source: inside, its mirror image, and the white matter, bool[z, y, x]."""

    inside: np.ndarray
    mirrored: np.ndarray
    white: np.ndarray | None


def regionStatistics(result: Result, segmentation: slicer.vtkMRMLSegmentationNode) -> Iterator[Statistics]:
    """Yield the statistics of each map of the result in each visible segment."""
    for segmentId in segmentIds(segmentation):
        segment = segmentation.GetSegmentation().GetSegment(segmentId).GetName()
        regions: dict[str, _Region] = {}
        for (name, source), volume in mapNodes(result).items():
            if source not in regions:
                regions[source] = _region(result, source, segmentMask(segmentation, segmentId, volume), volume)
            yield _statistics(segment, source, name, allValues(result, volume), regions[source], volume)


def showMirrored(
    result: Result, segmentation: slicer.vtkMRMLSegmentationNode | None
) -> slicer.vtkMRMLSegmentationNode | None:
    """Outline the mirror images of the visible segments, on the voxels of the source that maps refer to first.

    Without a segmentation there are none.
    """
    volume = mapNode(result, "cbv", aifGrid(result))
    ids = segmentIds(segmentation) if segmentation is not None else []
    node = result.node(MIRRORED)
    if volume is None or not ids:
        if node is not None:
            result.removeNodes([node])
        return None
    node = node or newOutlines(result, _("Mirrored regions"), MIRRORED)
    source = aifGrid(result)
    masks = {one: _region(result, source, segmentMask(segmentation, one, volume), volume).mirrored for one in ids}
    names = {one: segmentation.GetSegmentation().GetSegment(one).GetName() for one in ids}
    titles = {one: _("{segment}, mirrored").format(segment=name) for one, name in names.items()}
    fillOutlines(node, masks, geometryOf(volume), titles, dict.fromkeys(ids, MIRRORED_COLOR))
    return node


def showStatistics(
    result: Result, statistics: Iterable[Statistics], comparison: str = "none"
) -> slicer.vtkMRMLTableNode:
    """Fill ``table.regions``, with a row for each segment and source and a column for each map, and return it.

    ``comparison`` is one of ``Parameters.COMPARISONS``. ``table.regions.values`` is filled with all numbers, one row
    for each segment, source and map.
    """
    found = list(statistics)
    _numbers(_emptied(result, VALUES, _("{name} regions, values")), found)
    table = _emptied(result, READABLE, _("{name} regions"))
    segments, sources = list(dict.fromkeys(one.segment for one in found)), (*SOURCES, *DIFFERENCES.values())
    rows = sorted(
        {(one.segment, one.source) for one in found}, key=lambda row: (segments.index(row[0]), sources.index(row[1]))
    )
    addTextColumn(table, _("Segment"), [segment for segment, _from in rows])
    addTextColumn(table, _("From"), [sourceTitle(source) for _row, source in rows])
    by = {(one.segment, one.source, one.name): one for one in found}
    addTextColumn(table, _("Volume (mL)"), [_volume(found, *row) for row in rows])
    for name in dict.fromkeys(one.name for one in found if not one.name.endswith("_sd")):
        cells = [_cell(by.get((*row, name)), comparison) for row in rows]
        addTextColumn(table, f"{mapTitle(name)} ({unitText(name)})", cells)
    return table


def _region(result: Result, source: str, covered: np.ndarray, volume: slicer.vtkMRMLScalarVolumeNode) -> _Region:
    """Return a segment that covers these voxels, bool[z, y, x], as far as maps were computed."""
    inside = computedVoxels(result, source)
    brain = inside if inside is not None and inside.shape == covered.shape else np.ones(covered.shape, bool)
    geometry = geometryOf(volume)
    white = mapNode(result, REFERENCE, "truth" if source in DIFFERENCES.values() else source)
    region = None if white is None else allValues(result, white) > 0
    mirrored = _midline(result, source, brain, geometry).mirrored(covered & brain, geometry, within=brain)
    return _Region(covered & brain, mirrored, region if region is not None and region.shape == covered.shape else None)


def _midline(result: Result, source: str, brain: np.ndarray, geometry) -> Midline:
    """Return the plane between the hemispheres that the maps state, or find it."""
    found = mapsProvenance(result, "truth" if source in DIFFERENCES.values() else source).get("midline")
    if not found:
        return find_midline(brain, geometry)
    return Midline(np.array(found["normal_lps"], float), float(found["offset_mm"]))


def _statistics(
    segment: str, source: str, name: str, values: np.ndarray, region: _Region, volume: slicer.vtkMRMLScalarVolumeNode
) -> Statistics:
    measured = values[region.inside & np.isfinite(values)]
    lowest, highest = np.percentile(measured, (5, 95)) if measured.size else (np.nan, np.nan)
    voxel = float(np.prod(volume.GetSpacing())) / 1000
    white = region.white if source not in DIFFERENCES.values() else None
    numbers = region_statistics(
        segment, region.inside, name, values, mirrored=region.mirrored, white_matter=white, voxel_ml=voxel
    )
    return Statistics(source, numbers, float(lowest), float(highest))


def _emptied(result: Result, role: str, name: str) -> slicer.vtkMRMLTableNode:
    node = result.node(role)
    if node is None:
        node = result.scene.AddNewNodeByClass("vtkMRMLTableNode", name.format(name=result.name))
        node.SetUseColumnNameAsColumnHeader(True)
        result.add(node, role)
    node.RemoveAllColumns()
    return node


def _numbers(table: slicer.vtkMRMLTableNode, found: list[Statistics]) -> None:
    addTextColumn(table, "segment", [one.segment for one in found])
    addTextColumn(table, "source", [one.source for one in found])
    addTextColumn(table, "map", [one.name for one in found])
    addTextColumn(table, "unit", [mapUnit(one.name) for one in found])
    for column in ("voxels", "volume_ml", "mean", "sd", "median"):
        addTextColumn(table, column, [_number(getattr(one.numbers, column)) for one in found])
    addTextColumn(table, "percentile_5", [_number(one.lowest) for one in found])
    addTextColumn(table, "percentile_95", [_number(one.highest) for one in found])
    for column in ("mirrored_mean", "ratio_to_mirrored", "difference_to_mirrored", "ratio_to_white_matter"):
        addTextColumn(table, column, [_number(getattr(one.numbers, column)) for one in found])


def _number(value: float) -> str:
    return f"{value:.6g}"


def _volume(found: list[Statistics], segment: str, source: str) -> str:
    volumes = (one.numbers.volume_ml for one in found if (one.segment, one.source) == (segment, source))
    return f"{max(volumes):.2f}"


def _cell(one: Statistics | None, comparison: str) -> str:
    """Return mean ± standard deviation, and how the mean compares."""
    if one is None or not one.numbers.voxels:
        return "–"
    numbers = one.numbers
    text = f"{numbers.mean:.3g} ± {numbers.sd:.2g}"
    ratio = {"mirrored": numbers.ratio_to_mirrored, "white": numbers.ratio_to_white_matter}.get(comparison, np.nan)
    if one.source in DIFFERENCES.values():
        return text  # a difference has no zero that a ratio could refer to
    if np.isfinite(ratio):
        return f"{text} (×\N{NO-BREAK SPACE}{ratio:.2f})"
    if comparison == "mirrored" and np.isfinite(numbers.difference_to_mirrored):
        return f"{text} ({numbers.difference_to_mirrored:+.1f}\N{NO-BREAK SPACE}{mapUnit(one.name)})"
    return text
