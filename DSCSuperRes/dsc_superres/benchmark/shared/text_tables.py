"""A table of text and numbers, as text for the terminal and as Markdown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TextTable:
    """A title, the names of the columns, and rows of text or numbers; ``headline`` ones go into documents."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    headline: bool = False

    def __str__(self) -> str:
        cells = [self.columns, *self._cells()]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
        return "\n".join([self.title, *lines])

    def markdown(self) -> str:
        """The title and the table in Markdown."""
        lines = ["| " + " | ".join(row) + " |" for row in (self.columns, *self._cells())]
        return "\n".join([f"{self.title}:", "", lines[0], "|---" * len(self.columns) + "|", *lines[1:]])

    def _cells(self) -> list[tuple[str, ...]]:
        return [tuple(_text(cell) for cell in row) for row in self.rows]


def _text(cell: object) -> str:
    if not isinstance(cell, float):
        return str(cell)
    if np.isinf(cell) or cell == round(cell, 1):
        return f"{cell:g}"
    return f"{cell:.0f}" if abs(cell) >= 100 else f"{cell:.2f}"
