"""A scene as the application sets it up, without its window."""

import slicer
import vtk

USERS_LAYOUT = 3


class Window:
    """A scene with what the application adds to it: layout, slice views, colors."""

    def __init__(self) -> None:
        self.scene = slicer.vtkMRMLScene()
        self.application = slicer.vtkMRMLApplicationLogic()
        self.application.SetMRMLScene(self.scene)
        self._modules = (slicer.vtkSlicerColorLogic(), slicer.vtkSlicerSequencesLogic())
        self._layouts = slicer.vtkMRMLLayoutLogic()
        for logic in (*self._modules, self._layouts):
            logic.SetMRMLScene(self.scene)
        self.layoutNode.SetViewArrangement(USERS_LAYOUT)
        self._logics = vtk.vtkCollection()
        self.application.SetSliceLogics(self._logics)

    @property
    def layoutNode(self):
        return self._layouts.GetLayoutNode()

    def makeSliceViews(self) -> None:
        """What the layout manager does for slice nodes: a logic with a composite node for each."""
        for index in range(self.scene.GetNumberOfNodesByClass("vtkMRMLSliceNode")):
            node = self.scene.GetNthNodeByClass(index, "vtkMRMLSliceNode")
            node.SetDimensions(300 + 10 * index, 400, 1)
            logic = slicer.vtkMRMLSliceLogic()
            logic.SetMRMLScene(self.scene)
            logic.SetMRMLApplicationLogic(self.application)
            logic.SetSliceNode(node)
            self._logics.AddItem(logic)

    def close(self) -> None:
        """Part the logics from the scene: freed in another order they crash."""
        logics = [self._logics.GetItemAsObject(index) for index in range(self._logics.GetNumberOfItems())]
        for logic in (*logics, *self._modules, self._layouts, self.application):
            logic.SetMRMLScene(None)


def reopen(window: Window, other: Window, folder) -> Window:
    """The scene of ``window``, saved and read in ``other``."""
    folder.mkdir()
    assert window.application.SaveSceneToSlicerDataBundleDirectory(str(folder), None)
    other.scene.SetURL(str(next(folder.glob("*.mrml"))))
    assert other.scene.Connect()
    return other
