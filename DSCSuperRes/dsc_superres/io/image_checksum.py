"""The checksum by which a sidecar knows its image: of the content, whether or not that is compressed."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

_CHUNK = 2**20


def image_checksum(path: Path) -> str:
    """Return the CRC-32 and the size of a file's content, as ``crc32:1c291ca3:12345``.

    A gzip file states both in its last 8 bytes (RFC 1952), which its reader verifies. Raises ``OSError``.
    """
    with open(path, "rb") as file:
        if not _is_gzipped(file):
            return _of_content(file)
        file.seek(-8, 2)
        return _text(*struct.unpack("<2I", file.read(8)))


def has_checksum(path: Path, checksum: str) -> bool:
    """Return whether the content of a file has this checksum. Raises ``OSError``."""
    if image_checksum(path) == checksum:
        return True
    with open(path, "rb") as file:
        if not _is_gzipped(file):
            return False
        with gzip.GzipFile(fileobj=file) as content:  # of several members, whose last one does not know the others
            try:
                return _of_content(content) == checksum
            except (EOFError, zlib.error):
                return False


def _is_gzipped(file: BinaryIO) -> bool:
    magic = file.read(2)
    size = file.seek(0, 2)
    file.seek(0)
    return magic == b"\x1f\x8b" and size >= 18


def _of_content(file: BinaryIO) -> str:
    crc = size = 0
    while chunk := file.read(_CHUNK):
        crc, size = zlib.crc32(chunk, crc), size + len(chunk)
    return _text(crc, size)


def _text(crc: int, size: int) -> str:
    return f"crc32:{crc:08x}:{size % 2**32}"
