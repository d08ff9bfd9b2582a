"""Columns of table nodes."""

from __future__ import annotations

import slicer


def addTextColumn(table: slicer.vtkMRMLTableNode, name: str, values: list[str]) -> None:
    """Add a column of text with one row for each value."""
    column = table.AddColumn()
    column.SetName(name)
    column.SetNumberOfValues(len(values))
    for row, value in enumerate(values):
        column.SetValue(row, value)
