"""NRRD files: volumes, and the four-dimensional files (``.seq.nrrd``) in which Slicer stores a volume sequence.

SimpleITK reads voxels and geometry once ``nrrd_header`` has found the text header to be in order. The rest comes from
there: depending on its version SimpleITK drops units and kinds. Files are written in the layout of Slicer's
``vtkMRMLVolumeSequenceStorageNode``: LPS space, axes x y z followed by a ``list`` axis, frame times in
``axis 3 index values``.

Frame times come from the first of: ``MultiVolume.FrameLabels`` (written by Slicer's DICOM importer, whose index values
are only frame numbers), index values with a unit of time, and the spacing of a time axis with such a unit.
"""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import SimpleITK as sitk

from dsc_superres.errors import FileError
from dsc_superres.geometry import Geometry
from dsc_superres.io.frame_timing import PLAUSIBLE_INTERVAL
from dsc_superres.io.image_file import StoredImage, check_memory, quiet_itk, spatial_geometry, without_name
from dsc_superres.io.nrrd_header import Header, read_header
from dsc_superres.io.recorded_provenance import parse_header_record
from dsc_superres.series import MISSING
from dsc_superres.utils.atomic_writing import atomic_file
from dsc_superres.utils.memory_limits import IN_MEMORY_LIMIT
from dsc_superres.utils.scratch_memory import release, scratch
from dsc_superres.version import SOFTWARE

_PREFIX = "DSCSuperRes."
"""Prefix of the key/value pairs that this package writes."""
_PROVENANCE = f"{_PREFIX}Provenance."
"""Prefix of those that hold the provenance of the series."""
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
"""Number of units in one second. Dividing by it keeps 1500 ms at exactly 1.5 s."""
_TIME_TAGS = {"Time", "TriggerTime", "AcquisitionTime", "SeriesTime", "ContentTime", "DeltaStartTime"}
"""MultiVolume frame labels that are times; others (EchoTime, FlipAngle, ...) merely distinguish frames."""
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
"""NRRD names of the voxel types that are written."""
_STORED = {name: np.dtype(f"<{code}") for code, name in _TYPES.items()}


def read_nrrd(path: Path) -> StoredImage:
    """Read voxels, geometry, frame times and echo time of a NRRD file. Raises ``FileError``."""
    header = read_header(path)
    kinds = header.fields.get("kinds", "").split()
    if any(kind.lower().startswith(("rgb", "hsv", "xyz", "complex", "quaternion")) or "-" in kind for kind in kinds):
        raise FileError(f"{path} holds colors or vectors: a perfusion series has one real number per voxel.")
    is_large = _is_large(path, header)
    if not is_large:
        check_memory(path, math.prod(header.sizes))
    array, scalar_type, geometry = _read_large(path, header) if is_large else _read_with_itk(path)
    frames = array.shape[0] if array.ndim == 4 else 0
    frame_times, times_source = _frame_times(path, header, frames)
    interval = None
    if frame_times is None:
        interval, times_source = _interval(header)
    echo_time, echo_source = _echo_time(header)
    sources = {"times": times_source, "echo_time": echo_source}
    sources["geometry"] = header.pairs.get(
        f"{_PREFIX}Source.geometry", "NRRD header" if "space" in header.fields else MISSING
    )
    slice_times = _numbers(header.pairs.get(f"{_PREFIX}SliceTiming", "").split())
    record = {key.removeprefix(_PROVENANCE): text for key, text in header.pairs.items() if key.startswith(_PROVENANCE)}
    provenance, notes = parse_header_record(record)
    return StoredImage(
        array,
        geometry,
        scalar_type,
        frame_times,
        interval,
        0.0,
        echo_time,
        {value: without_name(source) for value, source in sources.items()},
        slice_times,
        notes,
        provenance,
    )


def _read_with_itk(path: Path) -> tuple[np.ndarray, np.dtype, Geometry]:
    """Return the voxels of any NRRD file, their stored type, and the geometry."""
    try:
        with quiet_itk():
            image = sitk.ReadImage(str(path), imageIO="NrrdImageIO")
    except RuntimeError as error:
        raise _unreadable(path) from error
    voxels = sitk.GetArrayViewFromImage(image)
    if image.GetNumberOfComponentsPerPixel() > 1:  # ITK reads a list axis in any position as components
        voxels = np.moveaxis(voxels, -1, 0)
    return np.array(voxels, np.float32, order="C"), voxels.dtype, spatial_geometry(image)


def _is_large(path: Path, header: Header) -> bool:
    """Whether a file is large and laid out as Slicer and this package write sequences without compression."""
    fields, kind = header.fields, _STORED.get(header.fields["type"])
    if 4 * math.prod(header.sizes) <= IN_MEMORY_LIMIT or kind is None or fields["encoding"] != "raw":
        return False
    if header.axes != 4 or _frame_axis(header) != 3 or (kind.itemsize > 1 and fields.get("endian") != "little"):
        return False
    return path.stat().st_size == header.length + math.prod(header.sizes) * kind.itemsize


