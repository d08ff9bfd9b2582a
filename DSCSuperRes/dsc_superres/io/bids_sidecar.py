"""What the sidecars above an image state of it in a BIDS data set (its inheritance principle).

``dsc.json`` beside ``dataset_description.json`` holds for all ``*_dsc.nii.gz`` below, ``task-rest_bold.json`` for those
of that task; a file that is nearer or names more entities counts more.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dsc_superres.utils.small_files import read_json

INHERITED = (
    "EchoTime",
    "RepetitionTime",
    "VolumeTiming",
    "SliceTiming",
    "SliceEncodingDirection",
    "AcquisitionDuration",
)
"""Keys that are read of sidecars above an image."""
_MOST_LEVELS = 6
"""Folders from an image up to the root of its data set."""


def inherited(image: Path, stem: str) -> dict[str, Any]:
    """Return the inherited keys of an image that is called ``stem`` without suffix; empty outside of a data set.

    Raises ``FileError`` if one of the sidecars cannot be read.
    """
    folders = _folders_of_data_set(image.absolute().parent)
    content: dict[str, Any] = {}
    for folder in folders if stem.startswith("sub-") else []:
        fitting = [path for path in folder.glob("*.json") if path.stem != stem and _applies(path.stem, stem)]
        for path in sorted(fitting, key=lambda path: (path.stem.count("_"), path.name)):
            found = read_json(path, f"{path}, a sidecar of {image.name},", both=True)
            if isinstance(found, dict):
                content |= {key: found[key] for key in INHERITED if key in found}
    return content


def _folders_of_data_set(folder: Path) -> list[Path]:
    """Return the folders from the root of a data set to ``folder``; none if it lies in no data set."""
    above = [folder, *folder.parents][:_MOST_LEVELS]
    roots = [level for level, path in enumerate(above) if (path / "dataset_description.json").is_file()]
    return above[roots[0] :: -1] if roots else []


def _applies(sidecar: str, stem: str) -> bool:
    """Return whether all parts of a sidecar's name are those of the image.

    >>> _applies("dsc", "sub-01_dsc"), _applies("task-rest_dsc", "sub-01_dsc"), _applies("bold", "sub-01_dsc")
    (True, False, False)
    """
    own, parts = stem.split("_"), sidecar.split("_")
    return parts[-1] == own[-1] and set(parts) <= set(own)
