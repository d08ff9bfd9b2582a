"""Chosen elements of DICOM files, found without decoding the others, and decoded once for all files that share them.

pydicom makes an object of every element that it passes. A Philips file has a thousand private ones, and a series
thousands of files. Here, elements that nobody asked for are stepped over. Files of any other form than the usual one
(little endian, elements in order, pixels at the end) are left to pydicom.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from struct import Struct
from struct import error as StructError

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from dsc_superres.io.dicom_damage import without_damage
from dsc_superres.io.dicom_header import Header, one_tag

_BEGIN = 132
"""Bytes of preamble and prefix."""
_TRANSFER_SYNTAX = 0x00020010
_PIXELS = 0x7FE00008
"""The first tag of pixels; what lies behind them is not looked for."""
_ITEM, _END_OF_ITEM, _END_OF_SEQUENCE = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_SHORT = {
    *(b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN"),
    *(b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"),
}
"""Value representations whose length has 16 bits."""
_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
"""Those whose length has 32 bits, after two bytes that mean nothing."""
_PORTIONS = (2**16, 2**22)
"""Bytes of a file that are read; the second only where the header is longer than the first."""

_explicit = Struct("<HH2sH").unpack_from
_implicit = Struct("<HHL").unpack_from
_length = Struct("<L").unpack_from


class UnfamiliarError(Exception):
    """The file has another form than the usual one."""


class ElementReader:
    """Reads the ``wanted`` top-level elements of files; those that cannot be decoded count as missing."""

    def __init__(self, wanted: Iterable[int]) -> None:
        self._wanted = frozenset(wanted)
        self._decoded: dict[tuple, DataElement | None] = {}
        self._metas: dict[str, FileMetaDataset] = {}

    def read(self, file: Path) -> Header | None:
        """Return the wanted elements, and a ``file_meta`` with the transfer syntax; None where pydicom has to.

        Raises ``OSError``.
        """
        for portion in _PORTIONS:
            with open(file, "rb") as stream:
                data = stream.read(portion)
            try:
                return self._dataset(data)
            except (UnfamiliarError, StructError):
                if len(data) < portion:
                    break
        return None

    def _dataset(self, data: bytes) -> Header:
        if data[128:_BEGIN] != b"DICM":
            raise UnfamiliarError
        meta, begin = _elements(data, _BEGIN, False, frozenset([_TRANSFER_SYNTAX]), 0x00030000)
        if len(meta) != 1:
            raise UnfamiliarError
        syntax = meta[0][2].rstrip(b"\0 ").decode("ascii", "replace")
        if syntax in (ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian):
            raise UnfamiliarError
        implicit = syntax == ImplicitVRLittleEndian
        found, _ = _elements(data, begin, implicit, self._wanted, _PIXELS)
        owners: dict[int, tuple] = {}
        for one in found:
            if one[0] >> 16 & 1 and one[0] & 0xFF00 == 0:
                owners[one[0] >> 16] = (*owners.get(one[0] >> 16, ()), one)
        decoded = ((one[0], self._decode(one, owners.get(one[0] >> 16, ()), implicit)) for one in found)
        header = Header({one_tag(tag): element for tag, element in decoded if element is not None})
        header.file_meta = self._meta(syntax)
        return header

    def _decode(self, one: tuple, owners: tuple, implicit: bool) -> DataElement | None:
        """Return an element; ``owners`` are those of its group, on which the meaning of a private one depends."""
        key = (one, owners, implicit)
        if key not in self._decoded:
            raw = {tag: _raw(tag, vr, value, implicit) for tag, vr, value in (*owners, one)}
            dataset = without_damage(Dataset(raw))
            self._decoded[key] = dataset.get(one_tag(one[0]))
        return self._decoded[key]

    def _meta(self, syntax: str) -> FileMetaDataset:
        if syntax not in self._metas:
            self._metas[syntax] = FileMetaDataset()
            self._metas[syntax].TransferSyntaxUID = syntax
        return self._metas[syntax]


def _raw(tag: int, vr: bytes | None, value: bytes, implicit: bool) -> RawDataElement:
    return RawDataElement(one_tag(tag), vr and vr.decode(), len(value), value or None, 0, implicit, True)


def _elements(
    data: bytes, position: int, implicit: bool, wanted: frozenset[int], stop: int
) -> tuple[list[tuple[int, bytes | None, bytes]], int]:
    """Return the wanted elements (tag, value representation, value) up to the tag ``stop``, and where that begins.

    Raises ``UnfamiliarError`` or ``struct.error`` where the file cannot be followed so far.
    """
    found, before = [], 0
    while True:
        if implicit:
            group, element, length = _implicit(data, position)
            vr = None
        else:
            group, element, vr, length = _explicit(data, position)
        begin = position + 8
        tag = group << 16 | element
        if tag >= stop:
            return found, position
        if vr not in _SHORT and not implicit:
            if vr not in _LONG:
                raise UnfamiliarError
            begin, length = begin + 4, _length(data, begin)[0]
        if tag <= before:
            raise UnfamiliarError
        before = tag
        if length == _UNDEFINED:
            if tag in wanted:
                raise UnfamiliarError
            position = _end_of_sequence(data, begin, implicit, vr)
            continue
        position = begin + length
        if tag in wanted:
            if position > len(data):
                raise UnfamiliarError
            found.append((tag, vr, data[begin:position]))


def _end_of_sequence(data: bytes, position: int, implicit: bool, vr: bytes | None) -> int:
    """Return where a sequence of undefined length ends whose first item begins at ``position``."""
    if vr not in (None, b"SQ"):
        raise UnfamiliarError
    while True:
        group, element, length = _implicit(data, position)
        tag, position = group << 16 | element, position + 8
        if tag == _END_OF_SEQUENCE:
            return position
        if tag != _ITEM:
            raise UnfamiliarError
        if length == _UNDEFINED:
            length = _elements(data, position, implicit, frozenset(), _END_OF_ITEM)[1] + 8 - position
        position += length
