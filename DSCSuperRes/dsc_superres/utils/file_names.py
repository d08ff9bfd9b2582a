"""What the name of a file says of its format."""

from __future__ import annotations

SERIES_SUFFIXES = (".nii.gz", ".nii", ".seq.nrrd")
"""Formats that a series is written in."""


def is_series_name(name: str) -> bool:
    """Whether ``name`` is that of a file that a series can be written to."""
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
"""Endings that nobody gives a folder."""


def is_folder_name(name: str) -> bool:
    """Whether ``name`` may be meant as that of a folder."""
    return not is_series_name(name) and not name.lower().endswith(FILE_SUFFIXES)
