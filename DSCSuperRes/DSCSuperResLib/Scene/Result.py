"""A result: everything one run left in the scene, found again by attributes, also in a scene that was reopened."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

RUN, ROLE = "DSCSuperRes.Run", "DSCSuperRes.Role"
PROXY = ".proxy"


class Result:
    """The nodes of run ``run`` (an id such as "20261124-114433-1") in ``scene``, by role.

    Roles: ``truth``, ``input``, ``reconstruction``, ``difference`` (sequences) and these with ``.proxy`` (the volumes
    that show them), ``browser``, ``map.<name>.<role>``, ``table.<name>``, ``chart.<name>``, ``series.<name>``,
    ``text.provenance``, ``text.metrics``, ``mask``.
    """

    def __init__(self, scene: slicer.vtkMRMLScene, run: str) -> None:
        self.scene, self.run = scene, run

    @classmethod
    def create(cls, scene: slicer.vtkMRMLScene, name: str, beside: slicer.vtkMRMLNode | None = None) -> Result:
        """A new, empty result called ``name``, in a folder next to the node ``beside``."""
        existing = cls.all(scene)
        number = int(existing[-1].run.rsplit("-", 1)[1]) + 1 if existing else 1
        result = cls(scene, f"{datetime.datetime.now():%Y%m%d-%H%M%S}-{number}")
        hierarchy = _hierarchy(scene)
        parent = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(beside)) if beside else hierarchy.GetSceneItemID()
        folder = hierarchy.CreateFolderItem(parent, name)
        hierarchy.SetItemAttribute(folder, RUN, result.run)
        return result

    @classmethod
    def all(cls, scene: slicer.vtkMRMLScene) -> list[Result]:
        """The results in ``scene``, the newest last."""
        runs = (_hierarchy(scene).GetItemAttribute(item, RUN) for item in _items(scene))
        return [cls(scene, run) for run in sorted(filter(None, runs), key=lambda run: int(run.rsplit("-", 1)[1]))]

    @property
    def folderItem(self) -> int:
        """The run's folder in the subject hierarchy; 0 where it was deleted."""
        hierarchy = _hierarchy(self.scene)
        return next((item for item in _items(self.scene) if hierarchy.GetItemAttribute(item, RUN) == self.run), 0)

    @property
    def name(self) -> str:
        """What the user calls it: the name of its folder."""
        return _hierarchy(self.scene).GetItemName(self.folderItem)

    @property
    def task(self) -> str:
        """Either "compare", where there is a ground truth, or "enhance"."""
        return "enhance" if self.sequence("truth") is None else "compare"

    def node(self, role: str) -> slicer.vtkMRMLNode | None:
        """The node with this role; None where the run has none."""
        if role.endswith(PROXY):
            return self.proxy(role.removesuffix(PROXY))
        return next((node for node in self.nodes() if node.GetAttribute(ROLE) == role), None)

    def nodes(self) -> Iterator[slicer.vtkMRMLNode]:
        """All nodes of the run but the proxies."""
        for index in range(self.scene.GetNumberOfNodes()):
            node = self.scene.GetNthNode(index)
            if node.GetAttribute(RUN) == self.run and not (node.GetAttribute(ROLE) or "").endswith(PROXY):
                yield node

    def sequence(self, role: str) -> slicer.vtkMRMLSequenceNode | None:
        """The sequence of "truth", "input", "reconstruction" or "difference"."""
        return self.node(role)

    def proxy(self, role: str) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The volume that shows the sequence ``role``.

        Only the browser knows it: browsing gives a proxy the attributes of each frame, so it keeps none of its own.
        """
        sequence, browser = self.sequence(role), self.node("browser")
        return browser.GetProxyNode(sequence) if sequence and browser else None

    def add(self, node: slicer.vtkMRMLNode, role: str) -> None:
        """Make ``node`` of the scene part of this run, and put it into the run's folder."""
        if not role.endswith(PROXY):
            node.SetAttribute(RUN, self.run)
            node.SetAttribute(ROLE, role)
        hierarchy, item = _hierarchy(self.scene), _hierarchy(self.scene).GetItemByDataNode(node)
        if item:
            hierarchy.SetItemParent(item, self.folderItem)

    def times(self, role: str) -> np.ndarray:
        """float64[t], s: the times of the frames of ``role``."""
        sequence = self.sequence(role)
        return np.array([float(sequence.GetNthIndexValue(frame)) for frame in range(sequence.GetNumberOfDataNodes())])

    def signal(self, role: str) -> Iterator[np.ndarray]:
        """The frames of ``role``, [k, j, i] each: views, not copies."""
        sequence = self.sequence(role)
        for frame in range(sequence.GetNumberOfDataNodes()):
            image = sequence.GetNthDataNode(frame).GetImageData()
            yield vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])

    def remove(self) -> None:
        """Take the run with all its nodes and its folder out of the scene."""
        folder = self.folderItem
        proxies = [self.proxy(role) for role in ("truth", "input", "reconstruction", "difference")]
        for node in (self.node("browser"), *proxies, *self.nodes()):  # a browser makes new proxies for those it lost
            if node is not None and self.scene.IsNodePresent(node):
                self.scene.RemoveNode(node)
        if folder:
            _hierarchy(self.scene).RemoveItem(folder)


def _hierarchy(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLSubjectHierarchyNode:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


def _items(scene: slicer.vtkMRMLScene) -> list[int]:
    hierarchy, found = _hierarchy(scene), vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), found, True)
    return [found.GetId(index) for index in range(found.GetNumberOfIds())]
