"""The widgets of Slicer that the panel has, over the real MRML scene, with the properties and signals that it uses."""

from __future__ import annotations

from collections.abc import Callable

import slicer
import vtk
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal


class qMRMLWidget(QtWidgets.QWidget):
    """A widget that hands its scene on."""

    mrmlSceneChanged = Signal(object)
    SIGNALS = ("mrmlSceneChanged(vtkMRMLScene*)",)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene = None

    def mrmlScene(self) -> slicer.vtkMRMLScene | None:
        """The scene."""
        return self._scene

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        """Work on ``scene``."""
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)


class qMRMLSortFilterProxyModel(QtCore.QObject):
    """Which nodes a combobox leaves out by their IDs."""

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__()
        self._hidden, self._changed = [], changed

    def _set(self, hidden: list[str]) -> None:
        self._hidden = list(hidden)
        self._changed()

    hiddenNodeIDs = Property("QStringList", lambda self: self._hidden, lambda self, hidden: self._set(hidden))


class qMRMLNodeComboBox(QtWidgets.QWidget):
    """Chooses a node of some classes, as far as it is not hidden from editors."""

    currentNodeChanged = Signal(object)
    SIGNALS = ("currentNodeChanged(vtkMRMLNode*)",)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene, self._tags, self._shown = None, [], ""
        self._settings = {"nodeTypes": [], "noneEnabled": False, "noneDisplay": "None", "showHidden": False}
        self._box = QtWidgets.QComboBox()
        self._filter = qMRMLSortFilterProxyModel(self._fill)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self._box.currentIndexChanged.connect(self._onIndex)

    def sortFilterProxyModel(self) -> qMRMLSortFilterProxyModel:
        """What is left out."""
        return self._filter

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        """Offer the nodes of ``scene``, and those to come."""
        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        self._scene, self._tags = scene, []
        if scene is not None:
            events = (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndBatchProcessEvent)
            self._tags = [scene.AddObserver(event, self._onScene) for event in events]
        self._fill()

    def currentNode(self) -> slicer.vtkMRMLNode | None:
        """The chosen node."""
        return self._scene.GetNodeByID(self._shown) if self._scene is not None and self._shown else None

    def setCurrentNode(self, node: slicer.vtkMRMLNode | None) -> None:
        """Choose ``node``; one that is not offered leaves none chosen."""
        self._box.setCurrentIndex(self._box.findData(node.GetID() if node is not None else ""))

    def nodeCount(self) -> int:
        """How many nodes there are to choose from."""
        return len(self._nodes())

    def _nodes(self) -> list[slicer.vtkMRMLNode]:
        if self._scene is None:
            return []
        nodes = (self._scene.GetNthNode(index) for index in range(self._scene.GetNumberOfNodes()))
        kinds, hidden = self._settings["nodeTypes"], self._settings["showHidden"]
        offered = (
            node for node in nodes if any(map(node.IsA, kinds)) and node.GetID() not in self._filter.hiddenNodeIDs
        )
        return [node for node in offered if hidden or not node.GetHideFromEditors()]

    def _onScene(self, caller: vtk.vtkObject, event: str) -> None:
        if not self._scene.IsBatchProcessing():
            self._fill()

    def _fill(self) -> None:
        """Offer what is there; where the chosen node is gone, its neighbour takes its place."""
        row, nodes = self._box.currentIndex(), self._nodes()
        self._box.blockSignals(True)
        self._box.clear()
        if self._settings["noneEnabled"]:
            self._box.addItem(self._settings["noneDisplay"], "")
        for node in nodes:
            self._box.addItem(node.GetName(), node.GetID())
        kept = self._box.findData(self._shown)
        gone = bool(self._shown) and kept < 0
        self._box.setCurrentIndex(min(row, self._box.count()) - 1 if gone else kept)
        self._box.blockSignals(False)
        self._onIndex()

    def _onIndex(self) -> None:
        shown = self._box.currentData() or ""
        if shown != self._shown:
            self._shown = shown
            self.currentNodeChanged.emit(self.currentNode())

    def _set(self, name: str, value: object) -> None:
        self._settings[name] = value
        self._fill()

    def _setting(kind: str, name: str) -> Property:
        return Property(kind, lambda self: self._settings[name], lambda self, value: self._set(name, value))

    nodeTypes = _setting("QStringList", "nodeTypes")
    noneEnabled = _setting(bool, "noneEnabled")
    noneDisplay = _setting(str, "noneDisplay")
    showHidden = _setting(bool, "showHidden")
    addEnabled = Property(bool, lambda self: False, lambda self, value: None)
    removeEnabled = Property(bool, lambda self: False, lambda self, value: None)
    currentNodeID = Property(str, lambda self: self._shown)
    sizeAdjustPolicy = Property(
        int,
        lambda self: self._box.sizeAdjustPolicy().value,
        lambda self, policy: self._box.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy(policy)),
    )


