"""The mouse in a slice view, for what Slicer's own markups do with it: they are real here, only nothing is drawn."""

from __future__ import annotations

import slicer
import vtk


class Mouse:
    """A slice view with the displayable manager of markups; voxels (z, y, x) are those of the sample of ``driver``."""

    def __init__(self) -> None:
        application, self._scene = slicer.app.applicationLogic(), slicer.mrmlScene
        self._markups = slicer.vtkSlicerMarkupsLogic()
        self._markups.SetMRMLApplicationLogic(application)
        self._markups.SetMRMLScene(self._scene)
        application.SetModuleLogic("Markups", self._markups)
        if not self._markups.IsMarkupsNodeRegistered("vtkMRMLMarkupsFiducialNode"):
            self._markups.RegisterMarkupsNode(slicer.vtkMRMLMarkupsFiducialNode(), slicer.vtkSlicerPointsWidget())
        self._view = slicer.vtkMRMLSliceNode()
        self._view.SetName("Mouse")
        self._view.SetLayoutName("Mouse")
        self._scene.AddNode(self._view)
        self._view.SetDimensions(400, 400, 1)
        self._view.SetFieldOfView(200, 200, 1)
        self._window, self._renderer = vtk.vtkRenderWindow(), vtk.vtkRenderer()
        self._window.SetOffScreenRendering(1)
        self._window.SetSize(400, 400)
        self._window.AddRenderer(self._renderer)
        self._interactor, self._style = vtk.vtkGenericRenderWindowInteractor(), slicer.vtkMRMLSliceViewInteractorStyle()
        self._interactor.SetRenderWindow(self._window)
        self._style.SetInteractor(self._interactor)
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(application)
        if not factory.IsDisplayableManagerRegistered("vtkMRMLMarkupsDisplayableManager"):
            factory.RegisterDisplayableManager("vtkMRMLMarkupsDisplayableManager")
        self._managers = factory.InstantiateDisplayableManagers(self._renderer)
        self._managers.SetMRMLDisplayableNode(self._view)
        self._style.SetDisplayableManagers(self._managers)

    def move(self, voxel: tuple[int, int, int]) -> None:
        """Move to the center of a voxel."""
        self._send("MouseMoveEvent", voxel)

    def click(self, voxel: tuple[int, int, int]) -> None:
        """Click there."""
        self.move(voxel)
        self.press(voxel)
        self.release(voxel)

    def press(self, voxel: tuple[int, int, int]) -> None:
        """Press the left button there."""
        self._send("LeftButtonPressEvent", voxel)

    def release(self, voxel: tuple[int, int, int]) -> None:
        """Let go of it."""
        self._send("LeftButtonReleaseEvent", voxel)

    def drag(self, start: tuple[int, int, int], end: tuple[int, int, int]) -> None:
        """Drag what is at ``start`` to ``end`` in the same slice."""
        self.move(start)
        self.press(start)
        self.move(end)
        self.release(end)

    def close(self) -> None:
        """Part the view from the scene."""
        self._style.SetDisplayableManagers(None)
        self._managers.SetMRMLDisplayableNode(None)
        slicer.app.applicationLogic().SetModuleLogic("Markups", None)
        self._markups.SetMRMLScene(None)
        if self._scene.IsNodePresent(self._view):
            self._scene.RemoveNode(self._view)

    def _send(self, kind: str, voxel: tuple[int, int, int]) -> None:
        place = (2.0 * voxel[2], 2.0 * voxel[1], 5.0 * voxel[0])
        self._view.JumpSliceByOffsetting(*place)
        inverse = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self._view.GetXYToRAS(), inverse)
        x, y, *_rest = inverse.MultiplyPoint([*place, 1.0])
        event = slicer.vtkMRMLInteractionEventData()
        event.SetType(getattr(vtk.vtkCommand, kind))
        event.SetRenderer(self._renderer)
        event.SetDisplayPosition([round(x), round(y)])
        event.SetMouseMovedSinceButtonDown(kind == "MouseMoveEvent")
        self._style.DelegateInteractionEventDataToDisplayableManagers(event)
