"""The result of a run in the scene, identified by the attributes of its nodes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable

import numpy as np
import slicer
import vtk

from ..Translation import _
from .Attributes import setAttributes
from .NodeIndex import RUN, nodeIndex
from .Volumes import frameArray, releaseViews

ROLE = "DSCSuperRes.Role"
"""Attribute of every node of a run: its role."""
SOURCE_SERIES = "DSCSuperRes.Source"
"""Role of the reference from the reconstruction to the series that the user chose."""
REPORT = "text.report"
"""Role of the text with the run's report, HTML."""
TITLES = "DSCSuperRes.Titles"
"""Attribute of the browser: titles of roles that are not those of every result, as JSON."""
UNCERTAINTY = "uncertainty"
FORMER_ROLES = {UNCERTAINTY: "deviation"}
"""Names of roles in scenes saved by earlier versions."""
SEQUENCES = ("truth", "input", "reconstruction", "difference", UNCERTAINTY)


class Result:
    """The nodes of run ``run`` (an id such as "20261124-114433-1") in ``scene``, by role. Stores no nodes.

    Roles: ``truth``, ``input``, ``reconstruction``, ``difference``, ``uncertainty`` (sequences) and these with
    ``.proxy`` (the volumes that show them), ``browser``, ``map.<name>.<role>``, ``table.<name>``, ``chart.<name>``,
    ``series.<name>``, ``text.provenance``, ``text.metrics``, ``text.report``, ``mask``.
    """

    def __init__(self, scene: slicer.vtkMRMLScene, run: str) -> None:
        self.scene, self.run = scene, run

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Result) and (self.scene, self.run) == (other.scene, other.run)

    def __hash__(self) -> int:
        return hash(self.run)

    @classmethod
    def create(cls, scene: slicer.vtkMRMLScene, name: str, beside: slicer.vtkMRMLNode | None = None) -> Result:
        """Return a new result without nodes, with a folder next to the node ``beside`` in the subject hierarchy."""
        taken = {result.run for result in cls.all(scene)}
        stamp = time.strftime("%Y%m%d-%H%M%S")
        result = cls(scene, next(run for n in range(1, len(taken) + 2) if (run := f"{stamp}-{n}") not in taken))
        hierarchy = result._hierarchy
        source = hierarchy.GetItemByDataNode(beside) if beside is not None else 0
        parent = hierarchy.GetItemParent(source) if source else hierarchy.GetSceneItemID()
        folder = hierarchy.CreateFolderItem(parent, _freeName(name, {other.name for other in cls.all(scene)}))
        hierarchy.SetItemAttribute(folder, RUN, result.run)
        nodeIndex(scene).addFolder(result.run, folder)
        return result

    @classmethod
    def all(cls, scene: slicer.vtkMRMLScene) -> list[Result]:
        """Return all results in the scene, the newest last."""
        return [cls(scene, run) for run in sorted(nodeIndex(scene).runs(), key=_age)]

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self._hierarchy.GetItemName(self.folderItem) if self.folderItem else self.run

    @property
    def shortName(self) -> str:
        """The name without that of its series: what sets it apart from other results of the series."""
        reconstruction = self.sequence("reconstruction")
        source = reconstruction.GetNodeReference(SOURCE_SERIES) if reconstruction is not None else None
        return self.nameBeside(source)

    def nameBeside(self, source: slicer.vtkMRMLNode | None) -> str:
        """Return its name without that of the series ``source``."""
        name = self.name
        return (name.removeprefix(source.GetName()) if source is not None else name).strip() or name

    @property
    def task(self) -> str:
        """``compare`` if there is a ground truth, else ``reconstruct``."""
        return "compare" if self.sequence("truth") else "reconstruct"

    @property
    def folderItem(self) -> int:
        """Its folder in the subject hierarchy; 0 if the user removed it."""
        return nodeIndex(self.scene).folder(self.run)

    @property
    def complete(self) -> bool:
        """Whether nothing was deleted of what every view of a result needs."""
        return all(self.proxy(role) is not None for role in ("input", "reconstruction"))

    @property
    def damaged(self) -> bool:
        """Whether a sequence lacks the volume that shows it, or its browser, so that views would be empty."""
        present = [role for role in SEQUENCES if self.sequence(role) is not None]
        return not self.complete or any(self.proxy(role) is None for role in present)

    def title(self, role: str) -> str:
        """Return the title of a role where this result shows something else in its place; else an empty text."""
        browser = self.node("browser")
        text = browser.GetAttribute(TITLES) if browser is not None else None
        return json.loads(text).get(role, "") if text else ""

    def setTitles(self, titles: dict[str, str]) -> None:
        """Keep titles of roles."""
        self.node("browser").SetAttribute(TITLES, json.dumps(titles))

    def node(self, role: str) -> slicer.vtkMRMLNode | None:
        """Return the node of this role; None if there is none."""
        if role.endswith(".proxy"):
            return self.proxy(role.removesuffix(".proxy"))
        roles = (role, FORMER_ROLES.get(role, role))
        found = nodeIndex(self.scene).nodes(self.run)
        return next((node for node in found if node.GetAttribute(ROLE) in roles), None)

    def nodes(self) -> list[slicer.vtkMRMLNode]:
        """Return all nodes of the run except the proxies."""
        return list(nodeIndex(self.scene).nodes(self.run))

    def sequence(self, role: str) -> slicer.vtkMRMLSequenceNode | None:
        """Return the sequence of this role, one of ``SEQUENCES``."""
        return self.node(role)

    def proxy(self, role: str) -> slicer.vtkMRMLScalarVolumeNode | None:
        """Return the volume that shows the current frame of a sequence.

        It is found by the browser, because its attributes are overwritten by every frame that is copied into it.
        """
        browser, sequence = self.node("browser"), self.node(role)
        return browser.GetProxyNode(sequence) if browser is not None and sequence is not None else None

    def times(self, role: str) -> np.ndarray:
        """Return the times of the frames of a sequence, float64[t] in s; 0, 1, 2, ... if unknown."""
        sequence = self.sequence(role)
        count = sequence.GetNumberOfDataNodes() if sequence is not None else 0
        return np.array([float(sequence.GetNthIndexValue(index)) for index in range(count)])

    def signal(self, role: str) -> list[np.ndarray]:
        """Return the frames [z, y, x] of a sequence: views of the scene's voxels, not to be stored or written to."""
        sequence = self.sequence(role)
        count = sequence.GetNumberOfDataNodes() if sequence is not None else 0
        return [frameArray(sequence.GetNthDataNode(index)) for index in range(count)]

    def add(self, node: slicer.vtkMRMLNode, role: str) -> None:
        """Add ``node`` to the run and to its folder."""
        if not role.endswith(".proxy"):
            setAttributes(node, {RUN: self.run, ROLE: role})
            nodeIndex(self.scene).add(node)
        hierarchy, folder = self._hierarchy, self.folderItem
        item = hierarchy.GetItemByDataNode(node)
        if item and folder:
            hierarchy.SetItemParent(item, folder)

    def volumesInFolder(self) -> list[slicer.vtkMRMLScalarVolumeNode]:
        """Return the volumes that lie in its folder, those that show sequences included."""
        hierarchy, found = self._hierarchy, vtk.vtkIdList()
        hierarchy.GetItemChildren(self.folderItem, found, True)
        nodes = (hierarchy.GetItemDataNode(found.GetId(index)) for index in range(found.GetNumberOfIds()))
        return [node for node in nodes if node is not None and node.IsA("vtkMRMLScalarVolumeNode")]

    def text(self, role: str) -> str:
        """Return the text of the text node of this role; empty without one."""
        node = self.node(role)
        return (node.GetText() or "") if node is not None else ""

    def record(self, role: str) -> dict:
        """Return the JSON object in the text node of this role; empty without one."""
        return json.loads(self.text(role) or "{}")

    def setText(self, role: str, text: str) -> None:
        """Set the text of the text node of this role, which is created if there is none."""
        node = self.node(role)
        if node is None:
            node = self.scene.AddNewNodeByClass("vtkMRMLTextNode", f"{self.name} {role.removeprefix('text.')}")
            self.add(node, role)
        node.SetText(text)

    def removeNodes(self, nodes: Iterable[slicer.vtkMRMLNode]) -> None:
        """Remove nodes of the run from the scene, with their display nodes.

        Views show something else before: a linked view chooses another volume by itself, for all views.
        """
        nodes = list(nodes)
        releaseViews(self.scene, nodes)
        displays = [display for node in nodes for display in _displays(node)]
        for node in (*nodes, *displays):
            if node is not None and self.scene.IsNodePresent(node):
                self.scene.RemoveNode(node)

    def remove(self) -> None:
        """Remove the run from the scene, with its folder."""
        folder, hierarchy = self.folderItem, self._hierarchy
        proxies = [self.proxy(role) for role in SEQUENCES]
        self.removeNodes(node for node in (self.node("browser"), *proxies, *self.nodes()) if node is not None)
        if folder:
            hierarchy.RemoveItem(folder)

    @property
    def _hierarchy(self) -> slicer.vtkMRMLSubjectHierarchyNode:
        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self.scene)


def _displays(node: slicer.vtkMRMLNode) -> list[slicer.vtkMRMLDisplayNode]:
    if not node.IsA("vtkMRMLDisplayableNode"):
        return []
    return [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]


def _age(run: str) -> tuple[str, int]:
    stamp, _dash, count = run.rpartition("-")
    return stamp, int(count) if count.isdecimal() else 0


def _freeName(name: str, taken: set[str]) -> str:
    """Return ``name``, with a number appended if another run has it."""
    if name not in taken:
        return name
    return next(free for n in range(2, len(taken) + 3) if (free := f"{name} {n}") not in taken)


def roleTitle(role: str) -> str:
    """Return the title of a role."""
    titles = {
        "truth": _("ground truth"),
        "input": _("input"),
        "reconstruction": _("reconstruction"),
        "difference": _("difference"),
        "uncertainty": _("uncertainty"),
    }
    return titles[role]
