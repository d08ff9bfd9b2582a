"""Where results may be written: refused before the work, not after it.

What this software did not write stays as it is. Its own files are known by what they say of themselves.
"""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

from dsc_superres.errors import FileError
from dsc_superres.utils.atomic_writing import check_name, check_target, is_read_only, write_json
from dsc_superres.utils.file_names import is_series_name
from dsc_superres.utils.partial_entries import state_of
from dsc_superres.utils.small_files import read_json
from dsc_superres.version import SOFTWARE

PROVENANCE = "provenance.json"
FILES = "files"
"""Key of the provenance of a folder of results: all files in it, by their paths."""
_OF_THE_SYSTEM = (".DS_Store", "Thumbs.db", "desktop.ini")
"""Files that systems put into folders that somebody looks at."""
_METRICS = {"frames", "times_s", "reconstruction_frames", "truth_frames", "whole", "brain"}
"""Keys of the metrics that ``compare --json`` writes."""
_BEGIN = 4096
"""Bytes of a file that are looked at."""
_TABLE = "case,state,seconds,message"
"""First line of the table of a batch."""


def check_series_target(path: Path, *inputs: Path) -> Path:
    """``path`` as the name of a series to write. Raises ``FileError`` where it is none, or one of the ``inputs``."""
    from dsc_superres.io.image_file import check_sidecar_is_free
    from dsc_superres.jobs.gate import check_outputs

    if not is_series_name(path.name):
        raise FileError(f"{path.name} is not a name for a series: end it in .nii, .nii.gz or .seq.nrrd.")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise FileError(f"The folder {path.parent} does not exist: create it first.")
    if not os.access(folder, os.W_OK):
        raise FileError(f"The folder {path.parent} cannot be written: choose another one.")
    check_outputs([path], [one for one in map(Path, inputs) if one.exists()])
    check_sidecar_is_free(path)
    check_is_ours(path)
    sidecar = sidecar_of(path)
    check_target(sidecar)
    if sidecar.exists() and not is_ours(sidecar):
        raise FileError(
            f"Cannot write {path}: its times would go into {sidecar.name}, which holds something else; "
            "choose another name."
        )
    return path


def sidecar_of(path: Path) -> Path:
    """``fine.json`` for ``fine.nii.gz``."""
    from dsc_superres.io.sidecar import sidecar_path

    return sidecar_path(path)


def check_is_ours(path: Path) -> Path:
    """``path`` as a file to write. Raises ``FileError`` where it cannot be one, or would replace a file of others."""
    check_target(path)
    if path.exists() and not is_ours(path):
        raise FileError(
            f"Cannot write {path}: this software did not write the file that is there; choose another name, or "
            "remove it first."
        )
    return path


def is_ours(path: Path) -> bool:
    """Whether this software wrote an existing file, or nothing is lost with it because it is empty."""
    try:
        if path.stat().st_size == 0:
            return True
        if path.suffix.lower() == ".json":
            return _is_our_json(read_json(path, path.name))
        return _says_who_wrote_it(path) or (is_series_name(path.name) and _is_image_of_our_sidecar(path))
    except (OSError, ValueError, RecursionError, FileError):
        return False


def _is_our_json(content: object) -> bool:
    if not isinstance(content, dict):
        return False
    generators = content.get("GeneratedBy")
    if isinstance(generators, list):
        return any(isinstance(one, dict) and one.get("Name") == SOFTWARE for one in generators)
    return _is_our_provenance(content) or set(content) >= _METRICS


def _is_our_provenance(content: dict) -> bool:
    versions = content.get("versions")
    return isinstance(versions, dict) and "dsc-superres" in versions and "notice" in content


def _is_image_of_our_sidecar(path: Path) -> bool:
    """Whether the sidecar of an image is ours and knows this very image, not one that took its place."""
    from dsc_superres.io.image_checksum import has_checksum

    content = read_json(sidecar_of(path), "The sidecar")
    return _is_our_json(content) and has_checksum(path, str(content.get("ImageChecksum")))


