"""Elements of a DICOM header that cannot be decoded are left out before anything is taken from it."""

from __future__ import annotations

import contextlib
from typing import TypeVar

from pydicom.dataset import Dataset

AnyDataset = TypeVar("AnyDataset", bound=Dataset)


def without_damage(header: AnyDataset) -> AnyDataset:
    """Return ``header`` without the elements that pydicom fails on, such as text where a number belongs.

    pydicom decodes an element when it is first asked for, and then raises any type of exception. What is left out
    counts as missing, which the readers can name.
    """
    for tag in list(header.keys()):
        try:
            element = header[tag]
            if element.VR == "SQ":
                for item in element.value:
                    without_damage(item)
        except Exception:
            with contextlib.suppress(Exception):
                del header[tag]
    return header
