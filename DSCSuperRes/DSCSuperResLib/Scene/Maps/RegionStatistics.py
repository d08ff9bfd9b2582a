"""Statistics of maps in the user's segments: one table for reading, one for further computation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import slicer

from ...Translation import _
from ..Result import Result
from ..Segments import segmentIds, segmentMask
from ..TableColumns import addTextColumn
from ..Volumes import frameArray
from .Maps import DIFFERENCES, SOURCES, computedVoxels, mapNodes, mapTitle, mapUnit, sourceTitle, unitText

READABLE = "table.regions"
VALUES = "table.regions.values"


@dataclass(frozen=True)
class Statistics:
    """Statistics of one map in one segment, over the ``voxels`` in which it was computed; NaN if there are none.

    ``volume`` is in mL, the others are in the unit of the map.
    """

    segment: str
    source: str
    name: str
    voxels: int
    volume: float
    mean: float
    sd: float
    median: float
    lowest: float
    highest: float


def regionStatistics(result: Result, segmentation: slicer.vtkMRMLSegmentationNode) -> Iterator[Statistics]:
    """Yield the statistics of each map of the result in each visible segment."""
    for segmentId in segmentIds(segmentation):
        segment = segmentation.GetSegmentation().GetSegment(segmentId).GetName()
        masks: dict[tuple, np.ndarray] = {}
        for (name, source), volume in mapNodes(result).items():
            values, inside = frameArray(volume), computedVoxels(result, source)
            if source not in masks:
                covered = segmentMask(segmentation, segmentId, volume)
                masks[source] = covered & inside if inside is not None and inside.shape == covered.shape else covered
            measured = values[masks[source] & np.isfinite(values)]
            yield _statistics(segment, source, name, measured, np.prod(volume.GetSpacing()) / 1000)


def showStatistics(result: Result, statistics: Iterable[Statistics]) -> slicer.vtkMRMLTableNode:
    """Fill ``table.regions``, with a row for each segment and source and a column for each map, and return it.

    ``table.regions.values`` is filled with all numbers, one row for each segment, source and map.
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
        cells = [_cell(by.get((*row, name))) for row in rows]
        addTextColumn(table, f"{mapTitle(name)} ({unitText(name)})", cells)
    return table


def _statistics(segment: str, source: str, name: str, values: np.ndarray, voxel: float) -> Statistics:
    lowest, median, highest = np.percentile(values, (5, 50, 95)) if values.size else (np.nan,) * 3
    mean, sd = (values.mean(dtype=float), values.std(dtype=float)) if values.size else (np.nan, np.nan)
    numbers = map(float, (values.size * voxel, mean, sd, median, lowest, highest))
    return Statistics(segment, source, name, int(values.size), *numbers)


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
    for column, value in (
        ("voxels", "voxels"),
        ("volume_ml", "volume"),
        ("mean", "mean"),
        ("sd", "sd"),
        ("median", "median"),
        ("percentile_5", "lowest"),
        ("percentile_95", "highest"),
    ):
        addTextColumn(table, column, [f"{getattr(one, value):.6g}" for one in found])


def _volume(found: list[Statistics], segment: str, source: str) -> str:
    return next(f"{one.volume:.2f}" for one in found if (one.segment, one.source) == (segment, source))


def _cell(one: Statistics | None) -> str:
    return "–" if one is None or not one.voxels else f"{one.mean:.3g} ± {one.sd:.2g}"
