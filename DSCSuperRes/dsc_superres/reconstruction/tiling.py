"""A volume cut into pieces that are reconstructed one at a time, so that memory does not grow with it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

HALO = 16
"""Coarse pixels around a tile that the network sees but does not write; about its effective reach."""


@dataclass(frozen=True)
class Piece:
    """A group of slices, or one tile of a slice: what is seen (coarse), and what is written (fine).

    ``inner``: rows and columns of what is written within what is seen, ``fine``: the same within the whole.
    """

    slices: slice
    seen_rows: slice
    seen_columns: slice
    seen_size: tuple[int, int]
    inner: tuple[slice, slice]
    fine: tuple[slice, slice]


def pieces(shape: tuple[int, int, int], size: tuple[int, int], tile: int, first: int = 0) -> Iterator[Piece]:
    """Cut a volume of ``shape`` (slices, rows, columns) from slice ``first`` on, refined to ``size``, into pieces.

    Small slices are grouped, slices beyond ``tile`` coarse pixels a side cut, so that pieces take about equal memory.
    """
    slices, height, width = shape
    rows, columns = _spans(height, size[0], tile), _spans(width, size[1], tile)
    area = max(r[0].stop - r[0].start for r in rows) * max(c[0].stop - c[0].start for c in columns)
    group = max(1, tile * tile // (2 * area))
    for start in range(first, slices, group):
        for seen_rows, inner_rows, fine_rows in rows:
            for seen_columns, inner_columns, fine_columns in columns:
                seen = (seen_rows.stop - seen_rows.start, seen_columns.stop - seen_columns.start)
                yield Piece(
                    slices=slice(start, min(start + group, slices)),
                    seen_rows=seen_rows,
                    seen_columns=seen_columns,
                    seen_size=(seen[0] * size[0] // height, seen[1] * size[1] // width),
                    inner=(inner_rows, inner_columns),
                    fine=(fine_rows, fine_columns),
                )


def _spans(coarse: int, fine: int, tile: int) -> list[tuple[slice, slice, slice]]:
    """One axis cut into tiles: (seen, on the coarse grid), (written, within what is seen), (written, on the fine grid).

    Cuts lie where a coarse and a fine pixel edge coincide; where there are too few of those the axis stays whole.
    """
    common = math.gcd(coarse, fine)
    unit_coarse, unit_fine = coarse // common, fine // common
    per_tile = max(1, (tile - 2 * HALO) // unit_coarse)
    halo = math.ceil(HALO / unit_coarse)
    if coarse <= tile or unit_coarse * (per_tile + 2 * halo) >= coarse:
        return [(slice(0, coarse), slice(0, fine), slice(0, fine))]
    spans = []
    for begin in range(0, common, per_tile):
        end = min(begin + per_tile, common)
        low, high = max(begin - halo, 0), min(end + halo, common)
        spans.append(
            (
                slice(low * unit_coarse, high * unit_coarse),
                slice((begin - low) * unit_fine, (end - low) * unit_fine),
                slice(begin * unit_fine, end * unit_fine),
            )
        )
    return spans
