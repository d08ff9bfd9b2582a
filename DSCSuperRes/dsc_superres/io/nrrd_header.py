"""The text header of a NRRD file, read and checked line by line before any library of others sees the file.

ITK crashes on some long lines and reads voxels from whatever file the header names. Only fields of the format that a
series or a volume in one file needs are let through, each in the form that the format gives it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from dsc_superres.errors import FileError, os_error_text
from dsc_superres.io.image_file import BEST_COMPRESSION

LONGEST_FIELD = 1000
"""Characters of a field's line; ITK has room for 1024 in its messages."""
LONGEST_KEY = 250
LONGEST_LINE = 2_000_000
"""Bytes of a key/value pair, such as the times of all frames, or of a comment."""
LONGEST_HEADER = 16_000_000
MOST_AXES = 5
FARTHEST = 1e7
"""Largest size or position in mm that is taken for one."""
_TYPE_NAMES = {
    1: "signed char|int8|int8_t|uchar|unsigned char|uint8|uint8_t",
    2: "short|short int|signed short|signed short int|int16|int16_t|ushort|unsigned short|unsigned short int"
    "|uint16|uint16_t",
    4: "int|signed int|int32|int32_t|uint|unsigned int|uint32|uint32_t|float",
    8: "longlong|long long|long long int|signed long long|signed long long int|int64|int64_t|ulonglong"
    "|unsigned long long|unsigned long long int|uint64|uint64_t|double",
}
TYPE_SIZES = {name: size for size, names in _TYPE_NAMES.items() for name in names.split("|")}
"""Bytes of a voxel by the name of its type."""
ENCODINGS = {"raw": 1.0, "gzip": BEST_COMPRESSION, "gz": BEST_COMPRESSION, "hex": 0.5} | dict.fromkeys(
    ("txt", "text", "ascii"), 4.0
)
"""Bytes of voxels that one byte of the file can stand for at most; a number as text has a digit and a separator."""
SPACES = {
    "right-anterior-superior|ras|left-anterior-superior|las|left-posterior-superior|lps|scanner-xyz"
    "|3d-right-handed|3d-left-handed": 3,
    "right-anterior-superior-time|rast|left-anterior-superior-time|last|left-posterior-superior-time|lpst"
    "|scanner-xyz-time|3d-right-handed-time|3d-left-handed-time": 4,
}
_KIND_NAMES = (
    "domain|space|time|list|point|vector|covariant-vector|normal|stub|scalar|complex|2-vector|3-color|rgb-color"
    "|hsv-color|xyz-color|4-color|rgba-color|3-vector|3-gradient|3-normal|4-vector|quaternion|2d-symmetric-matrix"
    "|2d-masked-symmetric-matrix|2d-matrix|2d-masked-matrix|3d-symmetric-matrix|3d-masked-symmetric-matrix|3d-matrix"
    "|3d-masked-matrix|???|none"
)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass
class Header:
    """Fields (``name: value``) by their names in lower case and key/value pairs (``key:=value``) of a NRRD file."""

    fields: dict[str, str] = field(default_factory=dict)
    pairs: dict[str, str] = field(default_factory=dict)
    length: int = 0
    """Bytes before the voxels."""

    @property
    def axes(self) -> int:
        """Number of axes."""
        return int(self.fields["dimension"])

    @property
    def sizes(self) -> list[int]:
        """Length of every axis, the fastest first."""
        return [int(word) for word in self.fields["sizes"].split()]

    @property
    def space_axes(self) -> int:
        """Number of axes of the space that directions and origin are in; 0 without a space."""
        if "space dimension" in self.fields:
            return int(self.fields["space dimension"])
        space = self.fields.get("space", "").lower()
        return next((axes for names, axes in SPACES.items() if space in names.split("|")), 0)


def read_header(path: Path) -> Header:
    """Read and check the header of a NRRD file. Raises ``FileError`` that names the first line that is not right."""
    try:
        with open(path, "rb") as file:
            magic = file.readline(16)
            if not re.fullmatch(rb"NRRD000[1-6]\s*", magic):
                raise FileError(f"{path} is not a NRRD file: give it the right extension.")
            header = _parse(path, file, len(magic))
    except OSError as error:
        raise FileError(f"Cannot read {path}: {os_error_text(error)}.") from error
    for name in ("type", "dimension", "sizes", "encoding"):
        if name not in header.fields:
            raise FileError(f'The header of {path} is damaged: it has no field "{name}"; write it again from Slicer.')
    for name in sorted(header.fields, key=lambda name: name not in ("dimension", "space", "space dimension")):
        if not _FORMS[name](header, header.fields[name]):
            shown = header.fields[name]
            shown = shown if len(shown) < 60 else f"{shown[:60]}..."
            raise FileError(
                f'The header of {path} is damaged: the field "{name}" cannot be "{shown}"; write it again from Slicer.'
            )
    _check_length(path, header)
    return header


def _parse(path: Path, file: BinaryIO, begin: int) -> Header:
    header = Header(length=begin)
    while raw := file.readline(LONGEST_LINE):
        header.length += len(raw)
        if not raw.endswith(b"\n") or header.length > LONGEST_HEADER:
            break
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if not line:
            return header
        if not line.startswith("#"):
            _add(path, header, line)
    raise FileError(f"{path} is cut short or damaged: its header does not end; copy it again from where it came.")


