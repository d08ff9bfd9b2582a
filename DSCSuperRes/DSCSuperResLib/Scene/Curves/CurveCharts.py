"""Charts of signal over time, at a point or averaged over segments: truth, input and reconstruction together."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

import numpy as np
import slicer

from ..Segments import segmentIds, segmentMask, voxelCenters, voxelsAt
from ..Steps import finish
from .ArteryOverlay import ArteryOverlay, Overlaid
from .AxisRange import Curve
from .Curves import Relaxation, meanCurve, meanFrames
from .PinnedCurves import Pin
from .Plots import Plots, Style

TIME = "Time (s)"
VALUE = "Value"
SIGNAL = "Signal (a.u.)"
RELAXATION = "ΔR2* (1/s)"
STYLES = {
    "truth": Style((0.50, 0.54, 0.58), width=3.0),
    "reconstruction": Style((0.23, 0.56, 0.85)),
    "input": Style((0.90, 0.62, 0.00), line=False, points=True),
}
"""By role, in the order of drawing: the acquired points of the input lie on top."""
NAMES = {"truth": "Ground truth", "reconstruction": "Reconstruction", "input": "Input (acquired)"}
Segment = tuple[str, str, tuple[float, float, float]]
"""Id, name and color."""


class CurveCharts:
    """The charts of one ``Result``; the same nodes are filled again at every update."""

    def __init__(self, result) -> None:
        self._result = result
        self._transient, self._kept = Plots(result, transient=True), Plots(result)

    def atPoint(
        self,
        ras: np.ndarray,
        relaxation: Relaxation | None = None,
        artery: ArteryOverlay | None = None,
        pins: Sequence[Pin] = (),
    ) -> slicer.vtkMRMLPlotChartNode | None:
        """Return ``chart.cursor``, the curves of the voxels at ``ras`` (mm).

        The curves are Delta R2* if ``relaxation`` is given; ``artery`` is laid over them, and the curves of the
        reconstruction at ``pins``. Returns None outside the reconstruction.
        """
        return finish(self.atPointInSteps(ras, relaxation, artery, pins))

    def atPointInSteps(
        self,
        ras: np.ndarray,
        relaxation: Relaxation | None = None,
        artery: ArteryOverlay | None = None,
        pins: Sequence[Pin] = (),
    ) -> Generator[None, None, slicer.vtkMRMLPlotChartNode | None]:
        """Do what ``atPoint`` does, and yield after each curve: Slicer takes a while for each node that is new."""
        curves: dict[str, Curve] = {}
        for role in self._roles():
            sequence = self._result.sequence(role)
            voxels = voxelsAt(ras, sequence.GetNthDataNode(0))
            if len(voxels):
                curves[role] = self._curve(role, meanCurve(sequence, voxels), relaxation)
        if "reconstruction" not in curves:
            return None
        pinned = self._pinned(pins, relaxation)
        with self._transient.drawnOnce("cursor"):
            return (yield from self._draw(curves, pinned, ras, relaxation is not None, artery))

    def _pinned(self, pins: Sequence[Pin], relaxation: Relaxation | None) -> list[Overlaid]:
        """Return the curves of the reconstruction at ``pins``, of those that lie within it."""
        sequence, found = self._result.sequence("reconstruction"), []
        for pin in pins:
            voxels = voxelsAt(pin.place, sequence.GetNthDataNode(0))
            if len(voxels):
                times, values = self._curve("reconstruction", meanCurve(sequence, voxels), relaxation)
                found.append(Overlaid(pin.name, times, values, pin.style))
        return found

    def _draw(
        self,
        curves: dict[str, Curve],
        pinned: list[Overlaid],
        ras: np.ndarray,
        isChange: bool,
        artery: ArteryOverlay | None,
    ) -> Generator[None, None, slicer.vtkMRMLPlotChartNode]:
        """Fill ``chart.cursor`` with ``curves`` by role and ``pinned`` ones, which are Delta R2* if ``isChange``."""
        arterial = _overlaid(artery, curves["reconstruction"], isChange)
        overlaid = {f"cursor.artery{number}": one for number, one in enumerate(arterial)}
        overlaid |= {f"cursor.pinned{number}": one for number, one in enumerate(pinned)}
        y = RELAXATION if isChange else SIGNAL
        series = []
        for role, one in overlaid.items():
            table = self._transient.table(role, f"Cursor, {one.name}", {TIME: one.times, VALUE: one.values})
            series.append(self._transient.series(role, one.name, table, TIME, VALUE, one.style))
            yield
        for role, (times, values) in curves.items():
            table = self._transient.table(f"cursor.{role}", f"Cursor, {self._name(role)}", {TIME: times, VALUE: values})
            series.append(self._transient.series(f"cursor.{role}", self._name(role), table, TIME, VALUE, STYLES[role]))
            yield
        return self._transient.chart("cursor", f"{_quantity(y)} at {_place(ras)}", TIME, y, series, dynamic=True)

    def overSegments(
        self, segmentation: slicer.vtkMRMLSegmentationNode, relaxation: Relaxation | None = None
    ) -> Generator[None, None, slicer.vtkMRMLPlotChartNode]:
        """Return ``chart.segments``, the mean curves of the visible segments; yields after each frame that was read.

        A region consists of the voxels of the reconstruction whose center lies in the segment; a coarse voxel of the
        input is counted once for each of them. Delta R2* is that of the mean signal.
        """
        segments, y = _segments(segmentation), RELAXATION if relaxation else SIGNAL
        grid = self._result.sequence("reconstruction").GetNthDataNode(0)
        points = {name: voxelCenters(segmentMask(segmentation, one, grid), grid) for one, name, _ in segments}
        curves: dict[str, dict[str, np.ndarray]] = {}
        for role in self._roles():
            sequence = self._result.sequence(role)
            curves[role] = {TIME: self._result.times(role)}
            for _, name, _ in segments:
                values = []
                for value in meanFrames(sequence, voxelsAt(points[name], sequence.GetNthDataNode(0))):
                    values.append(value)
                    yield
                curves[role][name] = self._curve(role, np.array(values), relaxation)[1]
        title = f"{_quantity(y)}, mean over {segments[0][1] if len(segments) == 1 else 'segments'}"
        return self._kept.chart("segments", title, TIME, y, self._segmentSeries(segments, curves), dynamic=True)

    def _segmentSeries(
        self, segments: list[Segment], curves: dict[str, dict[str, np.ndarray]]
    ) -> list[slicer.vtkMRMLPlotSeriesNode]:
        """Return the series: a single segment in the colors of the roles, several in their own with different lines."""
        series = []
        for role, columns in curves.items():
            table = self._kept.table(f"segments.{role}", f"Mean curves, {self._name(role)}", columns)
            for index, (_, name, color) in enumerate(segments):
                style, title = STYLES[role], self._name(role)
                if len(segments) > 1:
                    style = replace(style, color=color, dashed=role == "truth")
                    title = f"{name}: {title}"
                series.append(self._kept.series(f"segments.{index}.{role}", title, table, TIME, name, style))
        return series

    def _name(self, role: str) -> str:
        """Return the name of the curve of a role; in a comparison of two results, that of its view."""
        return self._result.title(role) or NAMES[role]

    def _roles(self) -> list[str]:
        return [role for role in STYLES if self._result.sequence(role) is not None]

    def _curve(self, role: str, signal: np.ndarray, relaxation: Relaxation | None) -> Curve:
        times = self._result.times(role)
        return times, signal if relaxation is None else relaxation.change(signal, times)


def _overlaid(artery: ArteryOverlay | None, curve: Curve, isChange: bool) -> list[Overlaid]:
    if artery is None:
        return []
    return artery.asChange(curve[1]) if isChange else artery.asSignal(*curve)


def _segments(segmentation: slicer.vtkMRMLSegmentationNode) -> list[Segment]:
    """Return the visible segments with unique names."""
    found: list[Segment] = []
    for one in segmentIds(segmentation):
        segment = segmentation.GetSegmentation().GetSegment(one)
        name = segment.GetName()
        if name in [other for _, other, _ in found]:
            name = f"{name} ({one})"
        found.append((one, name, segment.GetColor()))
    return found


def _quantity(axis: str) -> str:
    return axis.split(" (")[0]


def _place(ras: np.ndarray) -> str:
    """Return a position as text, for example "L 12.0, A 45.5, S 7.0 mm"."""
    letters = ("LR", "PA", "IS")
    parts = (f"{pair[int(value >= 0)]} {abs(value):.1f}" for pair, value in zip(letters, ras, strict=True))
    return ", ".join(parts) + " mm"
