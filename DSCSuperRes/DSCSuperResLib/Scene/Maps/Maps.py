"""Perfusion maps of a result: volumes by name and source, their differences from the ground truth, their provenance."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import slicer
import vtk

from dsc_superres.io import read_volume
from dsc_superres.perfusion.map_units import EXTRA_UNITS, RELATIVE, UNITS

from ...Translation import _
from ..Attributes import setAttributes
from ..Provenance import setProvenance
from ..Result import ROLE, Result, roleTitle
from ..Segments import voxelCenters, voxelsAt
from ..Selectors import offer
from ..Volumes import frameArray, ijkToRas, setFrame
from .MapMasking import allValues, forgetHidden
from .ReadingRegions import showBrain, showRegions
from .WhiteMatter import removeReference, showReference

TITLES = {
    "cbv": "CBV",
    "cbf": "CBF",
    "mtt": "MTT",
    "ttp": "TTP",
    "tmax": "Tmax",
    "rcbv": "rCBV",
    "rcbf": "rCBF",
    "k1": "K1",
    "k2": "K2",
}
PRODUCTS = ("cbv", "cbf", "mtt", "ttp", "tmax", "k2")
"""The maps that a run is for."""
SD_SUFFIX = "_sd"
"""Ending of the name of a map's standard deviation."""
SOURCES = ("truth", "input", "reconstruction")
DIFFERENCES = {"reconstruction": "difference", "input": "inputDifference"}
"""Names of the differences from the ground truth by source; they are used like sources."""
CANDIDATES = "text.aif"
"""Role of the text with the arterial inputs that were found, and their source."""
ATTRIBUTES = ("versions", "method", "leakage", "series", "acquired_times_s", "notes", "warnings", "notice")
"""Entries of the provenance that are attributes of every map; the text holds all of it."""
NEW_VALUES = "DSCSuperRes.NewValues"
"""Attribute of a map whose values are newer than its scale."""
MASK = "mask"
"""Map that is 1 in voxels in which the others were computed."""
REFERENCE = "reference"
"""Map that is 1 in the white matter that relative maps refer to."""
REGIONS = {MASK: _("brain"), REFERENCE: _("white matter reference")}
"""Titles of the maps that are regions."""


def addMaps(result: Result, folder: Path, source: str) -> Iterator[float]:
    """Load the maps that the worker wrote into ``folder`` (``<name>.nii.gz``, provenance) into the scene.

    They replace all earlier maps of ``source``, one of ``SOURCES``. What was not computed is NaN in the scene, where 0
    is a value of a map; in the files it is 0. Yields the fraction done.
    """
    files = sorted(folder.glob("*.nii.gz"))
    mask = folder / f"{MASK}.nii.gz"
    computed = read_volume(mask)[0] > 0 if mask in files else None
    for count, path in enumerate(files, 1):
        voxels, geometry = read_volume(path)
        if path.name.startswith(f"{REFERENCE}.") and source in (aifGrid(result), "reconstruction"):
            for _part in showReference(result, voxels > 0, geometry):
                yield (count - 1) / (len(files) + 1)
        name = path.name.removesuffix(".nii.gz")
        if name not in REGIONS and computed is not None:
            voxels = np.where(computed & ~_undefined(name, voxels), voxels, np.nan)
        _place(result, name, source, voxels, ijkToRas(geometry))
        yield count / (len(files) + 1)
    made = {path.name.removesuffix(".nii.gz") for path in files}
    done = len(files) / (len(files) + 1)
    for (name, kind), node in mapNodes(result).items():
        if name not in made and kind == source:
            _remove(result, node)
            yield done
    if REFERENCE not in made:
        _removeReference(result, source)
    yield done
    for _part in showRegions(result, folder, source):
        yield done
    if computed is not None and source in (aifGrid(result), "reconstruction"):
        for _part in showBrain(result, computed, geometry):
            yield done
    provenance = (folder / "provenance.json").read_text(encoding="utf-8")
    result.setText(f"text.maps.{source}", provenance)
    record = json.loads(provenance)
    for (_name, kind), node in mapNodes(result).items():
        if kind == source:
            setProvenance(node, {key: record[key] for key in ATTRIBUTES if key in record})
    found = record.get("aif_candidates")
    if found:  # they stay when maps are computed again with one of them
        result.setText(CANDIDATES, json.dumps({"source": source, "candidates": found}))
    yield from addDifferences(result)


