"""Creation of the nodes of one result from the worker's files, in small steps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import slicer

from dsc_superres.geometry import Geometry

from ..Scene.Result import REPORT, SOURCE_SERIES, Result, roleTitle
from ..Scene.ResultBrowser import addBrowser, showSequence
from ..Scene.Sequences.NewSequence import newSequence, voxelType
from ..Scene.Sequences.SequenceFrames import readFrames, shareFrames
from ..Scene.Sequences.SequenceInput import InputInfo
from .ReconstructionRequest import ReconstructionRequest


def addRun(
    result: Result, request: ReconstructionRequest, source: slicer.vtkMRMLSequenceNode, message: dict, folder: Path
) -> Iterator[float]:
    """Fill ``result`` with the series that the worker's ``message`` names in ``folder``; yields the fraction done."""
    offered = ("reconstruction", "input", "truth", "difference", "uncertainty")
    roles = [role for role in offered if _wanted(role, request)]
    browser = addBrowser(result)
    for number, role in enumerate(roles):
        name = f"{roleTitle(role)} {result.nameBeside(source)}"  # what differs comes first: selectors cut the middle
        sequence = newSequence(result.scene, name, _info(role, request, message))
        result.add(sequence, role)
        for fraction in _fill(sequence, role, request, source, message, folder):
            yield (number + fraction) / (len(roles) + 1)
        showSequence(result, browser, role)
    result.sequence("reconstruction").SetNodeReferenceID(SOURCE_SERIES, source.GetID())
    browser.SetSelectedItemNumber(0)
    yield 1.0


def noteRun(result: Result, request: ReconstructionRequest, message: dict, folder: Path) -> None:
    """Keep provenance, metrics and report of the worker's ``message`` in ``result``; they replace former ones."""
    result.setText("text.provenance", json.dumps(_provenance(message, request), indent=1))
    if request.task == "compare":
        result.setText("text.metrics", json.dumps(message["metrics"], indent=1))
    if "report" in message["files"]:
        result.setText(REPORT, (folder / message["files"]["report"]).read_text(encoding="utf-8"))


def _info(role: str, request: ReconstructionRequest, message: dict) -> InputInfo:
    """Return the properties of the user's series with the sources and the provenance of ``role``.

    The slices of a reconstruction are those of one moment.
    """
    described = message["series"].get(role, {})
    known = {name: described[name] for name in ("sources", "provenance") if name in described}
    sliceTimes = request.sliceTimes
    if sliceTimes is not None and request.task == "reconstruct" and role != "input":
        sliceTimes = [0.0] * len(sliceTimes)
    info = replace(request.info, sliceTimes=None if sliceTimes is None else tuple(sliceTimes))
    return replace(info, **known, notes=()) if known else info


def _wanted(role: str, request: ReconstructionRequest) -> bool:
    if role == "uncertainty":
        return request.uncertainty
    return role in ("reconstruction", "input") or request.task == "compare"


def _fill(
    sequence: slicer.vtkMRMLSequenceNode,
    role: str,
    request: ReconstructionRequest,
    source: slicer.vtkMRMLSequenceNode,
    message: dict,
    folder: Path,
) -> Iterator[float]:
    """Fill one role with frames: those of the user's series if they are unchanged, else those of the worker's files."""
    if role == "input" and request.task == "reconstruct":
        whole = slice(None)
        box = (request.slices, whole, whole)
        used = [number for number in range(len(request.frames)) if number not in request.exclude]
        frames, times = ([every[number] for number in used] for every in (request.frames, request.times))
        return shareFrames(sequence, source, frames, times, request.geometry, box)
    described = message["series"][role]
    geometry = Geometry(**described["geometry"])
    if role == "truth" and not message["provenance"]["frames"]["signal_changed"]:
        (width, height, _depth), _frames = request.output
        frames = request.frames[: len(described["times"])]
        box = (request.slices, slice(height), slice(width))
        return shareFrames(sequence, source, frames, described["times"], geometry, box)
    kind = voxelType(request.info.scalarType, signed=role == "difference")
    if role == "uncertainty":
        kind = np.dtype(np.float32)  # it is only a few signal units, so that whole numbers would show steps
    return readFrames(sequence, folder / described["file"], described["times"], geometry, kind)


def _provenance(message: dict, request: ReconstructionRequest) -> dict:
    """Return the worker's provenance with the sources of times and echo time, and the frames and slices used."""
    provenance = dict(message["provenance"])
    provenance["source"] = {
        **provenance["source"],
        "sources": dict(request.info.sources),
        "frames_used": [request.frames[0] + 1, request.frames[-1] + 1],
        "slices_used": [request.slices.start + 1, request.slices.stop],
    }
    return provenance