class qMRMLColorTableComboBox(qMRMLNodeComboBox):
    """Chooses a color table, all of which are hidden from editors."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings["showHidden"] = True
        self._settings["nodeTypes"] = ["vtkMRMLColorTableNode", "vtkMRMLProceduralColorNode"]


class qMRMLTableView(QtWidgets.QTableWidget):
    """Shows a table node, now and when it changes."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._node, self._tag = None, None

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        """The node brings its own."""

    def mrmlTableNode(self) -> slicer.vtkMRMLTableNode | None:
        """What is shown."""
        return self._node

    def setMRMLTableNode(self, node: slicer.vtkMRMLTableNode | None) -> None:
        """Show ``node``."""
        if self._node is not None:
            self._node.RemoveObserver(self._tag)
        self._node = node
        if node is not None:
            self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._show)
        self._show()

    def _show(self, caller: vtk.vtkObject | None = None, event: str = "") -> None:
        table = self._node.GetTable() if self._node is not None else vtk.vtkTable()
        self.setRowCount(table.GetNumberOfRows())
        self.setColumnCount(table.GetNumberOfColumns())
        self.setHorizontalHeaderLabels([table.GetColumnName(column) for column in range(table.GetNumberOfColumns())])
        for row in range(table.GetNumberOfRows()):
            for column in range(table.GetNumberOfColumns()):
                self.setItem(row, column, QtWidgets.QTableWidgetItem(table.GetValue(row, column).ToString()))


class _BrowserWidget(QtWidgets.QWidget):
    """Follows a sequence browser node."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._browser, self._tag = None, None
        QtWidgets.QHBoxLayout(self).setContentsMargins(0, 0, 0, 0)

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        """The browser brings its own."""

    def setMRMLSequenceBrowserNode(self, browser: slicer.vtkMRMLSequenceBrowserNode | None) -> None:
        """Control ``browser``."""
        if self._browser is not None:
            self._browser.RemoveObserver(self._tag)
        self._browser = browser
        if browser is not None:
            self._tag = browser.AddObserver(vtk.vtkCommand.ModifiedEvent, self._follow)
        self.setEnabled(browser is not None)
        self._follow()

    def _follow(self, caller: vtk.vtkObject | None = None, event: str = "") -> None:
        raise NotImplementedError


class qMRMLSequenceBrowserSeekWidget(_BrowserWidget):
    """A slider through the frames."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal, objectName="slider_IndexValue")
        self._slider.valueChanged.connect(lambda frame: self._browser and self._browser.SetSelectedItemNumber(frame))
        self.layout().addWidget(self._slider)

    def _follow(self, caller: vtk.vtkObject | None = None, event: str = "") -> None:
        self._slider.blockSignals(True)
        self._slider.setMaximum(max(self._browser.GetNumberOfItems() - 1, 0) if self._browser else 0)
        self._slider.setValue(self._browser.GetSelectedItemNumber() if self._browser else 0)
        self._slider.blockSignals(False)


class qMRMLSequenceBrowserPlayWidget(_BrowserWidget):
    """Plays the frames."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._button = QtWidgets.QPushButton("Play", objectName="pushButton_VcrPlayPause", checkable=True)
        self._button.toggled.connect(lambda on: self._browser and self._browser.SetPlaybackActive(on))
        self.layout().addWidget(self._button)

    def _follow(self, caller: vtk.vtkObject | None = None, event: str = "") -> None:
        self._button.setChecked(bool(self._browser and self._browser.GetPlaybackActive()))


class qMRMLPlotView(QtWidgets.QLabel):
    """Names the chart that it would draw."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QtWidgets.QFrame.Shape.StyledPanel)
        self.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self._node, self._tag = None, None

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        """The node brings its own."""

    def setMRMLPlotViewNode(self, node: slicer.vtkMRMLPlotViewNode | None) -> None:
        """Show the chart of ``node``."""
        if self._node is not None:
            self._node.RemoveObserver(self._tag)
        self._node = node
        if node is not None:
            self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._show)
        self._show()

    def _show(self, caller: vtk.vtkObject | None = None, event: str = "") -> None:
        chart = self._node.GetPlotChartNode() if self._node is not None else None
        self.setText(f"[plot: {chart.GetTitle() or chart.GetName()}]" if chart is not None else "")


WIDGETS = (
    qMRMLWidget,
    qMRMLNodeComboBox,
    qMRMLColorTableComboBox,
    qMRMLTableView,
    qMRMLSequenceBrowserSeekWidget,
    qMRMLSequenceBrowserPlayWidget,
    qMRMLPlotView,
)
