"""Two results of one series side by side: a result of its own that shows both, and one minus the other."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import slicer

from dsc_superres.errors import DSCError

from ..Scene.Maps.Maps import copyMaps
from ..Scene.Result import SOURCE_SERIES, Result, roleTitle
from ..Scene.ResultBrowser import addBrowser, showSequence
from ..Scene.Sequences.NewSequence import newSequence, voxelType
from ..Scene.Sequences.SequenceFrames import appendFrame, shareFrames
from ..Scene.Sequences.SequenceInput import InputInfo, readInput
from ..Scene.Volumes import ijkToRas, setFrame
from ..Translation import _
from .BackgroundJob import BackgroundJob, Finished

SAME_TIME = 2e-3
"""Largest distance in s of times that are equal: MRML stores milliseconds."""
COMPARED = "compared"
"""Entry of the provenance of a comparison: the runs that it shows."""


class CompareResults(BackgroundJob):
    """Makes a result of the reconstruction of ``one``, that of ``other`` instead of a ground truth, and one - other.

    Frames are shared with both, so that only the difference needs memory.
    """

    def __init__(self, one: Result, other: Result) -> None:
        self._one, self._other = one, other

    def steps(self, folder: Path) -> Generator[object, None, Finished]:
        """Fill the result without a worker; an incomplete one is removed."""
        one, other = self._one, self._other
        mine, others = commonFrames(one, other)
        result = Result.create(one.scene, comparisonName(one, other), beside=sourceOf(one))
        try:
            yield from self.part(_("Comparing"), 0.0, 1.0, _fill(result, one, other, mine, others))
        except BaseException:
            result.remove()
            raise
        return Finished(result)


def comparableResults(one: Result, results: list[Result]) -> list[Result]:
    """Return those of ``results`` that are other runs on the series of ``one``."""
    found = [other for other in results if other != one and other.complete and not comparedRuns(other)]
    return [other for other in found if sourceOf(other) is sourceOf(one)] if not comparedRuns(one) else []


def comparedRuns(result: Result) -> tuple[str, ...]:
    """Return the ids of the runs that a comparison shows; empty for any other result."""
    return tuple(result.record("text.provenance").get(COMPARED, ()))


def sourceOf(result: Result) -> slicer.vtkMRMLSequenceNode | None:
    """Return the series that ``result`` was made of; None where it was removed."""
    reconstruction = result.sequence("reconstruction")
    return reconstruction.GetNodeReference(SOURCE_SERIES) if reconstruction is not None else None


def comparisonName(one: Result, other: Result) -> str:
    """Return the name of the comparison of two results."""
    return f"{one.name} - {other.shortName}"


def commonFrames(one: Result, other: Result) -> tuple[list[int], list[int]]:
    """Return the frames of two reconstructions at the same times. Raises ``DSCError`` if these cannot be compared."""
    mine, others = (readInput(result.sequence("reconstruction")) for result in (one, other))
    names = {"one": one.shortName, "other": other.shortName}
    if mine.size != others.size or not np.allclose(mine.geometry.affine, others.geometry.affine, atol=1e-3):
        text = _(
            "{one} and {other} have other pixels or slices: compare runs with the same in-plane factor and slices."
        )
        raise DSCError(text.format(**names))
    nearest = np.abs(mine.times[:, None] - others.times).argmin(axis=1)
    same = np.flatnonzero(np.abs(mine.times - others.times[nearest]) <= SAME_TIME)
    if len(same) < 2:
        raise DSCError(_("{one} and {other} have no two frames at the same times: nothing to compare.").format(**names))
    return same.tolist(), nearest[same].tolist()


def _fill(result: Result, one: Result, other: Result, mine: list[int], others: list[int]) -> Iterator[float]:
    """Fill ``result`` with frames and maps of both; yields the fraction done."""
    browser, info = addBrowser(result), readInput(one.sequence("reconstruction"))
    parts = {"reconstruction": (one, "reconstruction"), "truth": (other, "reconstruction"), "input": (one, "input")}
    frames = {"reconstruction": mine, "truth": others, "input": list(range(len(one.times("input"))))}
    for number, (role, (shown, origin)) in enumerate(parts.items()):
        for fraction in _share(result, role, shown, origin, frames[role]):
            yield 0.1 * (number + fraction)
        showSequence(result, browser, role)
    for fraction in _subtract(result, info):
        yield 0.3 + 0.6 * fraction
    showSequence(result, browser, "difference")
    source = sourceOf(one)
    result.sequence("reconstruction").SetNodeReferenceID(SOURCE_SERIES, source.GetID() if source is not None else None)
    result.setTitles({"reconstruction": one.shortName, "truth": other.shortName})
    facts = one.record("text.provenance").get("source", {})
    record = {"settings": {"task": "compare"}, "source": facts, COMPARED: [one.run, other.run]}
    result.setText("text.provenance", json.dumps(record, indent=1))
    for role, (shown, origin) in parts.items():
        for _fraction in copyMaps(result, role, shown, origin):
            yield 0.95
    browser.SetSelectedItemNumber(0)
    yield 1.0


def _share(result: Result, role: str, shown: Result, origin: str, frames: list[int]) -> Iterator[float]:
    """Let ``role`` have ``frames`` of the sequence ``origin`` of the result ``shown``; yields the fraction done."""
    sequence = shown.sequence(origin)
    info = readInput(sequence)
    title = roleTitle(origin) if role == "input" else shown.shortName
    shared = newSequence(result.scene, f"{result.name} {title}", info)
    result.add(shared, role)
    whole = (slice(None), slice(None), slice(None))
    return shareFrames(shared, sequence, frames, info.times[frames], info.geometry, whole)


def _subtract(result: Result, info: InputInfo) -> Iterator[float]:
    """Fill the difference of the reconstruction and what it is compared with; yields the fraction done."""
    one, other = result.signal("reconstruction"), result.signal("truth")
    difference = newSequence(result.scene, f"{result.name} difference", info)
    result.add(difference, "difference")
    kind, matrix = voxelType(info.scalarType, signed=True), ijkToRas(info.geometry)
    for count, (mine, others, time) in enumerate(zip(one, other, result.times("reconstruction"), strict=True), 1):
        frame = slicer.vtkMRMLScalarVolumeNode()
        setFrame(frame, (mine.astype(np.float32) - others).astype(kind), matrix)
        appendFrame(difference, frame, time)
        yield count / len(one)
