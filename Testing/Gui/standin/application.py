"""The application around the module: its scene with the logics that real modules bring, window, layouts, settings."""

from __future__ import annotations

import os
from collections.abc import Iterator

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from .ctkWidgets import ctkSliderWidget

DATA = ("vtkMRMLDisplayableNode", "vtkMRMLTableNode", "vtkMRMLPlotChartNode", "vtkMRMLTextNode")
"""Classes of nodes that Slicer's own modules put into the subject hierarchy."""


class Scene:
    """The real MRML scene, with what Slicer's own modules do in it."""

    def __init__(self) -> None:
        self.scene = slicer.vtkMRMLScene()
        self.applicationLogic = slicer.vtkMRMLApplicationLogic()
        self.applicationLogic.SetMRMLScene(self.scene)
        self.sliceLogics = vtk.vtkCollection()
        self.applicationLogic.SetSliceLogics(self.sliceLogics)
        self.sequences, self.layouts = slicer.vtkSlicerSequencesLogic(), slicer.vtkMRMLLayoutLogic()
        self._logics = (self.applicationLogic, slicer.vtkSlicerColorLogic(), self.sequences, self.layouts)
        for logic in self._logics:
            logic.SetMRMLScene(self.scene)
        crosshair = slicer.vtkMRMLCrosshairNode()
        crosshair.SetSingletonTag("default")
        self.scene.AddNode(crosshair)
        self.scene.AddObserver(self.scene.NodeAddedEvent, self._onNodeAdded)
        self.scene.AddObserver(self.scene.NodeAboutToBeRemovedEvent, self._onNodeRemoved)
        self.layoutNode.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)

    @property
    def layoutNode(self) -> slicer.vtkMRMLLayoutNode:
        """Says which views there are."""
        return self.layouts.GetLayoutNode()

    def sliceViews(self) -> Iterator[slicer.vtkMRMLSliceLogic]:
        """What is behind each slice view."""
        return (self.sliceLogics.GetItemAsObject(index) for index in range(self.sliceLogics.GetNumberOfItems()))

    def close(self) -> None:
        """Part the logics from the scene: freed in another order they crash."""
        self.scene.RemoveAllObservers()
        for logic in (*self.sliceViews(), *reversed(self._logics)):
            logic.SetMRMLScene(None)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAdded(self, caller: vtk.vtkObject, event: str, node: slicer.vtkMRMLNode) -> None:
        """A slice node gets the logic that its view would bring, and data an item in the subject hierarchy."""
        if node.IsA("vtkMRMLSliceNode"):
            node.SetDimensions(300, 400, 1)
            logic = slicer.vtkMRMLSliceLogic()
            logic.SetMRMLScene(self.scene)
            logic.SetMRMLApplicationLogic(self.applicationLogic)
            logic.SetSliceNode(node)
            self.sliceLogics.AddItem(logic)
        elif any(map(node.IsA, DATA)) and not node.GetHideFromEditors() and not self.scene.IsImporting():
            hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self.scene)
            hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeRemoved(self, caller: vtk.vtkObject, event: str, node: slicer.vtkMRMLNode) -> None:
        if any(map(node.IsA, DATA)) and not self.scene.IsClosing():
            hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self.scene)
            item = hierarchy.GetItemByDataNode(node)
            if item:
                hierarchy.RemoveItem(item, False)


class qMRMLSliceView(QtWidgets.QWidget):
    """A view without pixels, which has events and texts."""

    def __init__(self) -> None:
        super().__init__()
        self._interactor, self._annotation = vtk.vtkGenericRenderWindowInteractor(), vtk.vtkCornerAnnotation()
        self._enabled = True

    def setRenderEnabled(self, enabled: bool) -> None:
        """Let it draw, or not."""
        self._enabled = enabled

    renderEnabled = QtCore.Property(bool, lambda self: self._enabled, setRenderEnabled)

    def scheduleRender(self) -> None:
        """Draw soon: there is nothing to draw."""

    def interactor(self) -> vtk.vtkRenderWindowInteractor:
        """What sends the events."""
        return self._interactor

    def cornerAnnotation(self) -> vtk.vtkCornerAnnotation:
        """The texts on the image."""
        return self._annotation


class qMRMLSliceControllerWidget(QtWidgets.QWidget):
    """The bar above a slice view."""

    def __init__(self, logic: slicer.vtkMRMLSliceLogic) -> None:
        super().__init__()
        self._logic, self._label, self._slider = logic, QtWidgets.QLabel(self), ctkSliderWidget(self)

    def viewLabel(self) -> QtWidgets.QLabel:
        """The title."""
        self._label.setText(self._logic.GetSliceNode().GetLayoutLabel())
        return self._label

    def sliceOffsetSlider(self) -> ctkSliderWidget:
        """The position of the slice."""
        return self._slider


