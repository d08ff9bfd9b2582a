"""The one way in which pydicom gets a file: within limits of time and memory.

pydicom makes objects of all elements and items, of which 8 bytes of a file may be one: a minute, and more than a
gigabyte, for 10 MB.
"""

from __future__ import annotations

import io
import zlib
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.filereader import read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from dsc_superres.errors import FileError

MOST_READS = 4_000_000
"""Portions in which pydicom reads a file, some two for each element: 5000 frames of 200 elements take 2 million."""
LARGEST_DEFLATED = 2**28
"""Bytes that a deflated file may unpack to."""
_META = 2**16
"""Bytes at the begin of a file that hold its transfer syntax."""


def read_dataset(file: Path, **options: object) -> FileDataset:
    """Return what ``pydicom.dcmread`` returns. Raises ``FileError`` beyond the limits, and whatever pydicom raises."""
    with open(file, "rb", buffering=0) as raw:
        plain = _inflated(file)
        with _CountingReader(plain or raw, file) as stream:
            dataset = dcmread(stream, **options)
    if plain is not None:
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return dataset


class _CountingReader(io.BufferedReader):
    """A file that is read in so many portions at most."""

    def __init__(self, raw: io.RawIOBase, file: Path) -> None:
        super().__init__(raw)
        self._file = file
        self._left = MOST_READS

    @property
    def name(self) -> str:
        """The file's, which pydicom asks for."""
        return str(self._file)

    def read(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise FileError(f"{self._file} holds more elements than any image: export it again.")
        return super().read(size)


def _inflated(file: Path) -> io.BytesIO | None:
    """Return a deflated file as one that is not; None for all others. Raises ``FileError`` beyond the limit."""
    with open(file, "rb") as stream:
        begin = stream.read(_META)
        if DeflatedExplicitVRLittleEndian.encode() not in begin:
            return None
        meta = read_file_meta_info(file)
        if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
            return None
        stream.seek(0)
        plain = ExplicitVRLittleEndian.encode().ljust(len(DeflatedExplicitVRLittleEndian), b"\0")
        start = stream.read(132 + 12 + int(meta.FileMetaInformationGroupLength))
        parts, size = [start.replace(DeflatedExplicitVRLittleEndian.encode(), plain)], 0
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        while block := inflater.unconsumed_tail or stream.read(2**16):
            parts.append(inflater.decompress(block, 2**24))
            size += len(parts[-1])
            if size > LARGEST_DEFLATED:
                raise FileError(f"{file} unpacks to more than {LARGEST_DEFLATED // 2**20} MiB: export it again.")
    return io.BytesIO(b"".join(parts))
