"""The provenance of a series in files: how it is written, and what of it is believed when it is read again.

A file may come from anywhere, so that only entries of the right kind are taken. Keys are those of
``Series.provenance``, with ``notes`` for its notes; text headers hold each entry as JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

from dsc_superres.series import ROLES, Series

MOST_NOTES = 100
MOST_CHARACTERS = 2000
MOST_GENERATIONS = 5
"""Of inputs of inputs."""


def provenance_record(series: Series) -> dict[str, object]:
    """Return provenance and notes of a series as plain values."""
    if not series.provenance and not series.notes:
        return {}
    return {**dict(series.provenance), "notes": list(series.notes)}


def header_record(record: Mapping[str, object]) -> dict[str, str]:
    """Return a record as one text for each entry, without backslashes, which NRRD headers interpret."""
    texts = {key: json.dumps(value, ensure_ascii=False) for key, value in record.items()}
    return {key: text.replace("%", "%25").replace("\\", "%5C") for key, text in texts.items()}


def parse_header_record(entries: Mapping[str, str]) -> tuple[dict[str, object], tuple[str, ...]]:
    """Return provenance and notes of the texts of ``header_record``; entries that are not valid are left out."""
    values = {}
    for key, text in entries.items():
        try:
            values[key] = json.loads(unquote(text))
        except (ValueError, RecursionError):
            continue
    return believed_record(values)


def believed_record(values: object) -> tuple[dict[str, object], tuple[str, ...]]:
    """Return provenance and notes of recorded values; entries that are not of the right kind are left out."""
    if not isinstance(values, Mapping):
        return {}, ()
    notes = values.get("notes")
    notes = [note for note in notes if _is_text(note)] if isinstance(notes, list) else []
    return _believed(values, MOST_GENERATIONS), tuple(notes[:MOST_NOTES])


def _believed(values: Mapping[str, Any], generations: int) -> dict[str, object]:
    found = {key: values[key] for key, is_right in _CHECKS.items() if key in values and is_right(values[key])}
    if (
        isinstance(values.get("input"), Mapping)
        and generations
        and (before := _believed(values["input"], generations - 1))
    ):
        found["input"] = before
    return found if "role" in found else {}


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MOST_CHARACTERS


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _is_flat(value: object) -> bool:
    """Whether ``value`` is an object of texts, numbers and None."""
    return isinstance(value, Mapping) and all(
        _is_text(key) and (one is None or _is_text(one) or _is_number(one)) for key, one in value.items()
    )


def _are_times(value: object) -> bool:
    return (
        isinstance(value, list) and all(map(_is_number, value)) and all(early < late for early, late in pairwise(value))
    )


_CHECKS: dict[str, Callable[[object], bool]] = {
    "role": lambda value: value in ROLES,
    "versions": _is_flat,
    "model": _is_flat,
    "settings": _is_flat,
    "acquired_times_s": _are_times,
    "acquired_times_source": _is_text,
    "notice": _is_text,
}
"""The entries of a provenance and whether a value is of the right kind."""
