"""Copies of DICOM images among the files of a series, which count once."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from pathlib import Path

from pydicom.dataset import Dataset

from dsc_superres.io.dicom_files import Headers
from dsc_superres.io.dicom_values import number

_TELLING = (
    *("InstanceNumber", "AcquisitionNumber", "TemporalPositionIdentifier", "ImagePositionPatient", "EchoTime"),
    *("AcquisitionDate", "AcquisitionTime", "TriggerTime", "ContentTime", "ImageType", "SeriesInstanceUID"),
)
"""Tags in which two images of a series differ."""


def each_image_once(headers: Headers) -> Headers:
    """Return the headers without copies of the same image.

    Copies have the same header. Where they share their SOPInstanceUID, this is enough; but some software gives one to
    all files, and copies that were sent to an archive again have others, with the same pixels.
    """
    alike: dict[Hashable, list[Path]] = {}
    for file, header in headers.items():
        alike.setdefault(tuple(str(header.get(name)) for name in _TELLING), []).append(file)
    kept: set[Path] = set()
    for files in alike.values():
        first: dict[Hashable, Path] = {}
        for file in files:
            first.setdefault(_identity(file, headers[file]) if len(files) > 1 else file, file)
        kept.update(first.values())
    return {file: header for file, header in headers.items() if file in kept}


def _identity(file: Path, header: Dataset) -> tuple[str, str]:
    """Return what only copies of an image share: all of its header but the UID, and its pixels."""
    others = "\n".join(str(element) for element in header if element.keyword != "SOPInstanceUID")
    return others, _pixel_checksum(file, header)


def _pixel_checksum(file: Path, header: Dataset) -> str:
    """Return a checksum of the end of a file, where its pixels are; empty if it cannot be read."""
    sizes = [number(header, name) or 1 for name in ("Rows", "Columns", "BitsAllocated", "NumberOfFrames")]
    size = int(sizes[0] * sizes[1] * sizes[2] * sizes[3]) // 8
    try:
        with open(file, "rb") as stream:
            stream.seek(max(0, file.stat().st_size - size))
            return hashlib.sha256(stream.read()).hexdigest()
    except OSError:
        return ""
