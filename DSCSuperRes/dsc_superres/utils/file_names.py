"""Formats suggested by file names."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from dsc_superres.errors import FileError

SERIES_SUFFIXES = (".nii.gz", ".nii", ".seq.nrrd")
"""Suffixes of files that a series can be written to."""


def check_letters(path: Path) -> None:
    """Raise ``FileError`` for a name with bytes that are not UTF-8, at which libraries of image files abort."""
    try:
        str(path.absolute()).encode("utf-8")
    except UnicodeEncodeError as error:
        shown = str(path).encode("utf-8", "replace").decode("utf-8")
        raise FileError(
            f"The name {shown!r} has bytes that are not UTF-8 (shown as ?): rename the file or folder."
        ) from error


def name_key(name: str) -> str:
    """Return what all names have in common that are one and the same to some file system.

    Windows and macOS take letters of either case for the same, macOS composed and decomposed letters as well, and
    Windows leaves out dots and blanks at the end.

    >>> name_key("Müller. ") == name_key("mu\u0308ller")
    True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).rstrip(". ")


def is_series_name(name: str) -> bool:
    """Return whether a series can be written to a file of this name."""
    return name.lower().endswith(SERIES_SUFFIXES)


FILE_SUFFIXES = (
    ".txt",
    ".csv",
    ".json",
    ".nrrd",
    ".nhdr",
    ".mha",
    ".mhd",
    ".dcm",
    ".gz",
    ".npy",
    ".hdr",
    ".img",
    ".zip",
)
"""Suffixes that folders do not have."""


def is_folder_name(name: str) -> bool:
    """Return whether ``name`` may be the name of a folder."""
    return not is_series_name(name) and not name.lower().endswith(FILE_SUFFIXES)


def without_names(text: str, path: Path, role: str) -> str:
    """Return ``text`` with ``role`` for the path, the name and the stem of a file, which may be those of a patient.

    Examples
    --------
    >>> without_names("/data/doe^jane.nii is cut short: see doe^jane.json", Path("doe^jane.nii"), "the series")
    'the series is cut short: see the series.json'
    """
    name = path.name
    suffix = next((s for s in (*SERIES_SUFFIXES, ".nrrd") if name.lower().endswith(s)), path.suffix)
    stem = name[: len(name) - len(suffix)]
    for known in (re.escape(str(path)), rf"[^\s'\"]*{re.escape(name)}", re.escape(name), re.escape(stem)):
        text = re.sub(rf"(?<![\w^]){known}(?![\w^])", role, text) if known else text
    return text
