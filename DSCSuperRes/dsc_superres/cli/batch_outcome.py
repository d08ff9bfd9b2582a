"""What became of a case of a batch."""

from __future__ import annotations

from dataclasses import dataclass

DONE = "done"
BEFORE = "done before"
FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of a case: one of the three states, its time, and why it failed."""

    case: str
    state: str
    seconds: float = 0.0
    message: str = ""


def lost(case: str, reason: str) -> Outcome:
    """The outcome of a case whose process died."""
    return Outcome(case, FAILED, message=f"its process was lost ({reason}): it may have needed too much memory")