def _add(path: Path, header: Header, line: str) -> None:
    """Add one line to the header."""
    key, is_pair, value = line.partition(":=")
    if is_pair and ": " not in key:
        if len(key) > LONGEST_KEY:
            raise _bad_line(path, line, f"its key is longer than {LONGEST_KEY} characters")
        header.pairs[key] = value.strip()
        return
    written, is_field, value = line.partition(": ")
    name = _NAMES.get(written.lower().replace(" ", ""))
    if name == "data file":
        raise FileError(f"{path} keeps its voxels in another file (data file), which is not read: save it as one file.")
    if not is_field or name is None:
        raise _bad_line(path, line, "it is no field of the format")
    if name in header.fields:
        raise _bad_line(path, line, "the field is there twice")
    if len(line) > LONGEST_FIELD or not line.replace("\t", " ").isprintable():
        raise _bad_line(path, line, f"it is longer than {LONGEST_FIELD} characters or holds others than text")
    header.fields[name] = value.strip()


def _bad_line(path: Path, line: str, reason: str) -> FileError:
    shown = "".join(letter if letter.isprintable() else "?" for letter in line[:40])
    return FileError(
        f'The header of {path} is damaged at the line "{shown}{"..." * (len(line) > 40)}": {reason}; '
        "write it again from Slicer."
    )


def _check_length(path: Path, header: Header) -> None:
    """Raise ``FileError`` where the file is too short for its header, before memory is taken for the voxels."""
    needed = math.prod(header.sizes) * TYPE_SIZES[header.fields["type"].lower()]
    present = path.stat().st_size - header.length - max(0, int(header.fields.get("byte skip", "0")))
    if present * ENCODINGS[header.fields["encoding"].lower()] < needed:
        raise FileError(
            f"{path} is cut short or damaged: its header (sizes, type) needs {needed:,} bytes of voxels; "
            "copy it again from where it came."
        )


def _is_number(word: str, least: float = -math.inf, most: float = math.inf) -> bool:
    try:
        return least <= float(word) <= most
    except ValueError:
        return False


def _is_whole(word: str, least: int, most: int = 2**40) -> bool:
    return re.fullmatch(r"-?[0-9]{1,13}", word) is not None and least <= int(word) <= most


def _is_vector(header: Header, word: str) -> bool:
    parts = re.fullmatch(r"\(([^()]*)\)", word)
    numbers = parts[1].split(",") if parts else []
    return len(numbers) == header.space_axes > 0 and all(_is_number(n, -FARTHEST, FARTHEST) for n in numbers)


def _vectors(value: str) -> list[str]:
    return re.findall(r"\([^()]*\)|[^\s()]+|[()]", value)


def _per_axis(is_right: Callable[[str], bool]) -> Callable[[Header, str], bool]:
    return lambda header, value: len(value.split()) == header.axes and all(map(is_right, value.split()))


def _quoted(header: Header, value: str) -> bool:
    return len(_QUOTED.findall(value)) == header.axes and not _QUOTED.sub("", value).strip()


def _number(header: Header, value: str) -> bool:
    return _is_number(value) or value.lower() == "nan"


def _any_text(header: Header, value: str) -> bool:
    return True


_FORMS: dict[str, Callable[[Header, str], bool]] = {
    "dimension": lambda header, value: _is_whole(value, 1, MOST_AXES),
    "type": lambda header, value: value.lower() in TYPE_SIZES,
    "sizes": _per_axis(lambda word: _is_whole(word, 1)),
    "encoding": lambda header, value: value.lower() in ENCODINGS,
    "endian": lambda header, value: value.lower() in ("little", "big"),
    "space": lambda header, value: any(value.lower() in names.split("|") for names in SPACES),
    "space dimension": lambda header, value: _is_whole(value, 1, MOST_AXES),
    "space origin": lambda header, value: _is_vector(header, "".join(value.split())),
    "space directions": lambda header, value: (
        len(_vectors(value)) == header.axes
        and all(word.lower() == "none" or _is_vector(header, word) for word in _vectors(value))
    ),
    "measurement frame": lambda header, value: (
        len(_vectors(value)) == header.space_axes and all(_is_vector(header, word) for word in _vectors(value))
    ),
    "space units": lambda header, value: not _QUOTED.sub("", value).strip(),
    "kinds": _per_axis(lambda word: word.lower() in _KIND_NAMES.split("|")),
    "centers": _per_axis(lambda word: word.lower() in ("cell", "node", "none", "???")),
    "spacings": _per_axis(lambda word: word.lower() == "nan" or _is_number(word, -FARTHEST, FARTHEST)),
    "thicknesses": _per_axis(lambda word: word.lower() == "nan" or _is_number(word, -FARTHEST, FARTHEST)),
    "axis mins": _per_axis(lambda word: word.lower() == "nan" or _is_number(word)),
    "axis maxs": _per_axis(lambda word: word.lower() == "nan" or _is_number(word)),
    "labels": _quoted,
    "units": _quoted,
    "line skip": lambda header, value: _is_whole(value, 0, 1000),
    "byte skip": lambda header, value: _is_whole(value, -1),
    "number": _number,
    "min": _number,
    "max": _number,
    "old min": _number,
    "old max": _number,
    "content": _any_text,
    "sample units": _any_text,
}
"""Whether the value of a field has the form that the format asks for; axes and space must have been checked before."""
_NAMES = {name.replace(" ", ""): name for name in (*_FORMS, "data file")} | {"centerings": "centers"}
