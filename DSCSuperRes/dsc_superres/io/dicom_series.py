"""Which of the DICOM images in a folder form the series to read.

Siemens XA exports the volumes of a series in classic format as series of their own, numbered 7001, 7002, ...; they
share what identifies a scan, and are one series again here.
"""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset

from dsc_superres.errors import FileError, SeriesError
from dsc_superres.io.dicom_files import Headers, volume_count
from dsc_superres.io.dicom_values import number, words


def one_series(headers: Headers, path: Path, name: str, series: int | None = None) -> tuple[Headers, tuple[str, ...]]:
    """Return the headers of the series ``name`` that ``path`` or its number names, and sentences about it.

    Raises ``FileError`` if the folder ``path`` holds several series.
    """
    groups = _volumes_joined(_by_series(headers))
    if path in headers:
        groups = [group for group in groups if path in group]
    if series is not None:
        numbered = [g for g in groups if any(number(header, "SeriesNumber") == series for header in g.values())]
        if not numbered:
            raise FileError(f"{path} has no series {series}: it holds {_listing(groups)}.")
        groups = numbered
    if len(groups) > 1:
        raise FileError(
            f"{path} holds {len(groups)} series ({_listing(groups)}): choose one (--series NUMBER), name one of its "
            "files instead of the folder, or move it to a folder of its own."
        )
    _check_colors(groups[0], name)
    return groups[0], _volume_note(groups[0])


def is_lone_volume(headers: Headers) -> bool:
    """Return whether these are one of the volumes that were exported as series of their own."""
    return len({str(header.get("SeriesInstanceUID")) for header in headers.values()}) == 1 and bool(scan_of(headers))


def lone_volume(headers: Headers) -> str:
    """Return what to do where only one of the volumes that were exported as series of their own is there, else ""."""
    first = next(iter(headers.values()))
    if not is_lone_volume(headers):
        return ""
    return (
        f" The scan has {volume_count(first)} frames, which were exported as series of their own: name the folder "
        "above that holds all of them."
    )


def _listing(groups: list[Headers]) -> str:
    """Return the numbers of the series and how many files they have."""
    listing = ", ".join(f"number {_series_number(group)} with {len(group)} files" for group in groups[:12])
    return listing + (f", and {len(groups) - 12} more" if len(groups) > 12 else "")


def _series_number(group: Headers) -> int:
    return int(number(next(iter(group.values())), "SeriesNumber") or 0)


def _by_series(headers: Headers) -> list[Headers]:
    """Return the series apart, by number as well, since software that removes names may give one UID to several."""
    series: dict[tuple, Headers] = {}
    for file, header in headers.items():
        key = (str(header.get("SeriesInstanceUID")), number(header, "SeriesNumber"))
        series.setdefault(key, {})[file] = header
    return list(series.values())


def _volumes_joined(groups: list[Headers]) -> list[Headers]:
    """Join the groups that are single volumes of one scan."""
    joined: dict[object, Headers] = {}
    for k, group in enumerate(groups):
        joined.setdefault(scan_of(group) or k, {}).update(group)
    return list(joined.values())


def scan_of(group: Headers) -> tuple | None:
    """Return what the volumes of one scan share; None if ``group`` is not one volume of a scan of several."""
    places = [str(header.get("ImagePositionPatient")) for header in group.values()]
    if not group or len(set(places)) < len(places):
        return None
    return shared_by_scan(next(iter(group.values())))


def shared_by_scan(header: Dataset) -> tuple | None:
    """Return what the images of one scan share; None if the header does not say that there are several frames."""
    if volume_count(header) < 2 or "PerFrameFunctionalGroupsSequence" in header:
        return None
    scan = [str(header.get(name)) for name in ("StudyInstanceUID", "FrameOfReferenceUID", "SeriesDescription")]
    matrix = [str(header.get(name)) for name in ("Rows", "Columns", "ImageOrientationPatient", "EchoTime")]
    number_of_scan = int(number(header, "SeriesNumber") or 0) // 1000
    return (*scan, *matrix, volume_count(header), words(header, "ImageType"), number_of_scan)


def _volume_note(headers: Headers) -> tuple[str, ...]:
    """Return a sentence if volumes were joined to one series."""
    volumes = len({str(header.get("SeriesInstanceUID")) for header in headers.values()})
    if volumes == 1:
        return ()
    stated = volume_count(next(iter(headers.values())))
    missing = f"; the scan had {stated}, so that {stated - volumes} are missing" if stated > volumes else ""
    return (f"{volumes} volumes that were exported as series of their own are read as one series{missing}.",)


def _check_colors(headers: Headers, name: str) -> None:
    if any((number(header, "SamplesPerPixel") or 1) > 1 for header in headers.values()):
        raise SeriesError(f"{name} holds color images: a perfusion series has one number per pixel.")
