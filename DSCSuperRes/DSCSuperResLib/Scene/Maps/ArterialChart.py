"""The chart of arterial inputs: that of the maps with its band, the candidates, the one chosen now, and the bolus."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import numpy as np
import slicer

from ...Translation import _
from ..Curves.Plots import Plots, Style
from ..Result import Result
from ..Steps import finish
from .ArterialInput import ArterialCurve, ContinuousCurve, bolusTimes
from .ArterialPoints import MARKS_COLOR, PICKED_COLOR

OTHERS = (0.6, 0.6, 0.6)
MARKS = (0.2, 0.45, 0.8)
TIME = "Time (s)"
CURVE = "ΔR2* (1/s)"


def drawCurves(
    result: Result, arterial: ArterialCurve | None, others: list[ArterialCurve], chosen: ArterialCurve | None = None
) -> slicer.vtkMRMLPlotChartNode:
    """Return ``chart.aif``: the input of the maps over the ``others``, with lines at baseline, arrival and peak.

    ``chosen`` is the one that the next maps will have, drawn on top in the color of the user's points.
    """
    return finish(drawCurvesInSteps(result, arterial, others, chosen))


def drawCurvesInSteps(
    result: Result, arterial: ArterialCurve | None, others: list[ArterialCurve], chosen: ArterialCurve | None = None
) -> Generator[None, None, slicer.vtkMRMLPlotChartNode]:
    """Do what ``drawCurves`` does, and yield after each curve: Slicer takes a while for each node that is new."""
    plots = Plots(result)
    with plots.drawnOnce("aif"):
        drawn = [one for one in (arterial, chosen, *others) if one is not None]
        top = max((float(one.curve.max()) for one in drawn), default=1.0)
        series = []
        for one in _series(plots, bolusTimes(result), arterial, others, chosen, top):
            series.append(one)
            yield
        title = _title(chosen or arterial, chosen is not None)
        return plots.chart("aif", title, TIME, CURVE, series, legend=False)  # it has no space in the panel


def bandCurves(between: ContinuousCurve) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and values of the lower and the upper limit of the band, one standard deviation from the curve."""
    for name, sign in ((_("AIF - SD"), -1), (_("AIF + SD"), 1)):
        yield name, between.curve + sign * between.sd


def _series(
    plots: Plots,
    bolus: tuple[float, ...] | None,
    arterial: ArterialCurve | None,
    others: list[ArterialCurve],
    chosen: ArterialCurve | None,
    top: float,
) -> Iterator[slicer.vtkMRMLPlotSeriesNode]:
    for number, one in enumerate(others, 1):
        title = _("Candidate {n}").format(n=number)
        yield _curve(plots, f"aif.candidate{number}", title, one, Style(OTHERS, width=1.0))
    if arterial is not None:
        yield from _ofMaps(plots, arterial)
    if chosen is not None:
        yield _curve(plots, "aif.chosen", _("Chosen now"), chosen, Style(PICKED_COLOR, points=True, width=2.0))
    yield from _marks(plots, bolus, top)


def _ofMaps(plots: Plots, arterial: ArterialCurve) -> Iterator[slicer.vtkMRMLPlotSeriesNode]:
    """Yield the series of the maps' input: its samples, the curve between them, and the band of that."""
    between, name = arterial.between, _("Arterial input")
    if between is None:
        yield _curve(plots, "aif", name, arterial, Style(MARKS_COLOR, width=2.5))
        return
    if between.sd.any():
        for number, (title, values) in enumerate(bandCurves(between)):
            table = plots.table(f"aif.band{number}", title, {TIME: between.times, CURVE: values}, listed=False)
            style = Style(MARKS_COLOR, dashed=True, width=1.0)
            yield plots.series(f"aif.band{number}", title, table, TIME, CURVE, style)
    columns = {TIME: between.times, CURVE: between.curve}
    table = plots.table("aif.between", _("Arterial input between samples"), columns, listed=False)
    yield plots.series("aif.between", name, table, TIME, CURVE, Style(MARKS_COLOR, width=2.0))
    samples = Style(MARKS_COLOR, line=False, points=True)
    yield _curve(plots, "aif", _("Arterial input, samples"), arterial, samples)


def _marks(plots: Plots, bolus: tuple[float, ...] | None, top: float) -> Iterator[slicer.vtkMRMLPlotSeriesNode]:
    names = (_("Baseline, start"), _("Baseline, end"), _("Bolus arrival"), _("Bolus peak in tissue"))
    for index, (name, moment) in enumerate(zip(names, bolus or (), strict=False)):
        columns = {TIME: np.array([moment, moment]), CURVE: np.array([0.0, top])}
        table = plots.table(f"aif.mark{index}", name, columns, listed=False)
        style = Style(MARKS, dashed=index < 2, width=1.0)
        yield plots.series(f"aif.mark{index}", name, table, TIME, CURVE, style)


def _curve(plots: Plots, role: str, name: str, one: ArterialCurve, style: Style) -> slicer.vtkMRMLPlotSeriesNode:
    table = plots.table(role, name, {TIME: one.times, CURVE: one.curve}, listed=role == "aif")
    return plots.series(role, name, table, TIME, CURVE, style)


def _title(shown: ArterialCurve | None, chosen: bool) -> str:
    title = _("Chosen now") if chosen else _("Arterial input")
    if shown is None or shown.score is None:
        return title
    return title + _(", likeness to an artery {score}").format(score=f"{shown.score:.2f}")
