"""DICOM headers to 2D images: one ``Slice`` for each file (classic MR) or frame of a file (enhanced MR).

Only what is needed to build a series is kept, and nothing that identifies the patient.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from dsc_superres.errors import FileError, SeriesError

_CLOCK_EPOCH = datetime(2000, 1, 1)
"""Origin of DICOM dates and times in s."""
_INSTANCE_NUMBER_STRIDE = 1_000_000
"""Factor on the InstanceNumber of an enhanced file, larger than its number of frames."""


@dataclass(frozen=True)
class Slice:
    """One 2D image: its position, its rescaling, and the values of all tags that may order it in time, by keyword."""

    path: Path
    index: int  # frame within the file
    shape: tuple[int, int]  # rows, columns
    position: np.ndarray  # mm, LPS, center of the first pixel
    axes: np.ndarray  # [2, 3]: unit vectors along a row and along a column
    spacing: tuple[float, float]  # mm along x, y
    slice_distance: float  # mm, stated distance to the next slice, 0 if none
    scale: tuple[float, float]  # slope, intercept
    echo_time: float | None  # ms
    time_tags: dict[str, float]


def slices_of(path: Path, header: Dataset) -> list[Slice]:
    """Return the 2D images of one file. Raises ``FileError`` if it lacks the position of its images in space."""
    try:
        if "PerFrameFunctionalGroupsSequence" in header:
            return _enhanced_slices(path, header)
        if int(header.get("NumberOfFrames") or 1) > 1:
            raise FileError(f"{path} has many frames but does not say where they lie: export it as enhanced MR.")
        return [_classic_slice(path, header)]
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise FileError(
            f"{path} lacks the position, orientation or spacing of its image, so it has no place in space: "
            "export the series again."
        ) from error


def repetition_time(header: Dataset) -> float | None:
    """Return the repetition time in s if it is the time between frames, as in single-shot 2D EPI; else None."""
    is_epi = (
        "EP" in np.atleast_1d(header.get("ScanningSequence") or "") or header.get("EchoPlanarPulseSequence") == "YES"
    )
    if not is_epi or header.get("MRAcquisitionType") != "2D":
        return None
    shared = (header.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    frame = (header.get("PerFrameFunctionalGroupsSequence") or [Dataset()])[0]
    timing = _functional_group(frame, shared, "MRTimingAndRelatedParametersSequence")
    value = header.get("RepetitionTime") or timing.get("RepetitionTime")
    return float(value) / 1000 if value else None


def _classic_slice(path: Path, header: Dataset) -> Slice:
    time_tags = {
        "TemporalPositionIdentifier": _number(header, "TemporalPositionIdentifier"),
        "AcquisitionTime": _seconds(header.get("AcquisitionDate") or "", header.get("AcquisitionTime") or "")
        or _datetime_seconds(header.get("AcquisitionDateTime")),
        "AcquisitionNumber": _number(header, "AcquisitionNumber"),
        "TriggerTime": _number(header, "TriggerTime"),
        "InstanceNumber": _number(header, "InstanceNumber"),
    }
    return Slice(
        path=path,
        index=0,
        scale=(float(header.get("RescaleSlope") or 1), float(header.get("RescaleIntercept") or 0)),
        echo_time=_number(header, "EchoTime"),
        time_tags={name: value for name, value in time_tags.items() if value is not None},
        **_plane_geometry(header, header, header, header),
    )


def _enhanced_slices(path: Path, header: Dataset) -> list[Slice]:
    shared = (header.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    instance = _number(header, "InstanceNumber") or 0
    slices = []
    for index, frame in enumerate(header.PerFrameFunctionalGroupsSequence):
        position = _functional_group(frame, shared, "PlanePositionSequence")
        orientation = _functional_group(frame, shared, "PlaneOrientationSequence")
        measures = _functional_group(frame, shared, "PixelMeasuresSequence")
        content = _functional_group(frame, shared, "FrameContentSequence")
        scaling = _functional_group(frame, shared, "PixelValueTransformationSequence")
        echo = _functional_group(frame, shared, "MREchoSequence")
        offset = _functional_group(frame, shared, "TemporalPositionSequence")
        time_tags = {
            "TemporalPositionIndex": _number(content, "TemporalPositionIndex"),
            "TemporalPositionTimeOffset": _number(offset, "TemporalPositionTimeOffset"),
            "FrameAcquisitionDateTime": _datetime_seconds(content.get("FrameAcquisitionDateTime")),
            "FrameReferenceDateTime": _datetime_seconds(content.get("FrameReferenceDateTime")),
            "FrameAcquisitionNumber": _number(content, "FrameAcquisitionNumber"),
            "InstanceNumber": instance * _INSTANCE_NUMBER_STRIDE + index,
        }
        slices.append(
            Slice(
                path=path,
                index=index,
                scale=(float(scaling.get("RescaleSlope") or 1), float(scaling.get("RescaleIntercept") or 0)),
                echo_time=_number(echo, "EffectiveEchoTime"),
                time_tags={name: value for name, value in time_tags.items() if value is not None},
                **_plane_geometry(header, position, orientation, measures),
            )
        )
    return slices


def _functional_group(frame: Dataset, shared: Dataset, name: str) -> Dataset:
    """Return a functional group of this frame, else the one shared by all frames, else an empty dataset."""
    return next((group[name][0] for group in (frame, shared) if group.get(name)), Dataset())


def _plane_geometry(header: Dataset, position: Dataset, orientation: Dataset, measures: Dataset) -> dict[str, Any]:
    """Return the fields of ``Slice`` that describe the position and size of an image."""
    axes = np.array(orientation.ImageOrientationPatient, float).reshape(2, 3)
    row_spacing, column_spacing = map(float, measures.PixelSpacing)
    return {
        "shape": (int(header.Rows), int(header.Columns)),
        "position": np.array(position.ImagePositionPatient, float).reshape(3),
        "axes": axes / np.linalg.norm(axes, axis=1, keepdims=True),
        "spacing": (column_spacing, row_spacing),
        "slice_distance": float(measures.get("SpacingBetweenSlices") or measures.get("SliceThickness") or 0),
    }


def _number(header: Dataset, name: str) -> float | None:
    value = header.get(name)
    return None if value in (None, "") else float(value)


def _datetime_seconds(value: Any) -> float | None:
    """Return the seconds since 2000 of a DICOM date and time, ``YYYYMMDDHHMMSS.ffffff``; a time zone is ignored."""
    text = str(value or "")
    return _seconds(text[:8], re.split(r"[+-]", text[8:])[0]) if len(text) >= 14 else None


def _seconds(date: str, time: str) -> float | None:
    """Return the seconds since 2000 of a DICOM date and time of day, or since midnight without a date."""
    digits = re.fullmatch(r"(\d\d):?(\d\d):?(\d\d(?:\.\d+)?)", str(time).strip())
    if not digits:
        return None
    hours, minutes, seconds = digits.groups()
    day = timedelta(0)
    if re.fullmatch(r"\d{8}", str(date)):
        day = datetime.strptime(str(date), "%Y%m%d") - _CLOCK_EPOCH
    return day.total_seconds() + int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def check_alike(slices: list[Slice], name: str) -> None:
    """Raise ``SeriesError`` unless all images have the same matrix, pixel spacing, orientation and echo time."""
    reference = slices[0]
    for other in slices:
        if other.shape != reference.shape or not np.allclose(other.spacing, reference.spacing, rtol=1e-3):
            raise SeriesError(f"The images of {name} differ in matrix or pixel size: keep those of one series.")
        if not np.allclose(other.axes, reference.axes, atol=1e-3):
            raise SeriesError(f"The images of {name} are not parallel to each other: keep those of one orientation.")
    echoes = sorted({round(s.echo_time, 3) for s in slices if s.echo_time is not None})
    if len(echoes) > 1:
        listing = ", ".join(f"{echo:g}" for echo in echoes)
        raise SeriesError(f"{name} mixes {len(echoes)} echo times ({listing} ms): keep the files of one echo.")
