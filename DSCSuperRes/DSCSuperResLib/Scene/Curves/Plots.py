"""Tables, plot series and charts of a result, created once and refilled at each update."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from ..Selectors import canHide
from .AxisRange import limits, steadyLimits

Color = tuple[float, float, float]
TITLE_SIZE, AXIS_TITLE_SIZE = 14, 12
"""Sizes of letters, in points, with which titles fit the view of the curves in a window of 1280 pixels."""


@dataclass(frozen=True)
class Style:
    """The style of a curve: color (RGB 0..1), line or points or both, and width."""

    color: Color
    line: bool = True
    points: bool = False
    dashed: bool = False
    width: float = 2.0


class Plots:
    """The plot nodes of one ``Result``, found by their role.

    ``transient`` ones are neither listed for the user nor saved with the scene: they follow the mouse.
    """

    def __init__(self, result, transient: bool = False) -> None:
        self._result, self._transient = result, transient

    def table(
        self, role: str, name: str, columns: Mapping[str, np.ndarray], listed: bool = True
    ) -> slicer.vtkMRMLTableNode:
        """Return the table ``table.<role>`` with these columns, float64[n] each.

        One that only draws a line is not ``listed`` among the user's tables.
        """
        node = self._node("vtkMRMLTableNode", f"table.{role}", name)
        if not listed and canHide(self._result.scene) and not node.GetHideFromEditors():
            node.SetHideFromEditors(True)
        table = node.GetTable()
        rows = {len(values) for values in columns.values()}
        with slicer.util.NodeModify(node):
            if _columnNames(table) == list(columns) and rows == {table.GetNumberOfRows()}:
                if not _refill(table, columns):
                    return node  # an event would make the view draw it again
            else:
                _rebuild(table, columns)
            table.Modified()
            node.Modified()
        return node

    def series(
        self, role: str, name: str, table: slicer.vtkMRMLTableNode, x: str, y: str, style: Style
    ) -> slicer.vtkMRMLPlotSeriesNode:
        """Return the plot series ``series.<role>``: column ``y`` of ``table`` over column ``x``, at true distances."""
        node = self._node("vtkMRMLPlotSeriesNode", f"series.{role}", name)
        with slicer.util.NodeModify(node):
            node.SetName(name)
            node.SetAndObserveTableNodeID(table.GetID())
            node.SetXColumnName(x)
            node.SetYColumnName(y)
            node.SetPlotType(node.PlotTypeScatter)  # a line plot would space the frames evenly
            solid = node.LineStyleDash if style.dashed else node.LineStyleSolid
            node.SetLineStyle(solid if style.line else node.LineStyleNone)
            node.SetMarkerStyle(node.MarkerStyleCircle if style.points else node.MarkerStyleNone)
            node.SetMarkerSize(8)
            node.SetLineWidth(style.width)
            node.SetColor(style.color)
        return node

    def chart(
        self,
        role: str,
        title: str,
        xTitle: str,
        yTitle: str,
        series: Iterable[slicer.vtkMRMLPlotSeriesNode],
        legend: bool = True,
        dynamic: bool = False,
    ) -> slicer.vtkMRMLPlotChartNode:
        """Return the chart ``chart.<role>`` with exactly ``series``, the last one on top, and axes that fit them.

        ``legend`` is whether several series get a legend; ``dynamic`` that they are of a dynamic series, whose initial
        transient the axis does not show.
        """
        node = self._node("vtkMRMLPlotChartNode", f"chart.{role}", title)
        series = list(series)
        wanted = [one.GetID() for one in series]
        with slicer.util.NodeModify(node):
            node.SetTitle(title)
            node.SetXAxisTitle(xTitle)
            node.SetYAxisTitle(yTitle)
            node.SetTitleFontSize(TITLE_SIZE)
            node.SetAxisTitleFontSize(AXIS_TITLE_SIZE)
            node.SetLegendVisibility(legend and len(wanted) > 1)
            shown = [node.GetNthPlotSeriesNodeID(index) for index in range(node.GetNumberOfPlotSeriesNodes())]
            if shown != wanted:
                node.RemoveAllPlotSeriesNodeIDs()
                for one in wanted:
                    node.AddAndObservePlotSeriesNodeID(one)
            _fitAxes(node, series, dynamic)
        return node

    def drawnOnce(self, role: str) -> AbstractContextManager:
        """Return a context in which the view of ``chart.<role>`` waits: it draws all changes of its curves at the end.

        Otherwise it would draw everything again after each curve that changed.
        """
        chart = self._result.node(f"chart.{role}")
        return nullcontext() if chart is None else slicer.util.NodeModify(chart)

    def _node(self, className: str, role: str, name: str) -> slicer.vtkMRMLNode:
        node = self._result.node(role)
        if node is None:
            node = self._result.scene.CreateNodeByClass(className)
            node.UnRegister(None)
            node.SetName(name)
            node.SetHideFromEditors(self._transient or className == "vtkMRMLPlotSeriesNode")
            node.SetSaveWithScene(not self._transient)
            self._result.scene.AddNode(node)
            self._result.add(node, role)
        return node


def _columnNames(table: vtk.vtkTable) -> list[str]:
    return [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())]


def _refill(table: vtk.vtkTable, columns: Mapping[str, np.ndarray]) -> bool:
    """Set the values of the columns, and return whether any of them were different."""
    changed = False
    for index, values in enumerate(columns.values()):
        column = vtk_to_numpy(table.GetColumn(index))
        if not np.array_equal(column, values, equal_nan=True):
            column[:] = values
            table.GetColumn(index).Modified()
            changed = True
    return changed


def _rebuild(table: vtk.vtkTable, columns: Mapping[str, np.ndarray]) -> None:
    table.Initialize()
    for name, values in columns.items():
        column = numpy_to_vtk(np.ascontiguousarray(values, np.float64), deep=True)
        column.SetName(name)
        table.AddColumn(column)


def _fitAxes(chart: slicer.vtkMRMLPlotChartNode, series: list[slicer.vtkMRMLPlotSeriesNode], dynamic: bool) -> None:
    """Set the ranges by hand: the plot view does not fit them again when only the values of a table change."""
    x = [_column(one, one.GetXColumnName()) for one in series]
    y = [_column(one, one.GetYColumnName()) for one in series]
    chart.SetXAxisRangeAuto(False)
    chart.SetYAxisRangeAuto(False)
    chart.SetXAxisRange(*limits(x, margin=0.01))
    curves = list(zip(x, y, strict=True))
    chart.SetYAxisRange(*(steadyLimits(curves, margin=0.05) if dynamic else limits(y, margin=0.05)))


def _column(series: slicer.vtkMRMLPlotSeriesNode, name: str) -> np.ndarray:
    return vtk_to_numpy(series.GetTableNode().GetTable().GetColumnByName(name))