class qMRMLSliceWidget(QtCore.QObject):
    """A slice view without pixels."""

    def __init__(self, logic: slicer.vtkMRMLSliceLogic) -> None:
        super().__init__()
        self._logic, self._view, self._controller = logic, qMRMLSliceView(), qMRMLSliceControllerWidget(logic)

    def sliceView(self) -> qMRMLSliceView:
        """What would draw the slice: never visible."""
        return self._view

    def sliceController(self) -> qMRMLSliceControllerWidget:
        """The bar above it."""
        return self._controller

    def sliceLogic(self) -> slicer.vtkMRMLSliceLogic:
        """What moves the slice."""
        return self._logic

    def mrmlSliceNode(self) -> slicer.vtkMRMLSliceNode:
        """Where the slice is."""
        return self._logic.GetSliceNode()

    def mrmlSliceCompositeNode(self) -> slicer.vtkMRMLSliceCompositeNode:
        """What the view shows."""
        return self._logic.GetSliceCompositeNode()


class qSlicerLayoutManager(QtCore.QObject):
    """The views of the window: their nodes are real, but nothing is drawn."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self._scene = scene
        self._widgets: dict[slicer.vtkMRMLSliceLogic, qMRMLSliceWidget] = {}

    plotViewCount = QtCore.Property(int, lambda self: 0)
    threeDViewCount = QtCore.Property(int, lambda self: 0)

    layout = QtCore.Property(
        int,
        lambda self: self._scene.layoutNode.GetViewArrangement(),
        lambda self, number: self._scene.layoutNode.SetViewArrangement(number),
    )

    def mrmlSliceLogics(self) -> vtk.vtkCollection:
        """What is behind each slice view."""
        return self._scene.sliceLogics

    def sliceViewNames(self) -> list[str]:
        """The layout names of the slice views."""
        return [logic.GetSliceNode().GetLayoutName() for logic in self._scene.sliceViews()]

    def sliceWidget(self, name: str) -> qMRMLSliceWidget | None:
        """The slice view of this name."""
        found = (logic for logic in self._scene.sliceViews() if logic.GetSliceNode().GetLayoutName() == name)
        logic = next(found, None)
        return self._widgets.setdefault(logic, qMRMLSliceWidget(logic)) if logic is not None else None


class qSlicerApplication(QtWidgets.QApplication):
    """``slicer.app``, in testing mode: questions are answered with yes, and messages are only logged."""

    startupCompleted = QtCore.Signal()

    def __init__(self, settings: str) -> None:
        super().__init__(["Slicer"])
        self.setStyle("Fusion")
        self.setApplicationName("Slicer stand-in")
        QtCore.QSettings.setPath(QtCore.QSettings.Format.IniFormat, QtCore.QSettings.Scope.UserScope, settings)
        QtCore.QSettings.setDefaultFormat(QtCore.QSettings.Format.IniFormat)
        self._scene = Scene()
        self._layouts = qSlicerLayoutManager(self._scene)
        self._window = QtWidgets.QMainWindow(objectName="qSlicerMainWindow")
        self._window.statusBar()
        self._player = QtCore.QTimer(self)
        self._player.timeout.connect(self._scene.sequences.UpdateAllProxyNodes)
        self._player.start(20)

    def mrmlScene(self) -> slicer.vtkMRMLScene:
        """The scene."""
        return self._scene.scene

    def applicationLogic(self) -> slicer.vtkMRMLApplicationLogic:
        """What the views have in common."""
        return self._scene.applicationLogic

    def layoutManager(self) -> qSlicerLayoutManager:
        """The views."""
        return self._layouts

    def settings(self) -> QtCore.QSettings:
        """What is kept between two starts."""
        return QtCore.QSettings()

    def extensionsManagerModel(self) -> None:
        """There is none, as in a Slicer that was built without it."""

    def testingEnabled(self) -> bool:
        """Nobody is there to answer questions."""
        return True

    def startupEnvironment(self) -> QtCore.QProcessEnvironment:
        """The environment outside of Slicer."""
        environment = QtCore.QProcessEnvironment()
        for name, value in os.environ.items():
            environment.insert(name, value)
        return environment

    def translate(self, context: str, text: str) -> str:
        """English is the only language."""
        return text

    def close(self) -> None:
        """Stop, and take the scene apart."""
        self._player.stop()
        self._window.close()
        self._scene.close()
