"""NIfTI-1 files with three or four dimensions, plain or gzipped.

SimpleITK converts the header's qform and sform (RAS) to the geometry (LPS) and back. The voxels are read and written
here, frame by frame: ITK notices neither a truncated file nor a full disk, and no second copy is needed.

The frame interval is ``pixdim[4]`` in the unit of ``xyzt_units`` (s, ms, us), and the first frame is at ``toffset``.
Without a unit, 0 and 1 are placeholders of software that does not know the interval: the times are unknown. Other
values without a unit are taken as seconds up to 60 and as milliseconds from 100 to 60,000; the rest is ignored.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import SimpleITK as sitk

from dsc_superres.errors import FileError, os_error_text
from dsc_superres.geometry import Geometry
from dsc_superres.io.image_file import StoredImage, check_memory, quiet_itk, spatial_geometry, suffix_of
from dsc_superres.io.nifti_header import check_header
from dsc_superres.series import MISSING
from dsc_superres.utils.atomic_writing import atomic_file, temporary_folder
from dsc_superres.utils.scratch_memory import release, scratch
from dsc_superres.version import SOFTWARE

_HEADER_SIZE = 348
_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
"""NumPy types by NIfTI datatype code."""
_TIME_UNITS = {8: (1.0, "s"), 16: (1e-3, "ms"), 24: (1e-6, "us")}
"""Size in s and name of the units in ``xyzt_units``."""


_SAME_PLACE = 0.5
"""mm by which two statements of where an image lies may differ."""


@dataclass(frozen=True)
class _Header:
    """The fields of a NIfTI-1 header that are used."""

    shape: tuple[int, ...]  # [..., z, y, x]
    dtype: np.dtype
    offset: int
    spacing: tuple[float, ...]  # x, y, z in the file's unit of length
    slope: float
    intercept: float
    interval: float
    start: float
    time_unit: int
    sform: np.ndarray | None
    has_orientation: bool

    @property
    def is_scaled(self) -> bool:
        """Whether slope and intercept change the stored values."""
        stated = math.isfinite(self.slope) and math.isfinite(self.intercept) and self.slope != 0
        return stated and (self.slope, self.intercept) != (1.0, 0.0)


def read_nifti(path: Path) -> StoredImage:
    """Read voxels, geometry and frame interval of a NIfTI-1 file. Raises ``FileError``."""
    try:
        with _open_decompressed(path) as file:
            header = _parse_header(path, file.read(_HEADER_SIZE))
            _check_axes(path, header)
            file.seek(header.offset)
            array = _voxels(path, file, header)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileError(f"{path} is cut short or damaged: copy it again from where it came.") from error
    except OSError as error:
        raise FileError(f"Cannot read {path}: {os_error_text(error)}.") from error
    interval, times_source = _interval(header)
    geometry = _geometry(path)
    return StoredImage(
        array=array,
        geometry=geometry,
        notes=_orientation_notes(header, geometry),
        scalar_type=np.dtype(np.float32) if header.is_scaled else header.dtype.newbyteorder("="),
        interval=interval,
        start=header.start * interval / header.interval if interval and math.isfinite(header.start) else 0.0,
        sources={"times": times_source, "geometry": "NIfTI header" if header.has_orientation else MISSING},
    )


def write_nifti(
    array: np.ndarray, geometry: Geometry, path: Path, *, interval: float = 0.0, start: float = 0.0
) -> None:
    """Write ``array`` [t, z, y, x] or [z, y, x] in its own type, atomically.

    ``interval`` and ``start`` are in s; an interval of 0 marks the times as unknown. Raises ``FileError``.
    """
    header = _header_bytes(array, geometry, interval, start)
    with atomic_file(path) as partial, open(partial, "wb") as raw:
        if suffix_of(path) == ".nii.gz":
            with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=1, mtime=0) as file:
                _write_volumes(array, header, file)
        else:
            _write_volumes(array, header, raw)


@contextmanager
def _open_decompressed(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, decompressed if it is gzipped, which its name has to say: ITK would not look."""
    with open(path, "rb") as raw:
        is_gzipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not is_gzipped:
            yield raw
            return
        if path.suffix.lower() != ".gz":
            raise FileError(f"{path} is compressed, but its name does not say so: rename it to {path.name}.gz.")
        with gzip.GzipFile(fileobj=raw) as file:
            yield file


