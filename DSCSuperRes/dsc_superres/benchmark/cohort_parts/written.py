"""What a batch has written, without what differs from run to run: when it was made, and how long that took."""

from __future__ import annotations

import json
from pathlib import Path

TIMED = ("created", "seconds")
"""Entries of a provenance that tell of the run, not of the result."""


def written(out: Path) -> dict[str, bytes]:
    """Return the content of all files below ``out`` by their relative paths; of the table of a batch, who was done."""
    return {path.relative_to(out).as_posix(): _content(path) for path in sorted(out.rglob("*")) if path.is_file()}


def differing(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Return the paths of files that only one has, or whose contents differ."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if path.name == "provenance.json":
        return _without_times(json.loads(content))
    if path.name == "batch.csv":
        rows = (line.split(b",", 3) for line in content.splitlines())
        return b"\n".join(b",".join((case, state, *rest)) for case, state, _seconds, *rest in rows)
    return content


def _without_times(provenance: dict) -> bytes:
    return json.dumps({name: value for name, value in provenance.items() if name not in TIMED}).encode()
