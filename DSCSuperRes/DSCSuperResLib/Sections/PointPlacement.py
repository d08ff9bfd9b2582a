"""A button that lets the user place points of a node in the views, with Slicer's own mode for placing."""

from __future__ import annotations

from collections.abc import Callable

import slicer
import vtk
from slicer.util import VTKObservationMixin

INTERACTION = "vtkMRMLInteractionNodeSingleton"
SELECTION = "vtkMRMLSelectionNodeSingleton"


class PointPlacement(VTKObservationMixin):
    """Makes the checkable ``button`` start and end the placing of points of ``getNode()``.

    ``several`` is whether clicks place points until the button is clicked again. The button is unchecked when Slicer
    ends its mode for placing, or when it places something else.
    """

    def __init__(self, button, getNode: Callable[[], slicer.vtkMRMLMarkupsNode | None], several: bool) -> None:
        super().__init__()
        self._button, self._getNode, self._several = button, getNode, several
        self._placed = ""
        button.connect("clicked(bool)", self._onClicked)

    @property
    def active(self) -> bool:
        """Whether the next click in a view places a point."""
        interaction, selection = _interactionNode(), _selectionNode()
        return bool(
            self._placed
            and interaction is not None
            and interaction.GetCurrentInteractionMode() == interaction.Place
            and bool(interaction.GetPlaceModePersistence()) == self._several
            and selection.GetActivePlaceNodeID() == self._placed
        )

    def stop(self) -> None:
        """End the placing, if it is this one."""
        if self.active:
            _interactionNode().SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.ViewTransform)
        self.removeObservers()
        self._placed = ""
        self._button.checked = False

    def _onClicked(self, on: bool) -> None:
        interaction, node = _interactionNode(), self._getNode() if on else None
        if not on or interaction is None or node is None:
            self.stop()
            return
        selection, self._placed = _selectionNode(), node.GetID()
        selection.SetReferenceActivePlaceNodeClassName(node.GetClassName())
        selection.SetActivePlaceNodeID(self._placed)
        interaction.SetPlaceModePersistence(int(self._several))
        interaction.SetCurrentInteractionMode(interaction.Place)
        self.removeObservers()
        for watched in (interaction, selection):
            self.addObserver(watched, vtk.vtkCommand.ModifiedEvent, self._onMode)
        self._button.checked = True

    def _onMode(self, caller: vtk.vtkObject, event: str) -> None:
        if not self.active:
            self.stop()


def _interactionNode() -> slicer.vtkMRMLInteractionNode | None:
    return slicer.mrmlScene.GetNodeByID(INTERACTION)


def _selectionNode() -> slicer.vtkMRMLSelectionNode | None:
    return slicer.mrmlScene.GetNodeByID(SELECTION)
