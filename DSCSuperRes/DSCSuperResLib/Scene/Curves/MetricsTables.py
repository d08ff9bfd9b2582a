"""Metrics of a reconstruction against the ground truth, as a table and as curves over time."""

from __future__ import annotations

import numpy as np
import slicer

from dsc_superres.models import entries

from ..TableColumns import addTextColumn
from .Plots import Plots, Style

MEASURES = {"nmse": "NMSE", "psnr": "PSNR (dB)", "ssim": "SSIM"}
REGIONS = {"brain": "brain", "whole": "whole image"}
TIME = "Time (s)"
COLORS = ((0.23, 0.56, 0.85), (0.80, 0.47, 0.65), (0.18, 0.72, 0.55), (0.90, 0.62, 0.00), (0.55, 0.60, 0.64))
"""Colors of the models, that of the job first."""


def readMetrics(result) -> dict[str, dict]:
    """Return the worker's metrics by model, that of the job first; empty without a ground truth."""
    return result.record("text.metrics").get("images", {})


def regions(metrics: dict[str, dict]) -> list[str]:
    """Return the regions with metrics: "brain" if a mask was found, and "whole"."""
    return [region for region in REGIONS if all(found.get(region) for found in metrics.values())]


def modelTitle(model: str, metrics: dict[str, dict]) -> str:
    """Return the title of a model's metrics; after the first one are interpolations of the input."""
    if model == next(iter(metrics)):
        return model
    return next((entry.title for entry in entries() if entry.name == model), model)


def metricsTable(result, metrics: dict[str, dict]) -> slicer.vtkMRMLTableNode:
    """Return ``table.metrics``: a row for each measure and region, a column for each model; created once."""
    node = result.node("table.metrics")
    if node is not None:
        return node
    node = result.scene.AddNewNodeByClass("vtkMRMLTableNode", "Metrics")
    rows = [(measure, region) for region in regions(metrics) for measure in MEASURES]
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetUseFirstColumnAsRowHeader(True)
    addTextColumn(node, "Measure", [f"{MEASURES[measure]}, {REGIONS[region]}" for measure, region in rows])
    for model, found in metrics.items():
        addTextColumn(node, modelTitle(model, metrics), [_text(found[region][measure]) for measure, region in rows])
    result.add(node, "table.metrics")
    return node


def metricsChart(result, metrics: dict[str, dict], measure: str, region: str) -> slicer.vtkMRMLPlotChartNode:
    """Return ``chart.metrics``: one measure ("nmse", "psnr", "ssim") in one region over time, a curve for each model.

    The tables ``table.metrics.frames.<model>`` contain all measures of all frames.
    """
    plots, series = Plots(result), []
    for index, (model, found) in enumerate(metrics.items()):
        columns = {TIME: np.array(found["times_s"], float)}
        for each in regions(metrics):
            columns |= {_column(name, each): _numbers(found[each][f"frame_{name}"]) for name in MEASURES}
        table = plots.table(f"metrics.frames.{model}", f"Metrics by frame, {model}", columns)
        title, style = modelTitle(model, metrics), Style(COLORS[index % len(COLORS)])
        series.append(plots.series(f"metrics.{model}", title, table, TIME, _column(measure, region), style))
    title = f"{MEASURES[measure]} of each frame, {REGIONS[region]}"
    return plots.chart("metrics", title, TIME, MEASURES[measure], reversed(series))


def frameMetrics(found: dict, region: str, time: float) -> str:
    """Return the three measures of the frame at ``time`` (s) as text; empty if that frame was not measured."""
    times = np.array(found["times_s"], float)
    frame = int(np.abs(times - time).argmin())
    if abs(times[frame] - time) > 2e-3:
        return ""
    values = (f"{label.split()[0]} {_text(found[region][f'frame_{name}'][frame])}" for name, label in MEASURES.items())
    return ", ".join(values)


def _column(measure: str, region: str) -> str:
    return f"{MEASURES[measure]}, {REGIONS[region]}"


def _numbers(values: list[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], float)


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
