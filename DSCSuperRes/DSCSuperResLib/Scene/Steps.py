"""Work that yields between its parts, done at once where nobody waits for the window."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

Value = TypeVar("Value")


def finish(steps: Generator[None, None, Value]) -> Value:
    """Do all ``steps``, and return what they return."""
    while True:
        try:
            next(steps)
        except StopIteration as finished:
            return finished.value
