"""Volumes of one scan that were exported as series of their own, each into a folder of its own (Siemens XA)."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from dsc_superres.errors import FileError
from dsc_superres.io.dicom_files import Headers, each_header, first_header, headers_of_folder
from dsc_superres.io.dicom_series import shared_by_scan

_MOST_FOLDERS = 2000
"""Folders beside one that are looked at."""


def volume_folders(folder: Path) -> list[Path]:
    """Return the folders of the scan of which ``folder`` has one volume, itself among them; else it alone.

    Only folders beside it are looked at.
    """
    first = first_header(folder)
    shared = None if first is None else shared_by_scan(first)
    if shared is None or not _is_one_volume(folder):  # before any other folder is looked at: there may be thousands
        return [folder]
    others = (
        other for other in _beside(folder) if (header := first_header(other)) and shared_by_scan(header) == shared
    )
    return sorted([folder, *filter(_is_one_volume, others)])


def with_other_volumes(headers: Headers, path: Path) -> Headers:
    """Return the headers of one volume together with those in the folders beside it."""
    folder = path if path.is_dir() else path.parent
    return {**headers, **{file: h for each in volume_folders(folder) for file, h in _headers(each).items()}}


def _is_one_volume(folder: Path) -> bool:
    """Return whether each place has one image. A series of frames is known by the first place that it has again."""
    places: set[str] = set()
    try:
        for _file, header in each_header(folder):
            place = str(header.get("ImagePositionPatient"))
            if place in places:
                return False
            places.add(place)
    except FileError:
        return False
    return bool(places)


def _beside(folder: Path) -> list[Path]:
    folder = folder.absolute()
    try:
        return [each for each in islice(folder.parent.iterdir(), _MOST_FOLDERS) if each.is_dir() and each != folder]
    except OSError:  # the folder above may be closed to the user
        return []


def _headers(folder: Path) -> Headers:
    try:
        return headers_of_folder(folder)
    except FileError:
        return {}
