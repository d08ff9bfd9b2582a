"""Where results may be written: refused before the work, not after it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from dsc_superres.errors import FileError
from dsc_superres.utils.atomic_writing import check_target
from dsc_superres.utils.file_names import is_series_name


def check_series_target(path: Path, *inputs: Path) -> Path:
    """``path`` as the name of a series to write. Raises ``FileError`` where it is none, or one of the ``inputs``."""
    from dsc_superres.io.image_file import check_sidecar_is_free

    if not is_series_name(path.name):
        raise FileError(f"{path.name} is not a name for a series: end it in .nii, .nii.gz or .seq.nrrd.")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise FileError(f"The folder {path.parent} does not exist: create it first.")
    if not os.access(folder, os.W_OK):
        raise FileError(f"The folder {path.parent} cannot be written: choose another one.")
    if any(path.exists() and Path(read).exists() and path.samefile(read) for read in inputs):
        raise FileError(f"{path.name} is the input itself: choose another name for the output.")
    check_sidecar_is_free(path)
    for written in (path, sidecar_of(path)):
        check_target(written)
    if sidecar_of(path).exists() and not path.exists() and not _is_our_sidecar(sidecar_of(path)):
        raise FileError(
            f"Cannot write {path}: its times would go into {sidecar_of(path).name}, which holds something else; "
            "choose another name."
        )
    return path


def sidecar_of(path: Path) -> Path:
    """``fine.json`` for ``fine.nii.gz``."""
    from dsc_superres.io.sidecar import sidecar_path

    return sidecar_path(path)


def _is_our_sidecar(path: Path) -> bool:
    try:
        generators = json.loads(path.read_text(encoding="utf-8"))["GeneratedBy"]
        return any(generator.get("Name") == "DSCSuperRes" for generator in generators)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return False


def check_results_folder(folder: Path) -> bool:
    """Whether ``folder`` holds earlier results, which the new ones replace as a whole.

    Nothing is merged: maps of another series would stay beside the new reconstruction. Raises ``FileError`` for a
    folder that holds anything else.
    """
    if not folder.exists():
        return False
    if not folder.is_dir():
        raise FileError(f"{folder.name} is a file, not a folder: choose another output folder.")
    if is_results_folder(folder):
        return True
    if any(folder.iterdir()):
        raise FileError(
            f"The folder {folder.name} holds files that this software did not write: choose a new or an empty one."
        )
    return False


def is_results_folder(folder: Path) -> bool:
    """Whether this software wrote ``folder``: it holds a provenance of ours, or nothing but folders that do."""
    try:
        provenance = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
        return "dsc-superres" in provenance["versions"] and "notice" in provenance
    except (OSError, ValueError, TypeError, KeyError):
        entries = list(folder.iterdir())
        return bool(entries) and all(entry.is_dir() and is_results_folder(entry) for entry in entries)
