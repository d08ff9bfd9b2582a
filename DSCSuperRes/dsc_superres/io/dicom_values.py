"""Values of DICOM headers as plain numbers: times of day, private tags, functional groups."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from dsc_superres.io.dicom_header import one_tag

_CLOCK_EPOCH = datetime(2000, 1, 1)
"""Origin of DICOM dates and times in s."""


def number(header: Dataset, name: str) -> float | None:
    """Return a value as a number, None if it is missing, empty or no finite number."""
    return as_number(header.get(name))


def as_number(value: Any) -> float | None:
    """Return the (first) value as a number, None if it is no finite number.

    >>> as_number("12.5"), as_number(""), as_number(["3", "4"]), as_number("FoV 216")
    (12.5, None, 3.0, None)
    """
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace").strip("\0 ")
    elif not isinstance(value, str) and hasattr(value, "__len__"):
        value = value[0] if len(value) else None
    try:
        converted = float(value)
    except (TypeError, ValueError):
        return None
    return converted if np.isfinite(converted) else None


def private_value(header: Dataset, group: int, creator: str, element: int) -> Any:
    """Return the value of a private tag, None if it is missing.

    ``element`` is the last byte of the tag, ``creator`` how the owner of its block begins. Files without any owner
    (some software removes it) are searched at the usual place, the block 10.
    """
    present = header.keys()
    owners = {tag & 0xFF: str(header[tag].value) for tag in _owner_tags(group) if tag in present}
    blocks = [block for block, owner in owners.items() if owner.startswith(creator)] or ([] if owners else [0x10])
    tags = [one_tag(group << 16 | block << 8 | element) for block in blocks]
    return next((header[tag].value for tag in tags if tag in present), None)


@cache
def _owner_tags(group: int) -> tuple[BaseTag, ...]:
    """Return the tags that name the owners of the blocks of a private group."""
    return tuple(one_tag(group << 16 | block) for block in range(0x10, 0x18))


def words(header: Dataset, name: str) -> tuple[str, ...]:
    """Return a value as words in capitals, empty if it is missing."""
    value = header.get(name)
    if not value:
        return ()
    return tuple(str(word).strip().upper() for word in ([value] if isinstance(value, str) else value))


def group_of(frame: Dataset, shared: Dataset, name: str) -> Dataset:
    """Return a functional group of this frame, else the one shared by all frames, else an empty dataset."""
    return next(groups_of((frame, shared), name), Dataset())


def groups_of(datasets: tuple[Dataset, ...], name: str) -> Iterator[Dataset]:
    """Yield the first item of a sequence in each dataset that has it."""
    for dataset in datasets:
        if dataset.get(name):
            yield dataset[name][0]


def datetime_seconds(value: Any) -> float | None:
    """Return the seconds since 2000 of a DICOM date and time, ``YYYYMMDDHHMMSS.ffffff``; a time zone is ignored."""
    text = str(value or "")
    return clock_seconds(text[:8], re.split(r"[+-]", text[8:])[0]) if len(text) >= 14 else None


def clock_seconds(date: Any, time: Any) -> float | None:
    """Return the seconds since 2000 of a DICOM date and time of day, or since midnight without a date.

    >>> clock_seconds("20000102", "000001.5"), clock_seconds("", "000000.00"), clock_seconds("", "")
    (86401.5, 0.0, None)
    """
    digits = re.fullmatch(r"(\d\d):?(\d\d):?(\d\d(?:[.,]\d+)?)", str(time).strip())
    if not digits:
        return None
    hours, minutes, seconds = digits.groups()
    return _day_seconds(str(date)) + int(hours) * 3600 + int(minutes) * 60 + float(seconds.replace(",", "."))


@lru_cache
def _day_seconds(date: str) -> float:
    """Return the seconds since 2000 at the begin of a day, ``YYYYMMDD``; 0 without such a date."""
    if re.fullmatch(r"\d{8}", date):
        with contextlib.suppress(ValueError):  # such as 00000000, which some software writes for an unknown date
            return (datetime.strptime(date, "%Y%m%d") - _CLOCK_EPOCH).total_seconds()
    return 0.0
