"""The time that a position in a plot stands for."""

from __future__ import annotations

import vtk


def timeAt(chart: vtk.vtkChartXY, x: float) -> float | None:
    """Return the time (s) of the pixel column ``x`` of ``chart``; None outside of its axes."""
    axis = chart.GetAxis(vtk.vtkAxis.BOTTOM)
    first, last = axis.GetPoint1()[0], axis.GetPoint2()[0]
    if not first <= x <= last or first == last:
        return None
    share = (x - first) / (last - first)
    return axis.GetMinimum() + share * (axis.GetMaximum() - axis.GetMinimum())
