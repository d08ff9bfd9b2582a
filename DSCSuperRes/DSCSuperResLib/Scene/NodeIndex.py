"""Where the nodes and the folder of each run are in a scene, known without looking through all nodes each time."""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakKeyDictionary, ref

import slicer
import vtk

RUN = "DSCSuperRes.Run"
"""Attribute of every node of a run, and of its folder: the run's id."""

FIRST = 10.0
"""Priority of observers that are called before those who ask the index."""


class NodeIndex:
    """The nodes of each run by ID, and its folder. Read off the scene once, then kept up to date by its events."""

    def __init__(self, scene: slicer.vtkMRMLScene) -> None:
        self._scene, self._stale = ref(scene), True
        self._observed: ref | None = None
        self._nodes: dict[str, dict[str, None]] = {}
        self._folders: dict[str, int] = {}
        scene.AddObserver(scene.NodeAddedEvent, self._onNodeAdded)
        scene.AddObserver(scene.NodeRemovedEvent, self._onNodeRemoved)
        for event in (scene.EndImportEvent, scene.EndRestoreEvent, scene.EndCloseEvent):
            scene.AddObserver(event, self._onSceneReplaced, FIRST)

    def runs(self) -> set[str]:
        """Return the ids of all runs of which there is a folder or a node."""
        self._refresh()
        return {*self._folders, *(run for run, nodes in self._nodes.items() if nodes)}

    def nodes(self, run: str) -> Iterator[slicer.vtkMRMLNode]:
        """Yield the nodes of ``run``, in the order in which they came."""
        self._refresh()
        scene = self._scene()
        for identifier in tuple(self._nodes.get(run, ())):
            node = scene.GetNodeByID(identifier)
            if node is not None and node.GetAttribute(RUN) == run:
                yield node

    def folder(self, run: str) -> int:
        """Return the folder of ``run`` in the subject hierarchy; 0 if there is none.

        One that is not known is searched each time: folders come only some time after a scene was read.
        """
        self._refresh()
        if run not in self._folders:
            self._findFolders()
        return self._folders.get(run, 0)

    def add(self, node: slicer.vtkMRMLNode) -> None:
        """Remember ``node``, whose attributes have just made it one of a run."""
        run = node.GetAttribute(RUN)
        if run and not self._stale:
            self._nodes.setdefault(run, {})[node.GetID()] = None

    def addFolder(self, run: str, item: int) -> None:
        """Remember the folder of ``run``."""
        self._refresh()
        self._folders[run] = item

    def _refresh(self) -> None:
        """Look through the scene, if it has been replaced since the last time."""
        if not self._stale:
            return
        scene = self._scene()
        self._stale, self._nodes, self._folders = False, {}, {}
        for index in range(scene.GetNumberOfNodes()):
            self.add(scene.GetNthNode(index))
        self._findFolders()

    def _findFolders(self) -> None:
        """Look through the subject hierarchy."""
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self._scene())
        if self._observed is None or self._observed() is not hierarchy:
            self._observed = ref(hierarchy)
            hierarchy.AddObserver(hierarchy.SubjectHierarchyItemAboutToBeRemovedEvent, self._onItemRemoved)
        found = vtk.vtkIdList()
        hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), found, True)
        for item in (found.GetId(index) for index in range(found.GetNumberOfIds())):
            run = hierarchy.GetItemAttribute(item, RUN)
            if run:
                self._folders[run] = item

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAdded(self, caller: vtk.vtkObject, event: str, node: slicer.vtkMRMLNode) -> None:
        self.add(node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeRemoved(self, caller: vtk.vtkObject, event: str, node: slicer.vtkMRMLNode) -> None:
        run = node.GetAttribute(RUN)
        if run in self._nodes:
            self._nodes[run].pop(node.GetID(), None)

    @vtk.calldata_type(vtk.VTK_LONG)
    def _onItemRemoved(self, caller: vtk.vtkObject, event: str, item: int) -> None:
        self._folders = {run: folder for run, folder in self._folders.items() if folder != item}

    def _onSceneReplaced(self, caller: vtk.vtkObject, event: str) -> None:
        self._stale = True


_indexes: WeakKeyDictionary[slicer.vtkMRMLScene, NodeIndex] = WeakKeyDictionary()


def nodeIndex(scene: slicer.vtkMRMLScene) -> NodeIndex:
    """Return the index of ``scene``, which is made the first time."""
    if scene not in _indexes:
        _indexes[scene] = NodeIndex(scene)
    return _indexes[scene]
