"""``DICOMLib`` and ``slicer.dicomDatabase``, as far as the plugin uses them, over real DICOM files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import slicer
from pydicom import dcmread
from pydicom.tag import Tag


class DICOMLoadable:
    """What a plugin offers of the files of a series."""

    def __init__(self) -> None:
        self.files, self.name, self.tooltip, self.warning = [], "Unknown", "", ""
        self.selected, self.confidence = False, 0.5


class DICOMPlugin:
    """What all plugins have in common."""

    def __init__(self) -> None:
        self.loadType = "Generic DICOM"
        self.tags = {
            "seriesDescription": "0008,103E",
            "seriesNumber": "0020,0011",
            "modality": "0008,0060",
            "seriesInstanceUID": "0020,000E",
        }

    def examineForImport(self, fileLists: Sequence[Sequence[str]]) -> list[DICOMLoadable]:
        """What can be loaded of each of the series."""
        return [loadable for files in fileLists for loadable in self.examineFiles(files)]

    def addSeriesInSubjectHierarchy(self, loadable: DICOMLoadable, node: slicer.vtkMRMLNode) -> None:
        """Note at the item of ``node`` which series it shows."""
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        uid = slicer.dicomDatabase.fileValue(loadable.files[0], self.tags["seriesInstanceUID"])
        hierarchy.SetItemUID(hierarchy.CreateItem(hierarchy.GetSceneItemID(), node), "DICOM", uid)


class DICOMDatabase:
    """Values of files, and how many it was asked for."""

    def __init__(self) -> None:
        self.asked, self._headers = 0, {}

    def fileValue(self, file: str, tag: str) -> str:
        """An element as text; empty where there is none."""
        self.asked += 1
        if file not in self._headers:
            self._headers[file] = dcmread(Path(file), stop_before_pixels=True)
        element = self._headers[file].get(Tag(*(int(part, 16) for part in tag.split(","))))
        if element is None or element.value is None:
            return ""
        return "\\".join(map(str, element.value)) if element.VM > 1 else str(element.value)


def makeModule() -> ModuleType:
    """The module ``DICOMLib``."""
    module = ModuleType("DICOMLib")
    module.DICOMLoadable, module.DICOMPlugin = DICOMLoadable, DICOMPlugin
    return module
