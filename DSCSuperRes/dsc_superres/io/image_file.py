"""What the image formats share: file names, the content of an image as stored, quiet SimpleITK."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dsc_superres.errors import FileError, os_error_text
from dsc_superres.geometry import Geometry
from dsc_superres.series import MISSING
from dsc_superres.utils.file_names import SERIES_SUFFIXES, check_letters

BEST_COMPRESSION = 1032
"""Bytes that one byte of a gzip file can stand for at most."""
VOLUME_SUFFIXES = (".nii.gz", ".nii", ".nrrd")
"""Suffixes of files that a single volume can be written to."""


@dataclass
class StoredImage:
    """Content of one image file or DICOM folder, before the sidecar and the user's values are applied.

    array        float32[..., z, y, x]; with four axes, the first is time
    scalar_type  type of the stored voxels; float32 if a slope or intercept has been applied
    frame_times  s, if the file states the time of each frame
    interval     s, if the file states only an interval; ``start`` is the time of the first frame
    sources      as in ``Series.sources``
    slice_times  s after the time of the frame, float64[z], if the file states them
    notes        as in ``Series.notes``
    provenance   as in ``Series.provenance``, if the file states it
    """

    array: np.ndarray
    geometry: Geometry
    scalar_type: np.dtype
    frame_times: np.ndarray | None = None
    interval: float | None = None
    start: float = 0.0
    echo_time: float | None = None
    sources: dict[str, str] = field(default_factory=lambda: {"times": MISSING, "echo_time": MISSING})
    slice_times: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    provenance: dict[str, object] = field(default_factory=dict)


def suffix_of(path: Path) -> str:
    """Return the suffix that decides the format, in lower case; ``.nii.gz`` and ``.seq.nrrd`` count as one suffix."""
    name = path.name.lower()
    return next((s for s in (".nii.gz", ".seq.nrrd") if name.endswith(s)), path.suffix.lower())


def stem_of(path: Path) -> str:
    """Return the file name without the suffix that ``suffix_of`` returns."""
    return path.name[: len(path.name) - len(suffix_of(path))]


def check_exists(path: str | os.PathLike[str]) -> Path:
    """Return ``path`` with its ``~`` resolved; raise ``FileError`` unless it is a file or folder that can be accessed.

    A pipe or a device is neither: it would be waited for without end.
    """
    try:
        path = Path(path).expanduser()
        found = path.stat()
        check_letters(path)
    except FileNotFoundError as error:
        raise FileError(f"{path} does not exist: check the name.") from error
    except OSError as error:
        raise FileError(f"Cannot read {path}: {os_error_text(error)}.") from error
    except (ValueError, RuntimeError) as error:  # a null character, or the home folder of nobody
        raise FileError(f"{str(path)!r} is no name of a file: check the name.") from error
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise FileError(f"{path} is a pipe or a device, not a file: give a file.")
    if stat.S_ISREG(found.st_mode) and found.st_size == 0:  # also what only looks like a file, as below /proc
        raise FileError(f"{path} is empty: copy it again from where it came.")
    return path


def check_memory(path: Path, values: int) -> None:
    """Raise ``FileError`` where so many float32 values are more than the memory of this machine, before it is taken."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows does not say
        return
    if 4 * values > memory > 0:
        raise FileError(
            f"{path} states a size of {4 * values / 2**30:,.0f} GiB, more than the memory of this machine: check the "
            "file, or cut it into parts."
        )


def check_length(path: Path, needed: int, header: str = "its header") -> None:
    """Raise ``FileError`` where a file is too short for its header, before memory is taken for the voxels."""
    with open(path, "rb") as file:
        is_gzipped = file.read(2) == b"\x1f\x8b"
    length = path.stat().st_size * (BEST_COMPRESSION if is_gzipped else 1)
    if length < needed:
        raise FileError(
            f"{path} is cut short or damaged: {header} needs {needed:,} bytes; copy it again from where it came."
        )


def without_name(source: str) -> str:
    """Return where a value comes from with the role of a sidecar instead of its name, which may be a patient's.

    >>> without_name("scan.json, EchoTime")
    'sidecar, EchoTime'
    """
    return re.sub(r"^.*\.json(?=, )", "sidecar", source)


@contextmanager
def quiet_itk() -> Iterator[None]:
    """Suppress the warnings that SimpleITK prints on standard error, which refer to C++ source lines."""
    warnings_shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(warnings_shown)


def check_sidecar_is_free(path: Path) -> None:
    """Raise ``FileError`` if another image beside ``path`` has the same sidecar, which writing would replace."""
    name = path.name.lower()
    for suffix in SERIES_SUFFIXES:
        other = path.with_name(stem_of(path) + suffix)
        if other.name.lower() != name and other.exists():
            raise FileError(
                f"Cannot write {path}: {other.name} lies beside it, and both would share {stem_of(path)}.json; "
                "choose another name."
            )


def spatial_geometry(image: sitk.Image | sitk.ImageFileReader) -> Geometry:
    """Return the geometry of the first three axes; the default geometry for images with fewer axes."""
    axes = image.GetDimension()
    if axes < 3:
        return Geometry()
    direction = np.reshape(image.GetDirection(), (axes, axes))[:3, :3]
    return Geometry(image.GetSpacing()[:3], image.GetOrigin()[:3], tuple(map(tuple, direction)))
