"""The line of the shown frame in a plot, redrawn while the chart stays as it is."""

from __future__ import annotations

import qt
import slicer
import vtk

INTERVAL = 100
"""ms between two drawings of the plot at least: drawing it takes longer than a frame of a playing series."""


class PlotCursor:
    """Redraws the plot view with the singleton tag ``view`` after the values of one of its curves have changed."""

    def __init__(self, view: str) -> None:
        self._view, self._table = view, None
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._onTimeout)

    def redraw(self, table: vtk.vtkTable) -> None:
        """Draw the curve of ``table`` at its new place soon."""
        self._table = table
        if not self._timer.active:
            self._timer.start(INTERVAL)

    def stop(self) -> None:
        """Leave the plot alone."""
        self._timer.stop()
        self._table = None

    def _onTimeout(self) -> None:
        view = self._plotView()
        if view is None or self._table is None:
            return
        chart = view.chart()
        plots = (chart.GetPlot(index) for index in range(chart.GetNumberOfPlots()))
        for plot in plots:
            if plot.GetInput() is self._table:
                plot.Modified()  # else it draws the values that it has stored
        view.scene().SetDirty(True)
        view.update()

    def _plotView(self):
        """Return the widget that draws the plot; None while it is not on the screen."""
        manager = slicer.app.layoutManager()
        for index in range(manager.plotViewCount if manager is not None else 0):
            widget = manager.plotWidget(index)
            node, view = widget.mrmlPlotViewNode(), widget.plotView()
            if node is not None and node.GetSingletonTag() == self._view and view.visible:
                return view
        return None
