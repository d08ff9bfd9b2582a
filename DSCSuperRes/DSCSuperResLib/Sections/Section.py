"""The base class of the sections of the panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ..Logic import Logic
    from ..Parameters import Parameters
    from ..Scene.Result import Result


class Context(Protocol):
    """The interface of the panel for its sections.

    parameters  the parameter node, wrapped; None while the scene is closing
    logic       everything that is possible without a panel
    result      the selected run, or None
    """

    parameters: Parameters | None
    logic: Logic
    result: Result | None

    def status(self, text: str) -> None:
        """Show ``text`` in the line at the bottom of the window."""

    def selectResult(self, result: Result | None) -> None:
        """Select another run."""

    def showNewResult(self, result: Result, note: str) -> None:
        """Show the result of a run that has ended, or whose maps are still being computed, with a note about it."""

    def completeResult(self, result: Result, note: str) -> None:
        """Show what a run has added to a result that is shown already, or why it adds no more."""

    def showProgressOfMaps(self, fraction: float, text: str) -> None:
        """Show how far a run is that computes the maps of a result that is shown already."""

    def sideBySide(self) -> None:
        """Show the selected result side by side, unless it is shown so already."""

    def overlayChanged(self) -> None:
        """Notify all sections that the overlay of the images has changed."""

    def parametersChanged(self) -> None:
        """Notify all sections that a parameter, or the capabilities of the background process, have changed."""


def setText(label: Any, text: str) -> None:
    """Set the text of a label that may change often: the panel is laid out again only where it is a new one."""
    if label.text != text:
        label.text = text


class Section:
    """One section of the panel: ``ui`` holds the widgets of its .ui file by name."""

    def __init__(self, ui: Any, context: Context) -> None:
        self.ui, self.context = ui, context
        self._guiTag: str | None = None
        self._connected: Parameters | None = None

    def setParameterNode(self, parameters: Parameters | None) -> None:
        """Connect the widgets that name a parameter (``SlicerParameterName``) with ``parameters``."""
        if self._connected is not None:
            self._connected.disconnectGui(self._guiTag)
        self._connected = parameters
        if parameters is not None:
            self._guiTag = parameters.connectGui(self.ui)

    def setResult(self, result: Result | None) -> None:
        """Show ``result``; None for none."""

    def parametersChanged(self) -> None:
        """Update the section after a parameter or the input has changed."""

    def overlayChanged(self) -> None:
        """Update the section after the overlay of the images has changed."""

    def mapsChanged(self) -> None:
        """Update the section after a run has added maps to the result, or will add no more."""

    def enter(self) -> None:
        """Prepare the section when the user opens the module."""

    def exit(self) -> None:
        """Put the section at rest when the user goes to another module."""

    def cleanup(self) -> None:
        """Stop all work and observation."""
        self.setParameterNode(None)
