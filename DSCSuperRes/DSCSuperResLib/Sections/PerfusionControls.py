"""Controls of the Perfusion panel that the parameter node cannot follow by itself."""

from __future__ import annotations

from abc import ABC, abstractmethod

import slicer

from ..Parameters import PerfusionParameters


class PerfusionControls(ABC):
    """Stores choices in the perfusion parameters when the user makes them, not while ``_updating``."""

    def __init__(self, ui, context) -> None:
        self._ui, self._context, self._updating = ui, context, False

    @abstractmethod
    def store(self, chosen: PerfusionParameters) -> None:
        """Store the items chosen in the selectors in ``chosen``."""

    def _offer(self, selector, titles: dict[str, str]) -> None:
        """Fill ``selector`` with titles by value, and observe it."""
        for value, title in titles.items():
            selector.addItem(title, value)
        self._observe(selector)

    def _observe(self, selector) -> None:
        selector.connect("currentIndexChanged(int)", self._onChoice)

    def _observeFile(self, edit, name: str) -> None:
        """Store the path in ``edit`` as the parameter ``name``."""
        edit.connect("currentPathChanged(QString)", lambda path: self._onFile(name, path))

    def _onChoice(self) -> None:
        parameters = self._context.parameters
        if not self._updating and parameters is not None:
            with slicer.util.NodeModify(self._context.logic.parameterNode()):
                self.store(parameters.perfusion)

    def _onFile(self, name: str, path: str) -> None:
        if not self._updating and self._context.parameters is not None:
            setattr(self._context.parameters.perfusion, name, path)
