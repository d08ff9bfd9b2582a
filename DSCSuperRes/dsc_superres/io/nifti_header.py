"""Checks of a NIfTI-1 header before any library of others sees the file.

ITK does not end on an orientation that is not finite, takes the other orientation where one is not a number, and reads
voxels from wherever ``vox_offset`` points to.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

from dsc_superres.errors import FileError
from dsc_superres.io.image_file import check_length

FIRST_VOXEL = 352
"""Least ``vox_offset`` of a header and voxels in one file: 348 bytes, and 4 that announce extensions."""
LAST_WHOLE = 2**24
"""Greatest ``vox_offset``: float32, which it is, does not hold every whole number beyond."""
FARTHEST = 1e7
"""Largest size or position, in the file's unit of length, that is taken for one."""
UNIT_QUATERNION = 1.01
"""Greatest square of the norm of the quaternion's stored part, which is at most 1 before rounding."""
_HEADERS = 540
"""Bytes of the longer header, that of NIfTI-2."""
_GEOMETRY = {
    "qform_code": {"pixdim[0]": 76, "quatern_b": 256, "quatern_c": 260, "quatern_d": 264}
    | {"qoffset_x": 268, "qoffset_y": 272, "qoffset_z": 276},
    "sform_code": {
        f"srow_{row}[{column}]": 280 + 16 * "xyz".index(row) + 4 * column for row in "xyz" for column in range(4)
    },
}
"""Numbers of either orientation with their places, by the field that says whether it counts."""


def check_header(path: Path, raw: bytes, byte_order: str, sizes: tuple[int, ...], item_bits: int) -> int:
    """Return the offset of the voxels in bytes; ``sizes`` and ``item_bits`` are those of the voxels.

    Raises ``FileError`` that names the first field that cannot be right.
    """

    def value(layout: str, place: int) -> float:
        return struct.unpack_from(byte_order + layout, raw, place)[0]

    bits = value("h", 72)
    if bits != item_bits:
        raise _wrong(path, "bitpix", bits, f"{item_bits}, the size of its data type")
    offset = value("f", 108)
    if not FIRST_VOXEL <= offset <= LAST_WHOLE or offset % 1:
        raise _wrong(path, "vox_offset", offset, f"a whole number from {FIRST_VOXEL} to {LAST_WHOLE}")
    places = {f"pixdim[{axis}]": 76 + 4 * axis for axis in range(1, min(len(sizes), 3) + 1)}
    for code, place in (("qform_code", 252), ("sform_code", 254)):
        places |= _GEOMETRY[code] if value("h", place) > 0 else {}
    for name, place in places.items():
        if not abs(value("f", place)) <= FARTHEST:
            raise _wrong(path, name, value("f", place), f"a number up to {FARTHEST:.0e}")
    if value("h", 252) > 0 and sum(value("f", place) ** 2 for place in (256, 260, 264)) > UNIT_QUATERNION:
        raise _wrong(path, "quatern_b, _c, _d", "longer than a unit quaternion", "a rotation")
    _check_scaling(path, value("f", 112), value("f", 116))
    check_length(path, int(offset) + math.prod(sizes) * item_bits // 8, "its header (dim, datatype, vox_offset)")
    return int(offset)


def is_single_volume(path: Path) -> bool:
    """Whether the sizes in the header of a NIfTI file are those of one volume; False where they cannot be read."""
    if not path.is_file():
        return False
    try:
        with open(path, "rb") as file:
            raw = file.read(2)
            file.seek(0)
            raw = gzip.GzipFile(fileobj=file).read(_HEADERS) if raw == b"\x1f\x8b" else file.read(_HEADERS)
        order = "<" if raw[:4] in (struct.pack("<i", 348), struct.pack("<i", 540)) else ">"
        layout, place = ("8h", 40) if struct.unpack_from(f"{order}i", raw)[0] == 348 else ("8q", 16)
        axes, *sizes = struct.unpack_from(order + layout, raw, place)
    except (OSError, EOFError, zlib.error, struct.error):
        return False
    return 1 <= axes <= 7 and all(size == 1 for size in sizes[3:axes])


def _check_scaling(path: Path, slope: float, intercept: float) -> None:
    """NaN, like 0, is how some software says that voxels are not scaled."""
    if math.isinf(slope):
        raise _wrong(path, "scl_slope", slope, "a finite number")
    if slope and math.isfinite(slope) and not math.isfinite(intercept):
        raise _wrong(path, "scl_inter", intercept, "a finite number")


def _wrong(path: Path, name: str, value: object, wanted: str) -> FileError:
    return FileError(f"The header of {path} is damaged: {name} is {value}, not {wanted}; convert the image again.")
