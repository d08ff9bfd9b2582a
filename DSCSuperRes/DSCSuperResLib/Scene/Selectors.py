"""Which nodes of a result Slicer's selectors and its module *Data* offer: few, so that they can be chosen from.

Slicer saves nodes that are hidden from editors with the scene from version 5.12 on; before, nothing is hidden.
"""

from __future__ import annotations

import slicer

from .Result import Result


def canHide(scene: slicer.vtkMRMLScene) -> bool:
    """Return whether ``scene`` saves the data of hidden nodes."""
    return hasattr(scene, "GetPrivateStorableNodesModifiedSinceRead")


def offer(result: Result, node: slicer.vtkMRMLNode, on: bool) -> None:
    """Let selectors offer ``node`` or not. Slicer itself gives no hidden node an item in the subject hierarchy."""
    if on:
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(result.scene)
        node.SetHideFromEditors(False)
        if not hierarchy.GetItemByDataNode(node):
            hierarchy.CreateItem(result.folderItem or hierarchy.GetSceneItemID(), node)
    elif canHide(result.scene):
        node.SetHideFromEditors(True)
