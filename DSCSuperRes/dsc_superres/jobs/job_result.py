"""What a job gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class JobResult:
    """What a job made: a ``folder`` with ``files`` (by role, relative to it), and the ``facts`` for its user."""

    folder: Path
    files: Mapping[str, str] | list[str]
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """Sentences for the reader, the reason for missing maps among them."""
        notes = list(self.facts.get("notes", ()))
        error = self.facts.get("maps_error")
        return [*notes, f"No perfusion maps: {error}"] if error else notes

    def to_dict(self) -> dict[str, object]:
        """Plain values, as the worker sends them."""
        return {"folder": str(self.folder), "files": self.files, **self.facts}
