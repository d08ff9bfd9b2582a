"""A volume divided into pieces that are reconstructed one at a time, so that memory does not grow with it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

TILE = 160
"""Largest side of a tile, in coarse pixels, where memory suffices."""
HALO = 16
"""Coarse pixels around a tile that are input but not output of the network; about its receptive field in effect."""


@dataclass(frozen=True)
class Piece:
    """A group of slices, or one tile of a slice.

    slices                    of the volume
    input_rows, input_columns   the input of the network, on the coarse grid
    input_fine_size                 its size on the fine grid
    inner                     rows and columns of the output within that
    fine                      rows and columns of the output within the whole fine grid
    """

    slices: slice
    input_rows: slice
    input_columns: slice
    input_fine_size: tuple[int, int]
    inner: tuple[slice, slice]
    fine: tuple[slice, slice]


def pieces(
    shape: tuple[int, int, int], size: tuple[int, int], tile: int, first: int = 0, *, single_slices: bool = False
) -> Iterator[Piece]:
    """The pieces of a volume of ``shape`` (slices, rows, columns) from slice ``first`` on, refined to ``size``.

    Small slices are grouped evenly unless they are to be single, and slices of more than ``tile`` coarse pixels a side
    are divided, so that all pieces take about equal memory and time.
    """
    slices, height, width = shape
    rows, columns = _spans(height, size[0], tile), _spans(width, size[1], tile)
    area = max(r[0].stop - r[0].start for r in rows) * max(c[0].stop - c[0].start for c in columns)
    group = 1 if single_slices else max(1, tile * tile // (2 * area))
    groups = math.ceil((slices - first) / group)
    bounds = [first + (slices - first) * k // groups for k in range(groups + 1)]
    for start, stop in pairwise(bounds):
        for input_rows, inner_rows, fine_rows in rows:
            for input_columns, inner_columns, fine_columns in columns:
                covered = (input_rows.stop - input_rows.start, input_columns.stop - input_columns.start)
                yield Piece(
                    slices=slice(start, stop),
                    input_rows=input_rows,
                    input_columns=input_columns,
                    input_fine_size=(covered[0] * size[0] // height, covered[1] * size[1] // width),
                    inner=(inner_rows, inner_columns),
                    fine=(fine_rows, fine_columns),
                )


def _spans(coarse: int, fine: int, tile: int) -> list[tuple[slice, slice, slice]]:
    """One axis divided into tiles: input on the coarse grid; output within the input, and on the whole fine grid.

    Divisions lie where edges of coarse and fine pixels coincide; where these are too few, the axis stays whole.
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
