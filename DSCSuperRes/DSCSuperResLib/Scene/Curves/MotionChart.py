"""The motion of the head as a chart, where the run estimated it."""

from __future__ import annotations

import numpy as np
import slicer

from ...Translation import _
from .Plots import Plots, Style

TIME = "Time (s)"
DISPLACEMENT = Style((0.90, 0.62, 0.0), points=True)
ROTATION = Style((0.55, 0.36, 0.75), points=True)
LIMIT = Style((0.5, 0.5, 0.5), dashed=True, width=1.0)


def readMotion(result) -> dict:
    """Return the motion of the head in each frame as the worker recorded it; empty if it was not estimated."""
    motion = (result.record("text.provenance").get("frames") or {}).get("motion") or {}
    return motion if "displacement_mm" in motion and "times_s" in motion else {}


def motionChart(result, motion: dict) -> slicer.vtkMRMLPlotChartNode:
    """Return ``chart.motion``: mean displacement (mm) and rotation (degrees) of the acquired frames over time.

    They are those before a correction. The dashed line is the displacement from which a note states motion.
    """
    plots, times = Plots(result), np.array(motion["times_s"], float)
    displacement, rotation = _("Displacement (mm)"), _("Rotation (degrees)")
    limit = _("Noted from (mm)")
    columns = {
        TIME: times,
        displacement: np.array(motion["displacement_mm"], float),
        rotation: np.array(motion["rotation_degrees"], float),
        limit: np.full(len(times), float(motion["noted_from_mm"])),
    }
    table = plots.table("motion", _("Motion of the head"), columns)
    series = [
        plots.series(f"motion.{number}", name, table, TIME, name, style)
        for number, (name, style) in enumerate(((limit, LIMIT), (rotation, ROTATION), (displacement, DISPLACEMENT)))
    ]
    corrected = motion.get("choice") == "correct"
    title = _("Motion of the head, before its correction") if corrected else _("Motion of the head")
    return plots.chart("motion", title, TIME, _("mm, degrees"), series)
