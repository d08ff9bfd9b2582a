"""One 2D image of a DICOM series, and what its header says of position, kind and time.

Only what is needed to build a series is kept, and nothing that identifies the patient.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from dsc_superres.io.dicom_values import as_number, clock_seconds, datetime_seconds, number, private_value, words

_COMPONENTS = {
    "M": "magnitude",
    "P": "phase",
    "R": "real",
    "I": "imaginary",
    "MAGNITUDE": "magnitude",
    "PHASE": "phase",
    "PHASE MAP": "phase",
    "VELOCITY": "phase",
    "VELOCITY MAP": "phase",
    "REAL": "real",
    "IMAGINARY": "imaginary",
}
"""Components of a complex image by the words of ImageType, FrameType and ComplexImageComponent."""
_PROCESSING = {
    "NORM",
    "FIL",
    "ND",
    "DIS2D",
    "DIS3D",
    "DIS",
    "FM",
    "MB",
    "MFSPLIT",
    "MOSAIC",
    "VFRAME",
    "GDC",
    "IF",
    "UCA",
}
"""Words of ImageType that say how images were processed, not what they show."""


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
    component: str = "magnitude"
    kind: tuple[str, ...] = ()  # ImageType without what the processing adds
    stack: str = ""  # StackID
    corner: tuple[int, int] | None = None  # row, column of the first pixel within a mosaic
    scale_slope: float | None = None  # private scale slope of Philips
    slice_time: float | None = None  # s after the time of the whole frame, stated by mosaics


def common_fields(path: Path, header: Dataset) -> dict[str, Any]:
    """Return the fields of ``Slice`` that all parts of a classic file share."""
    image_type = words(header, "ImageType")
    return {
        "path": path,
        "index": 0,
        "scale": scale_of(header),
        "scale_slope": philips_scale_slope(header),
        "echo_time": number(header, "EchoTime"),
        "component": component_of(image_type, words(header, "ComplexImageComponent"), header),
        "kind": kind_of(image_type),
    }


def plane_geometry(header: Dataset, position: Dataset, orientation: Dataset, measures: Dataset) -> dict[str, Any]:
    """Return the fields of ``Slice`` that describe the position and size of an image."""
    axes = np.array(orientation.ImageOrientationPatient, float).reshape(2, 3)
    row_spacing, column_spacing = map(float, measures.PixelSpacing)
    distance = number(measures, "SpacingBetweenSlices") or number(measures, "SliceThickness") or 0.0
    return {
        "shape": (int(header.Rows), int(header.Columns)),
        "position": np.array(position.ImagePositionPatient, float).reshape(3),
        "axes": axes / np.linalg.norm(axes, axis=1, keepdims=True),
        "spacing": (column_spacing, row_spacing),
        "slice_distance": abs(distance),  # some software gives it the sign of the direction of the slices
    }


def classic_time_tags(header: Dataset) -> dict[str, float]:
    """Return all values that may order a classic image in time, by keyword; clocks in s, TriggerTime in ms."""
    acquired = clock_seconds(header.get("AcquisitionDate") or "", header.get("AcquisitionTime"))
    found = {
        "TemporalPositionIdentifier": number(header, "TemporalPositionIdentifier"),
        "AcquisitionTime": datetime_seconds(header.get("AcquisitionDateTime")) if acquired is None else acquired,
        "AcquisitionNumber": number(header, "AcquisitionNumber"),
        "TriggerTime": number(header, "TriggerTime"),
        "DynamicScanBeginTime": _philips_seconds(header),
        "RealTimeTimer": _ge_timer(header),
        "ContentTime": clock_seconds(header.get("ContentDate") or "", header.get("ContentTime")),
        "InstanceNumber": number(header, "InstanceNumber"),
    }
    return {name: value for name, value in found.items() if value is not None}


def scale_of(header: Dataset) -> tuple[float, float]:
    """Return slope and intercept."""
    return number(header, "RescaleSlope") or 1.0, number(header, "RescaleIntercept") or 0.0


def component_of(image_type: tuple[str, ...], named: tuple[str, ...], header: Dataset) -> str:
    """Return which part of the complex signal an image shows; magnitude where nothing says otherwise.

    ``named`` is ComplexImageComponent; GE states the component in a private tag of the ``header``.
    """
    ge_type = private_value(header, 0x0043, "GEMS_PARM", 0x2F)
    if ge_type in (1, 2, 3):
        return ("phase", "real", "imaginary")[ge_type - 1]
    found = [_COMPONENTS[word] for word in (*image_type[2:4], *named) if word in _COMPONENTS]
    return next((component for component in found if component != "magnitude"), "magnitude")


def kind_of(image_type: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of ImageType that say what an image shows, without component, processing and echo.

    >>> kind_of(("ORIGINAL", "PRIMARY", "M", "NORM", "DIS2D"))
    ('ORIGINAL', 'PRIMARY')
    """
    others = _PROCESSING | _COMPONENTS.keys()
    return tuple(word for word in image_type if word not in others and not re.fullmatch(r"TE\d+", word))


def _philips_seconds(header: Dataset) -> float | None:
    """Return the time of a dynamic since the begin of the scan in s, a private tag of Philips."""
    return _philips_float(header, 0xA0)


def philips_scale_slope(header: Dataset) -> float | None:
    """Return by what, times RescaleSlope, Philips divides displayed values to get the signal; None if unknown."""
    slope = _philips_float(header, 0x0E)
    return slope if slope is not None and slope > 0 else None


def _philips_float(header: Dataset, element: int) -> float | None:
    value = private_value(header, 0x2005, "Philips MR Imaging DD 001", element)
    if isinstance(value, bytes):  # of unknown type in implicit files
        return float(np.frombuffer(value[:4], "<f4")[0]) if len(value) >= 4 else None
    return as_number(value)


def _ge_timer(header: Dataset) -> float | None:
    """Return the time of a slice since the begin of a GE real-time scan in s, or in 0.1 ms by old software."""
    value = as_number(private_value(header, 0x0021, "GEMS_RELA", 0x5E))
    return value or None  # other sequences leave it at 0