def _parse_header(path: Path, raw: bytes) -> _Header:
    byte_order = "<" if raw[:4] == struct.pack("<i", _HEADER_SIZE) else ">"
    if len(raw) < _HEADER_SIZE or raw[:4] != struct.pack(f"{byte_order}i", _HEADER_SIZE) or raw[344:347] != b"n+1":
        raise FileError(f"{path} is not a NIfTI-1 image in one file: convert it, or give it the right extension.")

    def unpack(layout: str, position: int) -> tuple:
        return struct.unpack_from(byte_order + layout, raw, position)

    dim = unpack("8h", 40)
    sizes, frame_axis = _without_single(dim[1 : 1 + dim[0]] if 1 <= dim[0] <= 7 else ())
    type_code = _TYPES.get(unpack("h", 70)[0])
    if not sizes or min(sizes) < 1:
        raise FileError(f"{path} states an impossible size, {dim}: the file is damaged.")
    if type_code is None:
        raise FileError(f"{path} holds complex or color voxels: a perfusion series has one real number per voxel.")
    offset = check_header(path, raw, byte_order, sizes, 8 * np.dtype(type_code).itemsize)
    slope, intercept = unpack("2f", 112)
    qform_code, sform_code = unpack("2h", 252)
    return _Header(
        shape=tuple(sizes[::-1]),
        dtype=np.dtype(byte_order + type_code),
        offset=offset,
        spacing=unpack("3f", 80),
        slope=slope,
        intercept=intercept,
        interval=_stated_interval(unpack("7f", 80), frame_axis),
        start=_shortest_decimal(unpack("f", 136)[0]),
        time_unit=raw[123] & 0x38,
        sform=np.reshape(unpack("12f", 280), (3, 4)) if sform_code > 0 else None,
        has_orientation=qform_code > 0 or sform_code > 0,
    )


def _without_single(sizes: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """Return the sizes of an image of more than four axes without its single ones, and the axis of its frames.

    Such images are those with vectors: some software writes frames as the components of a vector.

    >>> _without_single((64, 64, 20, 1, 60))
    ((64, 64, 20, 60), 4)
    """
    long = [axis for axis in range(3, len(sizes)) if sizes[axis] > 1]
    if len(sizes) < 5 or len(long) > 1:
        return sizes, 3
    axis = long[0] if long else 3
    return (*sizes[:3], sizes[axis]), axis


def _stated_interval(pixdim: tuple[float, ...], axis: int) -> float:
    """Return the spacing along the axis of the frames; that of the time axis where it is a mere placeholder."""
    own = _shortest_decimal(pixdim[axis])
    return own if axis == 3 or own not in (0.0, 1.0) else _shortest_decimal(pixdim[3])


def _shortest_decimal(value: float) -> float:
    """Return the shortest decimal number that a float32 stands for: 1.4 instead of 1.3999999761581421."""
    return float(str(np.float32(value)))


def _interval(header: _Header) -> tuple[float | None, str]:
    """Return the frame interval (s or None) and its source; see the module's docstring."""
    value = header.interval
    if header.time_unit in _TIME_UNITS and 0 < value < math.inf:
        scale, unit = _TIME_UNITS[header.time_unit]
        return _to_seconds(value, scale), f"NIfTI header, {value:g} {unit}"
    if header.time_unit == 0 and 0 < value <= 60 and value != 1:
        return value, f"NIfTI header, {value:g} without a unit, taken as s"
    if header.time_unit == 0 and 100 <= value <= 60_000:
        return _to_seconds(value, 1e-3), f"NIfTI header, {value:g} without a unit, taken as ms"
    return None, MISSING


def _to_seconds(value: float, scale: float) -> float:
    """Divide by the number of units in a second: 1500 / 1000 is exactly 1.5, 1500 * 0.001 is not."""
    return value / round(1 / scale)


def _check_axes(path: Path, header: _Header) -> None:
    """Raise ``FileError`` for an sform that is not a rotation of the voxel size.

    ITK would silently use another orientation.
    """
    if header.sform is None:
        return
    lengths = np.linalg.norm(header.sform[:, :3], axis=0)
    if not np.allclose(lengths, header.spacing, rtol=1e-2):
        raise FileError(
            f"The header of {path} states two voxel sizes, {_size_text(header.spacing)} mm and "
            f"{_size_text(lengths)} mm (pixdim and sform): correct the wrong one."
        )
    axes = header.sform[:, :3] / np.where(lengths > 0, lengths, 1)
    if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-3):
        raise FileError(
            f"The axes of {path} are not at right angles to each other (its sform is sheared): "
            "resample it to an orthogonal grid first."
        )


