"""The line at the time of the shown frame lies where the axes of the plot have that time."""

import pytest

pytest.importorskip("slicer")
pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

import vtk
from PySide6 import QtWidgets
from standin.pythonqt import wrap

pytestmark = pytest.mark.usefixtures("slotErrors")


class qMRMLPlotView(QtWidgets.QWidget):
    """A widget of 200 x 100 over a chart that is drawn with two pixels of the screen for each of its own."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.resize(200, 100)
        self._window, renderer, self._scene = vtk.vtkRenderWindow(), vtk.vtkRenderer(), vtk.vtkContextScene()
        self._window.AddRenderer(renderer)
        self._scene.SetRenderer(renderer)
        self._scene.SetGeometry(400, 200)
        self._chart = vtk.vtkChartXY()
        self._scene.AddItem(self._chart)
        self.x, y = self._chart.GetAxis(vtk.vtkAxis.BOTTOM), self._chart.GetAxis(vtk.vtkAxis.LEFT)
        self.x.SetTitle(title)
        self.x.SetPoint1(40, 20)
        self.x.SetPoint2(360, 20)
        y.SetPoint1(40, 20)
        y.SetPoint2(40, 180)
        self.zoom(0, 80)

    def chart(self) -> vtk.vtkChartXY:
        """What is drawn."""
        return self._chart

    def zoom(self, first: float, last: float) -> None:
        """Show this time, and draw."""
        self.x.SetRange(first, last)
        self._window.InvokeEvent(vtk.vtkCommand.EndEvent)

    def line(self) -> tuple[int, int, int, int] | None:
        """Left, top, width and height of the line; None if there is none."""
        lines = [one for one in self.findChildren(QtWidgets.QFrame) if not one.isHidden()]
        return lines[0].geometry().getRect() if lines else None


def test_the_line_of_the_shown_frame_follows_time_and_zoom_and_is_over_time_alone(app, driver) -> None:
    from DSCSuperResLib.Sections.PlotCursor import PlotCursor

    native = qMRMLPlotView("Time (s)")
    views = [wrap(native)]
    cursor = PlotCursor(lambda: views[0])
    cursor.show(20.0)
    assert native.line() == (59, 10, 2, 80), "a quarter of the way"
    cursor.show(40.0)
    assert native.line() == (99, 10, 2, 80)
    native.zoom(40, 80)
    driver.settle(2)
    assert native.line() == (19, 10, 2, 80), "the axes changed"
    native.zoom(50, 80)
    driver.settle(2)
    assert native.line() is None, "outside of them"
    native.zoom(0, 80)
    native.x.SetTitle("Voxels")
    cursor.show(40.0)
    assert native.line() is None
    other = qMRMLPlotView("Time (s)")
    views[0] = wrap(other)
    cursor.show(60.0)
    assert other.line() == (139, 10, 2, 80), "Slicer made another view"
    cursor.detach()
    driver.settle(2)
    assert other.line() is None
    other.zoom(0, 80)
    driver.settle(2)
    assert other.line() is None, "nothing is observed"
