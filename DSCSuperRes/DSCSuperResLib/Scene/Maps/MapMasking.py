"""Maps without fluid and vessels: their voxels become transparent (NaN), and their values are kept apart.

Tables and exports always use all values.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable

import numpy as np
import slicer

from ..Result import ROLE, Result
from ..Volumes import frameArray
from .ReadingRegions import regionMask

SOURCES = ("truth", "input", "reconstruction")
PREFIX = "text.hidden."
"""Beginning of the role of the text with the hidden values of a map, which is saved with the scene."""


def maskMaps(result: Result, hidden: Iterable[str], shown: str) -> None:
    """Make the regions ``hidden`` transparent in the maps called ``shown``, and in those where some are already."""
    hidden, nodes = tuple(hidden), {node.GetAttribute(ROLE) or "": node for node in result.nodes()}
    for role, node in nodes.items():
        kind, _dot, rest = role.partition(".")
        name, _dot, source = rest.partition(".")
        isMap = kind == "map" and not node.IsA("vtkMRMLLabelMapVolumeNode")
        if isMap and ((name == shown and hidden) or PREFIX + role in nodes):
            maskMap(result, node, source if source in SOURCES else "truth", hidden)


def maskMap(result: Result, volume: slicer.vtkMRMLScalarVolumeNode, source: str, hidden: Iterable[str]) -> None:
    """Make the regions ``hidden`` (names of ``reading_aids``) of a map transparent, and all others visible again.

    The regions are those of the maps of ``source``.
    """
    values = allValues(result, volume)
    regions = [regionMask(result, source, name, volume) for name in hidden]
    inside = np.any(regions, axis=0) & np.isfinite(values) if regions else np.zeros(values.shape, bool)
    _keep(result, volume, np.flatnonzero(inside), values[inside])
    shown = np.where(inside, np.float32(np.nan), values)
    if not np.array_equal(frameArray(volume), shown, equal_nan=True):
        frameArray(volume)[:] = shown
        volume.GetImageData().GetPointData().GetScalars().Modified()
        volume.GetImageData().Modified()


def allValues(result: Result, volume: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    """Return a copy of the values float32[z, y, x] of a map, with those that are hidden."""
    values = frameArray(volume).copy()
    kept = result.record(_role(volume))
    if kept:
        values.ravel()[_numbers(kept["voxels"], np.int32)] = _numbers(kept["values"], np.float32)
    return values


def forgetHidden(result: Result, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Remove the hidden values of a map that gets new ones."""
    node = result.node(_role(volume))
    if node is not None:
        result.removeNodes([node])


def _keep(result: Result, volume: slicer.vtkMRMLScalarVolumeNode, voxels: np.ndarray, values: np.ndarray) -> None:
    if voxels.size:
        kept = {"voxels": _text(voxels.astype(np.int32)), "values": _text(values.astype(np.float32))}
        result.setText(_role(volume), json.dumps(kept))
    else:
        forgetHidden(result, volume)


def _role(volume: slicer.vtkMRMLScalarVolumeNode) -> str:
    return PREFIX + volume.GetAttribute(ROLE)


def _text(numbers: np.ndarray) -> str:
    return base64.b64encode(numbers.tobytes()).decode("ascii")


def _numbers(text: str, kind: type) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)
