"""The browser of a result, which plays its sequences together, and the volumes that show their current frames."""

from __future__ import annotations

import slicer

from .Display.Appearance import PREPARED
from .Result import SEQUENCES, Result
from .Sequences.NewSequence import addProxy

SPARSER = ("input",)
"""Sequences that are sparser than the browser's master: browsing must not write copied frames into them."""


def addBrowser(result: Result) -> slicer.vtkMRMLSequenceBrowserNode:
    """Add a browser to ``result``, which shows nothing yet."""
    browser = result.scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", f"{result.name} browser")
    result.add(browser, "browser")
    return browser


def showSequence(result: Result, browser: slicer.vtkMRMLSequenceBrowserNode, role: str) -> None:
    """Give the sequence ``role`` a volume that shows its current frame; the first one is the browser's master."""
    sequence = result.sequence(role)
    volume = addProxy(browser, sequence, _orphan(result, sequence))
    browser.SetSaveChanges(sequence, role not in SPARSER)
    result.add(volume, f"{role}.proxy")


def restoreBrowser(result: Result) -> None:
    """Restore the browser of ``result``, and the volumes that show its sequences, where the user deleted them."""
    roles = [role for role in ("reconstruction", *SEQUENCES) if result.sequence(role) is not None]
    missing = list(dict.fromkeys(role for role in roles if result.proxy(role) is None))
    if not missing:
        return
    browser = result.node("browser") or addBrowser(result)
    for role in missing:
        showSequence(result, browser, role)
    browser.RemoveAttribute(PREPARED)
    browser.SetSelectedItemNumber(max(browser.GetSelectedItemNumber(), 0))


def _orphan(result: Result, sequence: slicer.vtkMRMLSequenceNode) -> slicer.vtkMRMLScalarVolumeNode | None:
    """Return the volume that showed ``sequence`` until its browser was deleted; None without one."""
    scene = result.scene
    browsers = [
        scene.GetNthNodeByClass(index, "vtkMRMLSequenceBrowserNode")
        for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode"))
    ]
    for volume in result.volumesInFolder():
        if volume.GetName() == sequence.GetName() and not any(each.IsProxyNode(volume.GetID()) for each in browsers):
            return volume
    return None