def _says_who_wrote_it(path: Path) -> bool:
    """Whether a file says, where its format has a place for it, that this software wrote it."""
    with open(path, "rb") as file:
        begin = file.read(_BEGIN)
        if begin.startswith(b"\x1f\x8b"):
            file.seek(0)
            try:
                begin = gzip.GzipFile(fileobj=file).read(_BEGIN)
            except (EOFError, OSError, zlib.error):
                return False
    name = SOFTWARE.encode()
    if begin[344:348] == b"n+1\0":
        return begin[148:228].rstrip(b"\0") == name  # descrip
    if begin.startswith(b"NRRD"):
        return b"\n# " + name + b"\n" in begin
    if begin.startswith(b"\x89PNG"):
        return b"Software\0" + name in begin
    if begin.startswith(b"{"):  # metrics, by whatever name
        return _is_our_json(read_json(path, path.name))
    return begin.startswith(_TABLE.encode())


def check_results_folder(folder: Path) -> bool:
    """Whether ``folder`` holds earlier results, which the new ones replace as a whole.

    Nothing is merged: maps of another series would stay beside the new reconstruction. Raises ``FileError`` for a
    folder that holds anything else, or cannot be written.
    """
    check_can_write(folder)
    if not folder.exists():
        return False
    if is_results_folder(folder):
        check_holds_nothing_else(folder)
        return True
    check_is_free(folder)
    return False


def check_is_free(folder: Path) -> None:
    """Raise ``FileError`` where a folder cannot be written, or holds anything."""
    check_can_write(folder)
    if folder.exists() and any(not _is_of_the_system(entry) for entry in folder.iterdir()):
        raise FileError(
            f"The folder {folder.name} holds files that this software did not write: choose a new or an empty one."
        )


def check_can_write(folder: Path) -> None:
    """Raise ``FileError`` where a folder cannot be written, or not be made."""
    check_name(folder)
    if folder.exists():
        if not folder.is_dir():
            raise FileError(f"{folder.name} is a file, not a folder: choose another output folder.")
        if is_read_only(folder) or not os.access(folder, os.W_OK):
            raise FileError(f"The folder {folder.name} is read-only: choose another output folder.")
        return
    parent = next(one for one in folder.absolute().parents if one.exists())
    if not parent.is_dir() or is_read_only(parent) or not os.access(parent, os.W_OK):
        raise FileError(f"The folder {folder.name} cannot be made in {parent}: choose another output folder.")


def is_results_folder(folder: Path) -> bool:
    """Whether this software wrote ``folder``: it holds a provenance of ours.

    One that holds folders of results, as of many patients, is none itself.
    """
    try:
        provenance = read_json(folder / PROVENANCE, PROVENANCE)
    except FileError:
        return False
    return isinstance(provenance, dict) and _is_our_provenance(provenance)


def list_files(folder: Path) -> None:
    """Add to the provenance of a finished folder of results what is in it, by which others' files are known later."""
    provenance = read_json(folder / PROVENANCE, PROVENANCE)
    write_json(folder / PROVENANCE, {**provenance, FILES: _files_in(folder)})


def is_complete(folder: Path) -> bool:
    """Whether all files that the provenance of a folder of results lists are there."""
    try:
        listed = read_json(folder / PROVENANCE, PROVENANCE)[FILES]
        return set(listed) <= set(_files_in(folder))
    except (FileError, TypeError, KeyError):
        return False


def check_holds_nothing_else(folder: Path) -> None:
    """Raise ``FileError`` where results hold files that their provenance does not list, or that are protected.

    Those of version 0.1 list none, so that nobody knows what in them is of others.
    """
    listed = read_json(folder / PROVENANCE, PROVENANCE).get(FILES)
    if not isinstance(listed, list):
        raise FileError(
            f"The folder {folder.name} holds results of a version that did not list its files, so that others cannot "
            "be told from them: choose another folder, or remove it."
        )
    for name in _files_in(folder):
        if is_read_only(folder / name):
            raise FileError(f"{name} in the folder {folder.name} is read-only: choose another output folder.")
        if name not in listed:
            raise FileError(
                f"The folder {folder.name} holds {name}, which this software did not write: move it, or choose "
                "another folder."
            )


def _files_in(folder: Path) -> list[str]:
    paths = [path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()]
    relative = [path.relative_to(folder) for path in paths if not _is_of_the_system(path)]
    return sorted(path.as_posix() for path in relative if not any(map(state_of, path.parts)))


def _is_of_the_system(path: Path) -> bool:
    """Whether a file is no content of a folder: of the system, or a leftover that will be removed."""
    return path.name in _OF_THE_SYSTEM or state_of(path.name) is not None
