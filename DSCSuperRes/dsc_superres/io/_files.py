"""What every format shares: names, quiet SimpleITK, atomic writing, one-sentence errors."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import SimpleITK as sitk

from dsc_superres.errors import FileError
from dsc_superres.geometry import Geometry
from dsc_superres.series import MISSING

SERIES_SUFFIXES = (".nii.gz", ".nii", ".seq.nrrd")
VOLUME_SUFFIXES = (".nii.gz", ".nii", ".nrrd")


@dataclass
class Stored:
    """What one file (or DICOM folder) says, before the sidecar and the user have their word.

    array        float32[..., z, y, x], first axis time when there are four
    scalar_type  the type of the stored voxels; float32 once a slope or intercept has been applied
    frame_times  s, when the file states the time of every frame
    interval     s, when it only states one interval; ``start`` is then the time of the first frame
    sources      as ``Series.sources``
    """

    array: np.ndarray
    geometry: Geometry
    scalar_type: np.dtype
    frame_times: np.ndarray | None = None
    interval: float | None = None
    start: float = 0.0
    echo_time: float | None = None
    sources: dict[str, str] = field(default_factory=lambda: {"times": MISSING, "echo_time": MISSING})


def suffix_of(path: Path) -> str:
    """The suffix that decides the format, in lower case, ``.nii.gz`` and ``.seq.nrrd`` whole."""
    name = path.name.lower()
    return next((s for s in (".nii.gz", ".seq.nrrd") if name.endswith(s)), path.suffix.lower())


def stem_of(path: Path) -> str:
    """The file's name without that suffix."""
    return path.name[: len(path.name) - len(suffix_of(path))]


def existing(path: Path) -> Path:
    """``path``, or ``FileError`` when nothing is there or may be looked at."""
    try:
        path.stat()
    except FileNotFoundError as error:
        raise FileError(f"{path} does not exist: check the name.") from error
    except OSError as error:
        raise FileError(f"Cannot read {path}: {reason(error)}.") from error
    return path


def reason(error: OSError) -> str:
    """Why the operating system refused, as a clause."""
    return (error.strerror or str(error) or type(error).__name__).lower()


@contextmanager
def quiet() -> Iterator[None]:
    """SimpleITK without its warnings on stderr, which speak of C++ source lines."""
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


def check_target(path: Path) -> None:
    """Raise ``FileError`` when ``path`` is plainly no place to write to."""
    if not path.parent.is_dir():
        raise FileError(f"Cannot write {path}: {path.parent} is not an existing folder.")
    if path.is_dir():
        raise FileError(f"Cannot write {path}: a folder of that name exists.")
    # A rename would replace a read-only file without a word.
    if path.exists() and not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise FileError(f"Cannot write {path}: the existing file is read-only.")


def check_sidecar_is_free(path: Path) -> None:
    """Raise ``FileError`` when another image beside ``path`` has the same sidecar, which writing would replace."""
    name = path.name.lower()
    for suffix in SERIES_SUFFIXES:
        other = path.with_name(stem_of(path) + suffix)
        if other.name.lower() != name and other.exists():
            raise FileError(
                f"Cannot write {path}: {other.name} lies beside it, and both would share {stem_of(path)}.json; "
                "choose another name."
            )


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A binary file that takes the place of ``path`` only when the block ends well; nothing is left otherwise.

    Raises ``FileError`` for a missing folder, a read-only target, a full disk.
    """
    check_target(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # some file systems tell of a full disk only now
        os.replace(temporary, path)
    except OSError as error:
        raise FileError(
            f"Cannot write {path}: {reason(error)}; check the folder and its free space, or choose another."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def spatial_geometry(image: sitk.Image | sitk.ImageFileReader) -> Geometry:
    """The geometry of the first three axes; the default one for a picture with fewer."""
    axes = image.GetDimension()
    if axes < 3:
        return Geometry()
    direction = np.reshape(image.GetDirection(), (axes, axes))[:3, :3]
    return Geometry(image.GetSpacing()[:3], image.GetOrigin()[:3], tuple(map(tuple, direction)))