def copyMaps(result: Result, source: str, other: Result, origin: str) -> Iterator[float]:
    """Let ``source`` of ``result`` have the maps that ``origin`` of another result has; yields the fraction done."""
    regions = {(name, origin): node for name in REGIONS if (node := mapNode(other, name, origin)) is not None}
    found = {name: node for (name, kind), node in {**mapNodes(other), **regions}.items() if kind == origin}
    for name, node in found.items():
        _place(result, name, source, frameArray(node), _matrix(node))
        yield 0.5
    if found:
        result.setText(f"text.maps.{source}", other.text(f"text.maps.{origin}"))
        yield from addDifferences(result)


def addDifferences(result: Result) -> Iterator[float]:
    """Compute the maps of reconstruction - ground truth and input - ground truth, on the grid of the truth."""
    for source, difference in DIFFERENCES.items():
        for name in TITLES:
            one, truth = mapNode(result, name, source), mapNode(result, name, "truth")
            if one is not None and truth is not None:
                voxels = _difference(result, one, truth, mapNode(result, MASK, source), mapNode(result, MASK, "truth"))
                _place(result, name, difference, voxels, _matrix(truth))
                yield 1.0
            elif (old := mapNode(result, name, difference)) is not None:
                _remove(result, old)


def mapNode(result: Result, name: str, source: str) -> slicer.vtkMRMLScalarVolumeNode | None:
    """Return the map ``name`` ("cbv", "cbv_sd", ...) of ``source``, which may be a difference."""
    return result.node(f"map.{name}.{source}")


def mapNodes(result: Result) -> dict[tuple[str, str], slicer.vtkMRMLScalarVolumeNode]:
    """Return all maps of the result by name and source, without regions."""
    found = {}
    for node in result.nodes():
        role = (node.GetAttribute(ROLE) or "").split(".")
        if role[0] == "map" and len(role) == 3 and role[1] not in REGIONS:
            found[role[1], role[2]] = node
    order = list(TITLES)
    return dict(sorted(found.items(), key=lambda item: (order.index(_base(item[0][0])), item[0])))


def mapNames(result: Result) -> list[str]:
    """Return the names of the existing maps, without their standard deviations."""
    return list(dict.fromkeys(name for name, _source in mapNodes(result) if name in TITLES))


def mapTitle(name: str) -> str:
    """Return the title of a map, such as "CBV", or "CBV sd" for its standard deviation."""
    return f"{TITLES[_base(name)]} sd" if name.endswith(SD_SUFFIX) else TITLES[name]


def mapUnit(name: str) -> str:
    """Return the unit of a map or of its standard deviation."""
    return (UNITS | EXTRA_UNITS)[name]


def unitText(name: str) -> str:
    """Return the unit of a map as it is shown after a title: what is 1 for one without a unit of its own."""
    unit = mapUnit(name)
    return _("white matter = 1") if unit == RELATIVE else unit


def relativeMap(result: Result, name: str) -> str:
    """Return the name of the map relative to white matter where the result has one of map ``name``; else ``name``."""
    return f"r{name}" if mapNode(result, f"r{name}", "reconstruction") is not None else name


def absoluteMap(name: str) -> str:
    """Return the name of the absolute map behind a relative one; ``name`` itself for all others."""
    return name.removeprefix("r") if (UNITS | EXTRA_UNITS).get(name) == RELATIVE else name


def scaleIsTrusted(result: Result) -> bool:
    """Return whether absolute volumes and flows can be read: there is no doubt about the arterial input."""
    found = (mapsProvenance(result, source) for source in SOURCES)
    return all(provenance.get("absolute_scale_trusted", True) for provenance in found)


def sourceTitle(source: str) -> str:
    """Return the title of a source."""
    differences = {
        "difference": _("reconstruction - ground truth"),
        "inputDifference": _("input - ground truth"),
    }
    return differences[source] if source in differences else roleTitle(source)


def mapsProvenance(result: Result, source: str) -> dict:
    """Return the provenance of the maps of ``source``; empty if there are none."""
    return result.record(f"text.maps.{source}")


def mapsWarnings(result: Result) -> list[tuple[str, list[str]]]:
    """Return notes on the series and warnings about the maps: sentences, each with the sources that it applies to.

    Of sentences that differ only in their numbers, that of the first source is returned.
    """
    found: dict[str, tuple[str, list[str]]] = {}
    for source in SOURCES:
        record = mapsProvenance(result, source)
        for sentence in dict.fromkeys((*record.get("notes", ()), *record.get("warnings", ()))):
            _sentence, sources = found.setdefault(re.sub(r"[\d.]+", "#", sentence), (sentence, []))
            sources.append(source)
    return list(found.values())


