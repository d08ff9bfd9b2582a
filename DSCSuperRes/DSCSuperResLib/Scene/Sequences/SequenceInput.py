"""Properties of a sequence node: matrix, geometry, times and echo time, and their sources."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import slicer

from dsc_superres.errors import SeriesError
from dsc_superres.geometry import Geometry
from dsc_superres.pipeline.signal_share import signal_extents
from dsc_superres.series import MISSING

from ..Provenance import provenanceOf
from ..Volumes import frameArray, geometryOf

SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e3, "msec": 1e3, "us": 1e6, "usec": 1e6}
"""Number of each unit in a second."""
CLOCKS = ("Time", "TriggerTime", "AcquisitionTime", "SeriesTime", "ContentTime", "DeltaStartTime")
"""MultiVolume frame labels that are times; others (EchoTime, FlipAngle, ...) only distinguish frames."""
USER = "given by the user"
ECHO_TIME = "DSCSuperRes.EchoTime"
"""Attribute of sequences that this software wrote: echo time in s."""
NOTES = "DSCSuperRes.Notes"
"""Attribute of sequences that this software opened: what the reader of the file found or decided, a line each."""
SLICE_TIMES = "DSCSuperRes.SliceTiming"
"""The same for the times of the slices after that of their frame, in s."""
EXTENT_SAMPLES = 64
"""Pixels of a row or column that are looked at to find where the head is."""
SOURCE = "DSCSuperRes.Source."
"""Prefix of the attributes with the source of a value."""


@dataclass(frozen=True, eq=False)
class InputInfo:
    """Properties of a series.

    size        voxels along x, y, z
    times       float64[t], s; 0, 1, 2, ... if ``sources["times"]`` is ``MISSING``
    echoTime    s, or None
    sources     of times and echo_time, in words
    scalarType  of the voxels
    notes       sentences about what the reader of the file found or decided
    provenance  how this software made the series, and notes about it, as in the sidecar of a file
    sliceTimes  of the slices after the time of their frame, s; None if unknown
    extents     rows and columns that the head takes in each slice, int[z, 2]; None if unknown
    """

    size: tuple[int, int, int]
    geometry: Geometry
    times: np.ndarray
    echoTime: float | None
    sources: dict[str, str]
    scalarType: np.dtype
    notes: tuple[str, ...] = ()
    provenance: dict[str, object] = field(default_factory=dict)
    sliceTimes: tuple[float, ...] | None = None
    extents: np.ndarray | None = None

    @property
    def hasTimes(self) -> bool:
        """Whether the times are seconds."""
        return self.sources["times"] != MISSING

    @property
    def interval(self) -> float:
        """Typical time between frames, s (the median)."""
        return float(np.median(np.diff(self.times)))

    @property
    def uniform(self) -> bool:
        """Whether the frames are evenly spaced, to within 2 ms."""
        return bool(np.ptp(np.diff(self.times)) < 2e-3)

    def corrected(self, repetitionTime: float = 0.0, echoTime: float = 0.0) -> InputInfo:
        """Return the properties with the user's TR (s) and TE (ms); 0 keeps the value of the series."""
        changed, sources = {}, dict(self.sources)
        if repetitionTime > 0:
            changed["times"] = np.arange(len(self.times)) * repetitionTime
            sources["times"] = USER
            changed["provenance"] = self._provenanceAt(changed["times"])
        if echoTime > 0:
            changed["echoTime"] = echoTime / 1000
            sources["echo_time"] = USER
        return replace(self, **changed, sources=sources)

    def _provenanceAt(self, times: np.ndarray) -> dict[str, object]:
        """Return the provenance with the times of the acquired frames where the frames are at other ``times``."""
        acquired = self.provenance.get("acquired_times_s")
        if acquired is None:
            return self.provenance
        return {**self.provenance, "acquired_times_s": np.interp(acquired, self.times, times).tolist()}


def sequenceOf(node: slicer.vtkMRMLNode | None) -> slicer.vtkMRMLSequenceNode | None:
    """Return ``node`` if it is a sequence, or the sequence that the volume ``node`` shows; else None."""
    if node is None or node.IsA("vtkMRMLSequenceNode"):
        return node
    scene = node.GetScene()
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode")):
        browser = scene.GetNthNodeByClass(index, "vtkMRMLSequenceBrowserNode")
        if browser.IsProxyNode(node.GetID()):
            return browser.GetSequenceNode(node)
    return None


