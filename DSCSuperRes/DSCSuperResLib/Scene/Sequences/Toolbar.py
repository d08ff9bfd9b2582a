"""The toolbar of Slicer's Sequences module, which plays one browser for all views."""

from __future__ import annotations

import slicer


def showInToolbar(browser: slicer.vtkMRMLSequenceBrowserNode | None) -> None:
    """Let the toolbar drive ``browser``, the one that is looked at; without a main window there is no toolbar."""
    sequences = getattr(slicer.modules, "sequences", None)
    if sequences is not None and browser is not None:
        sequences.setToolBarActiveBrowserNode(browser)
