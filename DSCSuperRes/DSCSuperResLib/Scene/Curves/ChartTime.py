"""The time that a position in a plot stands for, and the other way round."""

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


def columnAt(chart: vtk.vtkChartXY, time: float) -> float | None:
    """Return the pixel column of ``chart`` that stands for ``time`` (s); None outside of its axes."""
    axis = chart.GetAxis(vtk.vtkAxis.BOTTOM)
    low, high = axis.GetMinimum(), axis.GetMaximum()
    if not low <= time <= high or low == high:
        return None
    first, last = axis.GetPoint1()[0], axis.GetPoint2()[0]
    return first + (time - low) / (high - low) * (last - first)