def _read_large(path: Path, header: Header) -> tuple[np.ndarray, np.dtype, Geometry]:
    """As ``_read_with_itk``, with one frame in memory at a time."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO("NrrdImageIO")
    kind = _STORED[header.fields["type"]]
    try:
        with quiet_itk():
            reader.ReadImageInformation()
    except RuntimeError as error:
        raise _unreadable(path) from error
    array = scratch(tuple(header.sizes[::-1]))
    with open(path, "rb") as file:
        file.seek(header.length)
        for frame in array:
            frame[:] = np.fromfile(file, kind, frame.size).reshape(frame.shape)
            release(array)
    return array, kind.newbyteorder("="), spatial_geometry(reader)


def _unreadable(path: Path) -> FileError:
    return FileError(f"{path} is cut short, damaged, or not a NRRD that ITK reads: copy it again.")


def write_nrrd(
    array: np.ndarray,
    geometry: Geometry,
    path: Path,
    *,
    times: np.ndarray | None = None,
    attributes: dict[str, str] | None = None,
) -> None:
    """Write ``array`` [z, y, x], or the frames of ``array`` [t, z, y, x], in its own type, atomically.

    ``times`` are in s; without them the frames are numbered. ``attributes`` become key/value pairs with this package's
    prefix, which Slicer keeps as attributes of the sequence node. Raises ``FileError``.
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


def _axis_values(header: Header, name: str) -> list[str]:
    """Return the values of a per-axis field."""
    try:
        return shlex.split(header.fields.get(name, ""))
    except ValueError:
        return []


def _frame_axis(header: Header) -> int | None:
    """Return the non-spatial axis, the last of four if the kinds do not say; None unless there are four axes."""
    if header.fields.get("dimension", "").strip() != "4":
        return None
    kinds = header.fields.get("kinds", "").split()
    return next((axis for axis, kind in enumerate(kinds) if kind not in ("domain", "space")), 3)


def _axis_value(values: list[str], axis: int | None) -> str:
    """Return the value of one axis in lower case, "" if it is missing."""
    return values[axis].lower() if axis is not None and axis < len(values) else ""


def _frame_times(path: Path, header: Header, frames: int) -> tuple[np.ndarray | None, str]:
    """Return the time of each frame (s or None) and its source; see the module's docstring."""
    labels = _numbers(header.pairs.get("MultiVolume.FrameLabels", "").split(","))
    tag = header.pairs.get("MultiVolume.FrameIdentifyingDICOMTagName", "")
    unit = header.pairs.get("MultiVolume.FrameIdentifyingDICOMTagUnits", "")
    if labels is not None and len(labels) == frames and tag in _TIME_TAGS and unit in _UNITS_PER_SECOND:
        return (labels - labels[0]) / _UNITS_PER_SECOND[unit], f"MultiVolume.FrameLabels, {tag} in {unit}"
    index = next((header.pairs[key] for key in (f"axis {n} index values" for n in (3, 0)) if key in header.pairs), "")
    values = _numbers([unquote(value) for value in index.split()])
    unit = _axis_value(_axis_values(header, "units"), _frame_axis(header))
    if values is None or unit not in _UNITS_PER_SECOND:
        return None, MISSING
    if len(values) != frames:
        raise FileError(f"{path} has {frames} frames but {len(values)} index values: write it again from Slicer.")
    return values / _UNITS_PER_SECOND[unit], header.pairs.get(f"{_PREFIX}Source.times", f"sequence index in {unit}")


def _numbers(words: list[str]) -> np.ndarray | None:
    """Return words as numbers; None if there are none or one is not a number."""
    try:
        return np.array([float(word) for word in words]) if words else None
    except ValueError:
        return None


def _interval(header: Header) -> tuple[float | None, str]:
    """Return the spacing of a time axis (s or None) and its source; else the repetition time of a MultiVolume."""
    axis = _frame_axis(header)
    unit = _axis_value(_axis_values(header, "units"), axis)
    spacing = _numbers([_axis_value(header.fields.get("spacings", "").split(), axis)])
    if spacing is not None and unit in _UNITS_PER_SECOND and spacing[0] > 0:
        return spacing[0] / _UNITS_PER_SECOND[unit], f"NRRD spacing in {unit}"
    repetition = _numbers([header.pairs.get("MultiVolume.DICOM.RepetitionTime", "")])
    if repetition is not None and PLAUSIBLE_INTERVAL[0] <= repetition[0] / 1000 <= PLAUSIBLE_INTERVAL[1]:
        return repetition[0] / 1000, "MultiVolume.DICOM.RepetitionTime in ms: check that frames follow at that pace"
    return None, MISSING


def _echo_time(header: Header) -> tuple[float | None, str]:
    """Return the echo time (s or None) and its source."""
    own_value = _numbers([header.pairs.get(f"{_PREFIX}EchoTime", "")])
    if own_value is not None:
        return float(own_value[0]), header.pairs.get(f"{_PREFIX}Source.echo_time", "NRRD header")
    imported = _numbers([header.pairs.get("MultiVolume.DICOM.EchoTime", "")])
    if imported is not None:
        return float(imported[0]) / 1000, "MultiVolume.DICOM.EchoTime in ms"
    return None, MISSING


def _header_lines(array: np.ndarray, geometry: Geometry) -> list[str]:
    """Return the lines of the text header for an array."""
    axes = (np.asarray(geometry.direction) * np.asarray(geometry.spacing)).T
    vectors = [f"({','.join(map(repr, axis.tolist()))})" for axis in axes]
    frames = array.ndim == 4
    return [
        "NRRD0004",
        f"# {SOFTWARE}",
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
    """Return the header lines of a sequence: labels, units and index values of the frames."""
    known = times is not None
    values = times.tolist() if known else range(frames)
    return [
        f'labels: "" "" "" "{"time" if known else "frame"}"',
        f'units: "" "" "" "{"s" if known else ""}"',
        "DataNodeClassName:=vtkMRMLScalarVolumeNode",
        "axis 3 index type:=numeric",
        f"axis 3 index values:={' '.join(map(repr, values))}",
    ]
