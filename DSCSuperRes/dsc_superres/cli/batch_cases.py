"""Which series a batch works on, and what each of them is called."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsc_superres.errors import FileError
from dsc_superres.utils.file_names import is_folder_name, name_key

SUFFIX = re.compile(r"(\.seq\.nrrd|\.nii|\.nii\.gz)$", re.IGNORECASE)
LONGEST = 150
"""Bytes of a case's name; file systems take 255."""


@dataclass(frozen=True)
class BatchCase:
    """A series, and the folder for its results."""

    name: str
    input: Path
    output: Path


def find_cases(folder: Path, out: Path) -> list[BatchCase]:
    """Every dynamic series below ``folder``, by name; 3D images and folders of results are passed over.

    Raises ``FileError`` where there is none.
    """
    if not folder.is_dir():
        raise FileError(f"{folder} is not a folder: give one that holds the studies.")
    paths = sorted(set(_series_below(folder.absolute(), out.absolute())))
    if not paths:
        raise FileError(f"{folder} holds no dynamic series (4D NIfTI, .seq.nrrd or DICOM): check the folder.")
    names = case_names([path.relative_to(folder.absolute()).parts or (_name_of(folder),) for path in paths])
    return sorted(
        (BatchCase(name, path, out / name) for name, path in zip(names, paths, strict=True)), key=lambda case: case.name
    )


def case_names(all_parts: Sequence[tuple[str, ...]]) -> list[str]:
    """Names for paths, given as their parts: no two the same, on no file system, and each the name of a folder.

    A path is called by its parts without suffix (``sub-01_perf_sub-01_dsc``). Where several would have that name, each
    is called by its whole path (``a__b-nii`` and ``a_b-nii-gz``); where even these are not unique, a part of the
    path's checksum is added.

    >>> case_names([("sub-01", "dsc.nii.gz"), ("a", "b.nii"), ("a_b.nii.gz",)])
    ['sub-01_dsc', 'a__b-nii', 'a_b-nii-gz']
    """
    short = [
        re.sub(r"(\.seq)?(\.nrrd|\.nii|\.nii\.gz)$", "", "_".join(parts), flags=re.IGNORECASE) for parts in all_parts
    ]
    whole = ["__".join(parts).replace(".", "-") for parts in all_parts]
    taken = Counter(map(name_key, short))
    names = [
        one if _is_fit(one) and taken[name_key(one)] == 1 else other for one, other in zip(short, whole, strict=True)
    ]
    taken = Counter(map(name_key, names))
    unique = [_with_checksum(name, parts) for name, parts in zip(names, all_parts, strict=True)]
    names = [
        name if _is_fit(name) and taken[name_key(name)] == 1 else other
        for name, other in zip(names, unique, strict=True)
    ]
    return names if len(set(map(name_key, names))) == len(names) else unique


def _is_fit(name: str) -> bool:
    return bool(name.strip(". ")) and len(os.fsencode(name)) <= LONGEST and is_folder_name(name)


def _with_checksum(name: str, parts: tuple[str, ...]) -> str:
    begin = os.fsencode(name.replace(".", "-"))[:LONGEST].decode("utf-8", "ignore")
    return f"{begin}-{hashlib.sha256(os.fsencode('/'.join(parts))).hexdigest()[:12]}"


def _name_of(folder: Path) -> str:
    return folder.resolve().name or "series"


def _series_below(folder: Path, out: Path) -> Iterator[Path]:
    from dsc_superres.io.dicom import is_dicom
    from dsc_superres.io.dicom_volumes import volume_folders
    from dsc_superres.io.image_file import suffix_of

    of_one_case: set[Path] = set()
    for here, files in _walk(folder, out):
        seen = [here / name for name in sorted(files) if not name.startswith(".")]
        named = (path for path in seen if suffix_of(path) in (".nii", ".nii.gz", ".seq.nrrd"))
        images = [path for path in named if _is_dynamic(path)]
        yield from images
        if here in of_one_case or images:  # DICOM files beside a series are what it was converted from
            continue
        if any(is_dicom(path) for path in seen if path.name.upper() != "DICOMDIR"):
            of_one_case.update(volume_folders(here))
            yield here


def _walk(folder: Path, out: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield every folder below ``folder`` with the names of its files, except hidden folders and results.

    Links to folders are followed, as those of many archives, but each folder is walked once.
    """
    from dsc_superres.jobs.gate import is_same, is_within
    from dsc_superres.jobs.targets import is_results_folder

    walked = {os.path.realpath(folder)}

    def is_new(path: Path) -> bool:
        real = os.path.realpath(path)
        if real in walked or (path.is_symlink() and is_within(path, folder)):  # there it has its own name
            return False
        walked.add(real)
        return True

    for parent, folders, files in os.walk(folder, followlinks=True):
        here = Path(parent)
        if is_same(here, out) or is_results_folder(here):
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith(".") and is_new(here / name))
        yield here, files


def _is_dynamic(path: Path) -> bool:
    """Whether a file is a series of frames; one that cannot be read is, so that its error is reported."""
    from dsc_superres.io.nifti_header import is_single_volume

    return path.suffix.lower() == ".nrrd" or not is_single_volume(path)
