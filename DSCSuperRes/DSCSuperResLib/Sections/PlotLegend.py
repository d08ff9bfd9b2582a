"""The legend of the plot: outside of its axes, where no curve is."""

from __future__ import annotations

import vtk


def placeLegend(plotView, above: bool) -> None:
    """Place the legend of ``plotView`` (qMRMLPlotView; None for none) ``above`` the curves, else beside them.

    It stays there, whichever chart the view shows.
    """
    chart = plotView.chart() if plotView is not None else None
    if chart is None:
        return
    legend, side = chart.GetLegend(), vtk.vtkChartLegend.CENTER if above else vtk.vtkChartLegend.RIGHT
    if legend.GetInline() or legend.GetHorizontalAlignment() != side:
        legend.SetInline(False)
        legend.SetVerticalAlignment(vtk.vtkChartLegend.TOP)
        legend.SetHorizontalAlignment(side)
        plotView.scene().SetDirty(True)
        plotView.update()