def _orientation_notes(header: _Header, geometry: Geometry) -> tuple[str, ...]:
    """Return a sentence if the header states another place than the one that ITK and 3D Slicer take."""
    if header.sform is None or len(header.shape) < 3:
        return ()
    corners = np.array([[x, y, z, 1] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
    corners[:, :3] *= np.array(header.shape[::-1][:3]) - 1
    sform = np.vstack([header.sform, [0, 0, 0, 1]])
    apart = np.linalg.norm((corners @ (np.diag([-1, -1, 1, 1]) @ sform - geometry.affine).T)[:, :3], axis=1).max()
    if apart < _SAME_PLACE:
        return ()
    return (
        f"The header states two places of the image that lie up to {apart:.3g} mm apart: that of the qform is used, as "
        "in 3D Slicer, not that of the sform.",
    )


def _size_text(lengths: Iterable[float]) -> str:
    return " x ".join(f"{length:.4g}" for length in lengths)


def _geometry(path: Path) -> Geometry:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO("NiftiImageIO")
    try:
        with quiet_itk():
            reader.ReadImageInformation()
    except RuntimeError as error:
        raise FileError(f"The header of {path} does not make sense: its orientation cannot be read.") from error
    return spatial_geometry(reader)


def _voxels(path: Path, file: BinaryIO, header: _Header) -> np.ndarray:
    """Return the voxels as float32 array of ``header.shape``, read volume by volume."""
    check_memory(path, math.prod(header.shape))
    try:
        array = scratch(header.shape)
    except (MemoryError, ValueError) as error:
        raise FileError(f"{path} states a size of {header.shape[::-1]} voxels, more than memory holds.") from error
    volumes = array.reshape(-1, *header.shape[-3:])
    buffer = bytearray(volumes[0].size * header.dtype.itemsize)
    for volume in volumes:
        if file.readinto(buffer) < len(buffer):
            raise EOFError
        stored = np.frombuffer(buffer, header.dtype).reshape(volume.shape)
        if header.is_scaled:
            volume[...] = stored * np.float64(header.slope) + header.intercept
        else:
            volume[...] = stored
        release(volume)
    file.read(1)  # gzip verifies its checksum only when read past the end of the data
    return array


def _header_bytes(array: np.ndarray, geometry: Geometry, interval: float, start: float) -> bytes:
    """Return the 352 bytes before the voxels.

    They are the header of a one-voxel image written by SimpleITK, with the size and the times of ``array``.
    """
    template = sitk.GetImageFromArray(np.zeros((1, 1, 1), array.dtype))
    template.SetSpacing(geometry.spacing)
    template.SetOrigin(geometry.origin)
    template.SetDirection(np.ravel(geometry.direction).tolist())
    with temporary_folder() as folder, quiet_itk():
        sitk.WriteImage(template, f"{folder}/tiny.nii")
        header = bytearray(Path(folder, "tiny.nii").read_bytes()[:352])
    byte_order = "<" if header[:4] == struct.pack("<i", _HEADER_SIZE) else ">"
    sizes = array.shape[::-1]
    struct.pack_into(f"{byte_order}8h", header, 40, array.ndim, *sizes, *[1] * (7 - array.ndim))
    struct.pack_into(f"{byte_order}f", header, 92, interval)
    struct.pack_into(f"{byte_order}f", header, 136, start)
    header[123] = 2 | (8 if interval else 0)  # mm, s
    struct.pack_into("80s", header, 148, SOFTWARE.encode())  # descrip
    return bytes(header)


def _write_volumes(array: np.ndarray, header: bytes, file: BinaryIO) -> None:
    """Write header and voxels, one volume in memory at a time."""
    file.write(header)
    for volume in array:
        file.write(volume.tobytes())
        release(volume)
