"""A DICOM header whose elements are all decoded, and whose values are found fast.

pydicom looks in several places before it returns a value, and compares tags by a method of its own. A series of
thousands of files asks for a hundred thousand values, most of which are not there.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag


class Header(Dataset):
    """Decoded ``elements`` by tags of ``one_tag``. Gives what any other dataset gives; elements stay as they are."""

    def __init__(self, elements: dict[BaseTag, DataElement]) -> None:
        super().__init__(elements)
        self._elements = elements

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the value of a keyword, or the element of a tag; else ``default``."""
        tag = _tag_of(key) if isinstance(key, str) else None
        if tag is None:
            return super().get(key, default)
        element = self._elements.get(tag)
        return default if element is None else element.value


@cache
def one_tag(tag: int) -> BaseTag:
    """Return the same object for the same tag, which dictionaries find without a comparison."""
    return BaseTag(tag)


@cache
def _tag_of(keyword: str) -> BaseTag | None:
    tag = tag_for_keyword(keyword)
    return None if tag is None else one_tag(tag)
