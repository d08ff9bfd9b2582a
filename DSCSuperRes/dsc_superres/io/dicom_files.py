"""The files of one DICOM series: found in folders and subfolders, each image once, other series apart."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.tag import Tag

from dsc_superres.errors import FileError, os_error_text
from dsc_superres.io.dicom_damage import without_damage
from dsc_superres.io.dicom_elements import ElementReader
from dsc_superres.io.dicom_reading import read_dataset
from dsc_superres.io.dicom_values import number

PIXEL_TAGS = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "NumberOfFrames",
)
"""Tags that describe how the pixels are stored."""
_HEADER_TAGS = [
    *PIXEL_TAGS,
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "SeriesNumber",
    "SeriesDescription",
    "ImageType",
    "ComplexImageComponent",
    "AcquisitionDate",
    "AcquisitionTime",
    "AcquisitionDateTime",
    "AcquisitionDuration",
    "AcquisitionNumber",
    "ContentDate",
    "ContentTime",
    "InstanceNumber",
    "TemporalPositionIdentifier",
    "NumberOfTemporalPositions",
    "TemporalResolution",
    "TriggerTime",
    "ScanningSequence",
    "EchoPlanarPulseSequence",
    "MRAcquisitionType",
    "RepetitionTime",
    "EchoTime",
    "SliceThickness",
    "SpacingBetweenSlices",
    "PixelSpacing",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "RescaleSlope",
    "RescaleIntercept",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
]
"""Standard tags that are read from a header; none of them identifies the patient."""
_PRIVATE_ELEMENTS = {
    0x0019: (0x0A, 0x29),  # Siemens: slices and slice times of a mosaic
    0x0021: (0x5E,),  # GE: timer of real-time scans
    0x0029: (0x10, 0x20),  # Siemens: CSA headers
    0x0043: (0x2F,),  # GE: component of the complex image
    0x0065: (0x04, 0x50, 0x51),  # United Imaging: tiles of a volume
    0x2005: (0x0E, 0xA0),  # Philips: scale slope, time of a dynamic
}
"""Private elements that are read, by group."""
_BLOCKS = range(0x10, 0x18)
_MOST_FILES = 200_000
"""Files that are looked at in a folder with its subfolders."""
_LOOKED_AT = 50
"""Files of a folder of which one may tell what it holds."""
Headers = dict[Path, Dataset]
"""Headers of images by file."""


def is_dicom(path: Path) -> bool:
    """Return whether ``path`` is a DICOM file, with or without a preamble."""
    try:
        if not path.is_file():  # a pipe would be waited for
            return False
        with open(path, "rb") as file:
            start = file.read(132)
    except (OSError, ValueError):
        return False
    return begins_as_dicom(start)


def begins_as_dicom(start: bytes) -> bool:
    """Return whether the first bytes of a file, 132 or more, are those of DICOM, with or without a preamble."""
    return start[128:132] == b"DICM" or start[:2] == b"\x08\x00"


def headers_of_folder(folder: Path) -> Headers:
    """Return the headers of the DICOM images in a folder by file. Raises ``FileError`` if files cannot be read."""
    return dict(each_header(folder))


def each_header(folder: Path) -> Iterator[tuple[Path, Dataset]]:
    """Return the DICOM images in a folder with their headers, which are read one by one. Errors as above."""
    return _each_header(sorted(_files_of(folder)))


def first_header(folder: Path) -> Dataset | None:
    """Return the header of a DICOM image in a folder, None if none is found soon."""
    try:
        entries = [Path(entry.path) for entry in islice(os.scandir(folder), _LOOKED_AT)]
        return next((header for _file, header in _each_header([next(filter(is_dicom, sorted(entries)))])), None)
    except (OSError, FileError, StopIteration):
        return None


def image_headers(path: Path) -> Headers:
    """Return the headers of all DICOM images in a folder, or beside a file, by file.

    Subfolders are searched only where the folder itself has no image, as on a CD. Raises ``FileError`` if there is
    none or if files cannot be read.
    """
    folder = path if path.is_dir() else path.parent
    headers = headers_of_folder(folder)
    if not headers or (path.is_file() and path not in headers):  # a CD, or its DICOMDIR
        headers = _headers_of(sorted(_files_below(folder)))
    if not headers:
        raise FileError(f"{path} holds no DICOM image: name the folder that has the files of the series itself.")
    return headers


def _files_of(folder: Path) -> Iterator[Path]:
    try:
        for entry in os.scandir(folder):
            if entry.is_file() and is_dicom(Path(entry.path)):
                yield Path(entry.path)
    except OSError as error:
        raise FileError(f"Cannot read {folder}: {os_error_text(error)}.") from error


def _files_below(folder: Path) -> Iterator[Path]:
    seen = 0
    for parent, folders, names in os.walk(folder):
        folders.sort()
        seen += len(names)
        if seen > _MOST_FILES:
            raise FileError(
                f"{folder} has more than {_MOST_FILES} files below it: name the folder of the series itself."
            )
        yield from (file for name in sorted(names) if is_dicom(file := Path(parent, name)))


def _headers_of(files: list[Path]) -> Headers:
    return dict(_each_header(files))


def _each_header(files: list[Path]) -> Iterator[tuple[Path, Dataset]]:
    tags = [*map(Tag, _HEADER_TAGS), *_private_tags()]
    reader = ElementReader(tags)
    headers = ((file, _read_header(file, reader, tags)) for file in files)
    return ((file, header) for file, header in headers if header is not None and "Rows" in header)


def _read_header(file: Path, reader: ElementReader, tags: list[int]) -> Dataset | None:
    """Return the header of a file without its pixels; None if the file is not DICOM."""
    try:
        header = reader.read(file)
        if header is None:
            header = without_damage(read_dataset(file, stop_before_pixels=True, force=True, specific_tags=tags))
        return header
    except FileError:
        raise
    except InvalidDicomError:
        return None
    except OSError as error:
        raise FileError(f"Cannot read {file}: {os_error_text(error)}.") from error
    except Exception as error:  # pydicom raises any type of exception for damaged files
        raise FileError(f"{file} is damaged: copy it again from where it came.") from error


def _private_tags() -> list[int]:
    """Return the private tags that are read, and those that name their owners."""
    owners = [group << 16 | block for group in _PRIVATE_ELEMENTS for block in _BLOCKS]
    elements = [
        group << 16 | block << 8 | element
        for group, last_bytes in _PRIVATE_ELEMENTS.items()
        for element in last_bytes
        for block in _BLOCKS
    ]
    return [*owners, *elements]


def volume_count(header: Dataset) -> int:
    """Return how many frames the header says that the scan has; 1 if it does not say."""
    return int(number(header, "NumberOfTemporalPositions") or 1)
