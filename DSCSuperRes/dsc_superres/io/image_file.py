"""What every format shares: names, quiet SimpleITK, atomic writing, one-sentence errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dsc_superres.errors import FileError, os_error_text
from dsc_superres.geometry import Geometry
from dsc_superres.series import MISSING

SERIES_SUFFIXES = (".nii.gz", ".nii", ".seq.nrrd")
VOLUME_SUFFIXES = (".nii.gz", ".nii", ".nrrd")


@dataclass
class StoredImage:
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


def check_exists(path: Path) -> Path:
    """``path``, or ``FileError`` when nothing is there or may be looked at."""
    try:
        path.stat()
    except FileNotFoundError as error:
        raise FileError(f"{path} does not exist: check the name.") from error
    except OSError as error:
        raise FileError(f"Cannot read {path}: {os_error_text(error)}.") from error
    return path


@contextmanager
def quiet_itk() -> Iterator[None]:
    """SimpleITK without its warnings on stderr, which speak of C++ source lines."""
    warnings_shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(warnings_shown)


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


def spatial_geometry(image: sitk.Image | sitk.ImageFileReader) -> Geometry:
    """The geometry of the first three axes; the default one for a picture with fewer."""
    axes = image.GetDimension()
    if axes < 3:
        return Geometry()
    direction = np.reshape(image.GetDirection(), (axes, axes))[:3, :3]
    return Geometry(image.GetSpacing()[:3], image.GetOrigin()[:3], tuple(map(tuple, direction)))
