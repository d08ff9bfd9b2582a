"""NRRD: 3D volumes, and the 4D files (``.seq.nrrd``) in which Slicer keeps a volume sequence.

SimpleITK reads the voxels and the geometry. Depending on its version it drops units and kinds, so the text header is
read here as well. The layout written is the one of Slicer's own ``vtkMRMLVolumeSequenceStorageNode``: LPS space, axes
x y z and then a ``list`` axis, frame times under ``axis 3 index values``.

Times, in order of trust: ``MultiVolume.FrameLabels`` (what Slicer's DICOM importer leaves, whose own index is a mere
frame number), then index values with a unit of time, then the spacing of a time axis with such a unit.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import SimpleITK as sitk

from dsc_superres.errors import FileError, os_error_text
from dsc_superres.geometry import Geometry
from dsc_superres.io.image_file import StoredImage, quiet_itk, spatial_geometry
from dsc_superres.series import MISSING
from dsc_superres.utils.atomic_writing import atomic_file
from dsc_superres.utils.scratch_memory import release

_PREFIX = "DSCSuperRes."
_UNITS_PER_SECOND = {
    "s": 1,
    "sec": 1,
    "second": 1,
    "seconds": 1,
    "ms": 1000,
    "msec": 1000,
    "us": 1_000_000,
    "usec": 1_000_000,
}
"""How many of each make a second. Dividing keeps 1500 ms at exactly 1.5 s."""
_TIME_TAGS = {"Time", "TriggerTime", "AcquisitionTime", "SeriesTime", "ContentTime", "DeltaStartTime"}
"""MultiVolume frame labels that are times; others (EchoTime, FlipAngle, ...) only tell frames apart."""
_TYPES = {
    "i1": "signed char",
    "u1": "unsigned char",
    "i2": "short",
    "u2": "unsigned short",
    "i4": "int",
    "u4": "unsigned int",
    "f4": "float",
    "f8": "double",
}


def read_nrrd(path: Path) -> StoredImage:
    """The voxels, geometry, times and echo time of a NRRD file. Raises ``FileError``."""
    header = _read_header(path)
    kinds = header.get("kinds", "").split()
    if any(kind.lower().startswith(("rgb", "hsv", "xyz", "complex", "quaternion")) or "-" in kind for kind in kinds):
        raise FileError(f"{path} holds colours or vectors: a perfusion series has one real number per voxel.")
    try:
        with quiet_itk():
            image = sitk.ReadImage(str(path), imageIO="NrrdImageIO")
    except RuntimeError as error:
        raise FileError(f"{path} is cut short, damaged, or not a NRRD that ITK reads: copy it again.") from error
    voxels = sitk.GetArrayViewFromImage(image)
    scalar_type = voxels.dtype
    geometry = spatial_geometry(image)
    if image.GetNumberOfComponentsPerPixel() > 1:  # ITK takes a list axis, wherever it stands, for components
        voxels = np.moveaxis(voxels, -1, 0)
    array = np.array(voxels, np.float32, order="C")
    frames = array.shape[0] if array.ndim == 4 else 0
    frame_times, times_source = _frame_times(path, header, frames)
    interval = None
    if frame_times is None:
        interval, times_source = _interval(header)
    echo_time, echo_source = _echo_time(header)
    sources = {"times": times_source, "echo_time": echo_source}
    sources["geometry"] = header.get(f"{_PREFIX}Source.geometry", "NRRD header" if "space" in header else MISSING)
    return StoredImage(array, geometry, scalar_type, frame_times, interval, 0.0, echo_time, sources)


def write_nrrd(
    array: np.ndarray,
    geometry: Geometry,
    path: Path,
    *,
    times: np.ndarray | None = None,
    attributes: dict[str, str] | None = None,
) -> None:
    """Write ``array[z, y, x]`` or the frames of ``array[t, z, y, x]`` in their own type, atomically.

    ``times`` in s, or None when they are unknown: the frames then have numbers only. ``attributes`` become key/value
    pairs under our prefix, which Slicer keeps as attributes of the sequence node. Raises ``FileError``.
    """
    lines = _header_lines(array, geometry)
    if array.ndim == 4:
        lines += _sequence_lines(len(array), times)
    lines += [f"{_PREFIX}{key}:={' '.join(value.split())}" for key, value in (attributes or {}).items()]
    with atomic_file(path) as partial, open(partial, "wb") as file:
        file.write("\n".join([*lines, "", ""]).encode())
        for volume in array:
            file.write(volume.tobytes())
            release(volume)


def _read_header(path: Path) -> dict[str, str]:
    """The fields (``name: value``) and key/value pairs (``key:=value``) of the text header."""
    header: dict[str, str] = {}
    try:
        with open(path, "rb") as file:
            if not file.read(8).startswith(b"NRRD000"):
                raise FileError(f"{path} is not a NRRD file: give it the right extension.")
            file.readline()
            for raw in file:
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                if not line:
                    break
                pair = line.partition(":=")
                name, separator, value = pair if pair[1] and ": " not in pair[0] else line.partition(": ")
                if separator and not line.startswith("#"):
                    header[name] = value.strip()
    except OSError as error:
        raise FileError(f"Cannot read {path}: {os_error_text(error)}.") from error
    return header


def _axis_values(header: dict[str, str], name: str) -> list[str]:
    try:
        return shlex.split(header.get(name, ""))
    except ValueError:
        return []


def _frame_axis(header: dict[str, str]) -> int | None:
    """The one axis that is not of space, or the last of four when nothing tells."""
    if header.get("dimension", "").strip() != "4":
        return None
    kinds = header.get("kinds", "").split()
    return next((axis for axis, kind in enumerate(kinds) if kind not in ("domain", "space")), 3)


def _axis_value(values: list[str], axis: int | None) -> str:
    return values[axis].lower() if axis is not None and axis < len(values) else ""


def _frame_times(path: Path, header: dict[str, str], frames: int) -> tuple[np.ndarray | None, str]:
    labels = _numbers(header.get("MultiVolume.FrameLabels", "").split(","))
    tag = header.get("MultiVolume.FrameIdentifyingDICOMTagName", "")
    unit = header.get("MultiVolume.FrameIdentifyingDICOMTagUnits", "")
    if labels is not None and len(labels) == frames and tag in _TIME_TAGS and unit in _UNITS_PER_SECOND:
        return (labels - labels[0]) / _UNITS_PER_SECOND[unit], f"MultiVolume.FrameLabels, {tag} in {unit}"
    index = next((header[key] for key in (f"axis {n} index values" for n in (3, 0)) if key in header), "")
    values = _numbers([unquote(value) for value in index.split()])
    unit = _axis_value(_axis_values(header, "units"), _frame_axis(header))
    if values is None or unit not in _UNITS_PER_SECOND:
        return None, MISSING
    if len(values) != frames:
        raise FileError(f"{path} has {frames} frames but {len(values)} index values: write it again from Slicer.")
    return values / _UNITS_PER_SECOND[unit], header.get(f"{_PREFIX}Source.times", f"sequence index in {unit}")


def _numbers(words: list[str]) -> np.ndarray | None:
    try:
        return np.array([float(word) for word in words]) if words else None
    except ValueError:
        return None


def _interval(header: dict[str, str]) -> tuple[float | None, str]:
    axis = _frame_axis(header)
    unit = _axis_value(_axis_values(header, "units"), axis)
    spacing = _numbers([_axis_value(header.get("spacings", "").split(), axis)])
    if spacing is None or unit not in _UNITS_PER_SECOND or not spacing[0] > 0:
        return None, MISSING
    return spacing[0] / _UNITS_PER_SECOND[unit], f"NRRD spacing in {unit}"


def _echo_time(header: dict[str, str]) -> tuple[float | None, str]:
    own_value = _numbers([header.get(f"{_PREFIX}EchoTime", "")])
    if own_value is not None:
        return float(own_value[0]), header.get(f"{_PREFIX}Source.echo_time", "NRRD header")
    imported = _numbers([header.get("MultiVolume.DICOM.EchoTime", "")])
    if imported is not None:
        return float(imported[0]) / 1000, "MultiVolume.DICOM.EchoTime in ms"
    return None, MISSING


def _header_lines(array: np.ndarray, geometry: Geometry) -> list[str]:
    axes = (np.asarray(geometry.direction) * np.asarray(geometry.spacing)).T
    vectors = [f"({','.join(map(repr, axis.tolist()))})" for axis in axes]
    frames = array.ndim == 4
    return [
        "NRRD0004",
        f"type: {_TYPES[array.dtype.str[1:]]}",
        f"dimension: {array.ndim}",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, array.shape[::-1]))}",
        f"space directions: {' '.join(vectors)}{' none' * frames}",
        f"kinds: domain domain domain{' list' * frames}",
        f"endian: {'little' if array.dtype.newbyteorder('<') == array.dtype else 'big'}",
        "encoding: raw",
        f"space origin: ({','.join(map(repr, geometry.origin))})",
    ]


def _sequence_lines(frames: int, times: np.ndarray | None) -> list[str]:
    known = times is not None
    values = times.tolist() if known else range(frames)
    return [
        f'labels: "" "" "" "{"time" if known else "frame"}"',
        f'units: "" "" "" "{"s" if known else ""}"',
        "DataNodeClassName:=vtkMRMLScalarVolumeNode",
        "axis 3 index type:=numeric",
        f"axis 3 index values:={' '.join(map(repr, values))}",
    ]
