"""What every section of the panel has in common."""

from __future__ import annotations


class Section:
    """The controller of one section.

    ui        the widgets of its .ui file, by name
    context   what it shares with the others: ``parameters``, ``logic``, ``result``, ``status(text)``
    """

    def __init__(self, ui, context) -> None:
        self.ui, self.context = ui, context

    def setParameterNode(self, parameters) -> None:
        """Follow other parameters; None while there is no scene to keep them."""

    def setResult(self, result) -> None:
        """Work on another result; None where there is none."""

    def cleanup(self) -> None:
        """Leave nothing running or watching."""