def readInput(sequence: slicer.vtkMRMLSequenceNode) -> InputInfo:
    """Return the properties of the series in ``sequence``. Raises ``SeriesError`` if it cannot be used."""
    frames, name = sequence.GetNumberOfDataNodes(), sequence.GetName()
    if frames < 2:
        raise SeriesError(f"{name} has {frames} frame(s); a perfusion series needs at least two.")
    if not sequence.GetNthDataNode(0).IsA("vtkMRMLScalarVolumeNode"):
        raise SeriesError(f"{name} is not a sequence of volumes: choose a volume sequence.")
    first = sequence.GetNthDataNode(0)
    for index in range(frames):
        image = sequence.GetNthDataNode(index).GetImageData()
        if image is None or image.GetDimensions() != first.GetImageData().GetDimensions():
            raise SeriesError(f"Frame {index + 1} of {name} has another size than the first: choose another sequence.")
    if first.GetImageData().GetNumberOfScalarComponents() != 1:
        raise SeriesError(f"{name} has several values per voxel: choose a sequence of scalar volumes.")
    times, timesSource = _times(sequence)
    echoTime, echoSource = _echoTime(sequence)
    sources = {"times": timesSource, "echo_time": echoSource, "geometry": "volume sequence"}
    size = first.GetImageData().GetDimensions()
    notes = tuple((sequence.GetAttribute(NOTES) or "").splitlines())
    kind, sliceTimes = frameArray(first).dtype, _sliceTimes(sequence, size[2])
    provenance = provenanceOf(sequence)
    return InputInfo(
        size, geometryOf(first), times, echoTime, sources, kind, notes, provenance, sliceTimes, _extents(sequence)
    )


def _extents(sequence: slicer.vtkMRMLSequenceNode) -> np.ndarray:
    """Return the rows and columns that the head takes in each slice, int[z, 2], to within a sixtieth of the image."""
    last = sequence.GetNumberOfDataNodes() - 1
    images = [frameArray(sequence.GetNthDataNode(frame)) for frame in (last // 3, 2 * last // 3, last)]
    step = max(1, min(images[0].shape[1:]) // EXTENT_SAMPLES)
    return step * signal_extents(np.mean([image[:, ::step, ::step] for image in images], axis=0))


def _sliceTimes(sequence: slicer.vtkMRMLSequenceNode, slices: int) -> tuple[float, ...] | None:
    """Return the times of the slices after that of their frame, s; None if they are not known."""
    values = _numbers((sequence.GetAttribute(SLICE_TIMES) or "").split())
    return None if values is None or len(values) != slices else tuple(values.tolist())


def _times(sequence: slicer.vtkMRMLSequenceNode) -> tuple[np.ndarray, str]:
    """Return times and their source, in order of trust: DICOM frame labels, an index with a unit of time, DICOM TR."""
    frames = sequence.GetNumberOfDataNodes()
    labels = _numbers((sequence.GetAttribute("MultiVolume.FrameLabels") or "").split(","))
    tag = sequence.GetAttribute("MultiVolume.FrameIdentifyingDICOMTagName") or ""
    unit = (sequence.GetAttribute("MultiVolume.FrameIdentifyingDICOMTagUnits") or "").lower()
    if tag in CLOCKS and unit in SECONDS and _increasing(labels, frames):
        return (labels - labels[0]) / SECONDS[unit], f"MultiVolume.FrameLabels, {tag} in {unit}"
    unit = (sequence.GetIndexUnit() or "").lower()
    index = _numbers([sequence.GetNthIndexValue(frame) for frame in range(frames)])
    if unit in SECONDS and _increasing(index, frames):
        source = sequence.GetAttribute(f"{SOURCE}times") or f"sequence index in {unit}"
        return index / SECONDS[unit], source
    repetition = _numbers([sequence.GetAttribute("MultiVolume.DICOM.RepetitionTime") or ""])
    if repetition is not None and repetition[0] > 0:
        return np.arange(frames) * repetition[0] / 1000, "DICOM RepetitionTime: check that frames follow at that pace"
    return np.arange(frames, dtype=float), MISSING


def _echoTime(sequence: slicer.vtkMRMLSequenceNode) -> tuple[float | None, str]:
    ours = _numbers([sequence.GetAttribute(ECHO_TIME) or ""])
    if ours is not None and 0 < ours[0] < 1:
        return float(ours[0]), sequence.GetAttribute(f"{SOURCE}echo_time") or "sequence attribute"
    dicom = _numbers([sequence.GetAttribute("MultiVolume.DICOM.EchoTime") or ""])
    if dicom is not None and 0 < dicom[0] < 1000:
        return float(dicom[0]) / 1000, "MultiVolume.DICOM.EchoTime in ms"
    return None, MISSING


def _increasing(values: np.ndarray | None, count: int) -> bool:
    return values is not None and len(values) == count and bool(np.all(np.diff(values) > 0))


def _numbers(words: list[str]) -> np.ndarray | None:
    try:
        values = np.array([float(word) for word in words])
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None
