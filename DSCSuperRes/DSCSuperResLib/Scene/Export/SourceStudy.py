"""The DICOM study that a result belongs to."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path

import slicer

from dsc_superres.io.dicom import is_dicom

from ..Result import SOURCE_SERIES, Result

OPENED = "DSCSuperRes.Opened"
"""Attribute of a series that was opened from a file: a random name, because other scenes reuse node ids."""


def noteFile(sequence: slicer.vtkMRMLSequenceNode, path: Path, opened: dict[str, Path]) -> None:
    """Record in ``opened``, not in the scene, that ``sequence`` was opened from ``path``."""
    name = uuid.uuid4().hex
    sequence.SetAttribute(OPENED, name)
    opened[name] = path


def studyFile(result: Result, opened: Mapping[str, Path]) -> Path | None:
    """Return a DICOM file or folder of the series that ``result`` was computed from; None if there is none.

    ``opened`` are the files that series were opened from in this session (see ``noteFile``). For other series, Slicer's
    DICOM database is searched by the attributes of the series or its item in the hierarchy.
    """
    reconstruction = result.sequence("reconstruction")
    source = reconstruction.GetNodeReference(SOURCE_SERIES) if reconstruction is not None else None
    if source is None:
        return None
    path = opened.get(source.GetAttribute(OPENED))
    if path is not None and path.exists() and (path.is_dir() or is_dicom(path)):
        return path
    database = getattr(slicer, "dicomDatabase", None)
    if database is None:
        return None
    for node in (source, *_proxies(source)):
        instances = (node.GetAttribute("DICOM.instanceUIDs") or "").split()
        file = database.fileForInstance(instances[0]) if instances else _fileOfSeries(node, database)
        if file and Path(file).is_file():
            return Path(file)
    return None


def _proxies(sequence: slicer.vtkMRMLSequenceNode) -> list[slicer.vtkMRMLNode]:
    """Return the volumes that show ``sequence``."""
    scene, found = sequence.GetScene(), []
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode")):
        browser = scene.GetNthNodeByClass(index, "vtkMRMLSequenceBrowserNode")
        found.append(browser.GetProxyNode(sequence))
    return [node for node in found if node is not None]


def _fileOfSeries(node: slicer.vtkMRMLNode, database) -> str:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())
    item = hierarchy.GetItemByDataNode(node)
    series = hierarchy.GetItemUID(item, "DICOM") if item else ""
    files = database.filesForSeries(series) if series else ()
    return files[0] if files else ""
