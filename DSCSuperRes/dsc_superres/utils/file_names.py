"""Formats suggested by file names."""

from __future__ import annotations

SERIES_SUFFIXES = (".nii.gz", ".nii", ".seq.nrrd")
"""Suffixes of files that a series can be written to."""


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