def aifCandidates(result: Result) -> dict:
    """Return the arterial inputs that were found last: ``candidates``, best first, and ``source``; empty if none."""
    return result.record(CANDIDATES)


def aifGrid(result: Result) -> str:
    """Return the source on whose voxels arterial inputs are chosen."""
    first = "truth" if result.sequence("truth") is not None else "reconstruction"
    return aifCandidates(result).get("source", first)


def computedVoxels(result: Result, source: str) -> np.ndarray | None:
    """Return the voxels in which the maps of ``source`` were computed, bool[z, y, x]; None if unknown."""
    mask = mapNode(result, MASK, "truth" if source in DIFFERENCES.values() else source)
    return frameArray(mask) > 0 if mask is not None else None


def _removeReference(result: Result, source: str) -> None:
    """Remove the reference of the maps of ``source``, and its outline where no other maps have one."""
    node = mapNode(result, REFERENCE, source)
    if node is not None:
        result.removeNodes([node])
    if not any(mapNode(result, REFERENCE, other) for other in SOURCES):
        removeReference(result)


def _undefined(name: str, voxels: np.ndarray) -> np.ndarray:
    """Return where a map has no value within the mask: a transit time where there is no flow, bool[z, y, x]."""
    return voxels == 0 if _base(name) == "mtt" else np.zeros(voxels.shape, bool)


def _base(name: str) -> str:
    return name.removesuffix(SD_SUFFIX)


def _place(result: Result, name: str, source: str, voxels: np.ndarray, matrix: vtk.vtkMatrix4x4) -> None:
    """Set the voxels of the node of this map, which is created the first time."""
    node = mapNode(result, name, source)
    if node is None:
        node = (slicer.vtkMRMLLabelMapVolumeNode if name in REGIONS else slicer.vtkMRMLScalarVolumeNode)()
        node.SetName(_nodeName(result, name, source))
        if source != "reconstruction" or name not in PRODUCTS:
            offer(result, node, False)
        result.scene.AddNode(node)
        node.CreateDefaultDisplayNodes()
        result.add(node, f"map.{name}.{source}")
    kind = np.uint8 if name in REGIONS else np.float32
    with slicer.util.NodeModify(node):
        setFrame(node, voxels.astype(kind, copy=False), matrix)
        if name not in REGIONS:
            forgetHidden(result, node)
            setAttributes(node, {NEW_VALUES: "yes"})
            _setUnit(node, mapTitle(name), mapUnit(name))


def _nodeName(result: Result, name: str, source: str) -> str:
    """Return the name of a map among those of all results."""
    title = REGIONS[name] if name in REGIONS else mapTitle(name)
    compared = result.title(source)
    return f"{title} {compared}" if compared else f"{title} {sourceTitle(source)} {result.shortName}"


def _remove(result: Result, node: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Remove a map."""
    forgetHidden(result, node)
    result.removeNodes([node])


def _setUnit(node: slicer.vtkMRMLScalarVolumeNode, quantity: str, unit: str) -> None:
    """Slicer shows the unit beside values; units are UCUM codes, as in DICOM."""
    coded = slicer.vtkCodedEntry()
    code = "1" if unit == RELATIVE else unit.replace("100 g", "(100.g)").replace(" ", "")
    coded.SetValueSchemeMeaning(code, "UCUM", unit)
    node.SetVoxelValueUnits(coded)
    setAttributes(node, {"DSCSuperRes.Quantity": quantity, "DSCSuperRes.Unit": unit})


def _difference(result, one, truth, oneMask, truthMask) -> np.ndarray:
    """Return one - truth on the grid of ``truth``, float32[z, y, x]; NaN unless both were computed."""
    expected, values = allValues(result, truth), allValues(result, one)
    inside = np.ones(expected.shape, bool) if truthMask is None else frameArray(truthMask) > 0
    found, valid = np.full(expected.shape, np.nan, np.float32), inside.copy()
    points = voxelCenters(inside, truth)
    places = voxelsAt(points, one)
    if len(places) != len(points):
        return found  # the grids do not cover each other: nothing to compare
    valid[inside] = True if oneMask is None else frameArray(oneMask).ravel()[places] > 0
    found[inside] = values.ravel()[places] - expected[inside]
    return np.where(valid, found, np.nan).astype(np.float32)


def _matrix(volume: slicer.vtkMRMLScalarVolumeNode) -> vtk.vtkMatrix4x4:
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return matrix
