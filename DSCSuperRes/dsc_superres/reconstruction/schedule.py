"""The order of work in a reconstruction: parts that fit into memory and keep all threads busy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dsc_superres.errors import ModelError
from dsc_superres.reconstruction.tiling import HALO, Piece, pieces
from dsc_superres.utils.parallel import best_part_count

PIECE_START_STEPS = 0.5
"""Time that the start of a piece takes (its anatomy and first frame), in steps."""


@dataclass(frozen=True)
class Step:
    """The frames to compute between one acquired frame and the next.

    pair      index of the first of both
    moments   float32[m], when: 0 at the first, 1 at the second
    output    indices of these frames in the reconstruction
    """

    pair: int
    moments: np.ndarray
    output: slice


@dataclass(frozen=True)
class Part:
    """Some successive steps of one piece; each of them is ``share`` of the whole reconstruction."""

    piece: Piece
    steps: list[Step]
    share: float


def steps_between(times: np.ndarray, target: np.ndarray) -> list[Step]:
    """The steps that give frames at ``target`` [m] from frames acquired at ``times`` [n], both in s and ascending."""
    pair = np.clip(np.searchsorted(times, target, side="right") - 1, 0, times.size - 2)
    moment = (target - times[pair]) / (times[pair + 1] - times[pair])
    steps = []
    for index in np.unique(pair):
        begin, end = np.searchsorted(pair, [index, index + 1])
        moments = np.clip(moment[begin:end], 0, 1).astype(np.float32)
        steps.append(Step(int(index), moments, slice(int(begin), int(end))))
    return steps


class Schedule:
    """The parts that are left: whole slices or tiles, divided in time where there are few of them.

    shape     slices, rows and columns of the series
    size      rows and columns of the reconstruction
    tile      coarse pixels that a tile has at most a side
    steps     of all slices, or a list for each slice
    threads   parts that are worked on at once
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        size: tuple[int, int],
        tile: int,
        steps: list[Step] | list[list[Step]],
        threads: int,
    ) -> None:
        self._shape, self._size, self._tile, self._steps, self._threads = shape, size, tile, steps, threads
        self._first, self._done = 0, 0.0
        self.finished = False

    def parts(self) -> Iterator[Part]:
        """The parts from the first slice on that is not finished."""
        single = isinstance(self._steps[0], list)
        cut = list(pieces(self._shape, self._size, self._tile, self._first, single_slices=single))
        longest = max(map(len, self._steps)) if single else len(self._steps)
        count = best_part_count(len(cut), longest, self._threads, PIECE_START_STEPS)
        for piece in cut:
            steps = self._steps[piece.slices.start] if single else self._steps
            self._first = piece.slices.start if self._threads == 1 else 0  # several threads finish in any order
            voxels = math.prod(span.stop - span.start for span in (piece.slices, *piece.fine))
            share = voxels / (self._shape[0] * math.prod(self._size)) / len(steps)
            for part in range(count):
                begin, end = (len(steps) * k // count for k in (part, part + 1))
                yield Part(piece, steps[begin:end], share)

    def done_after(self, part: Part) -> float:
        """The fraction of the whole that is done after one more step of ``part``."""
        self._done = min(self._done + part.share, 1.0)
        return self._done if self._done < 1 - 1e-9 else 1.0

    def shrink(self) -> None:
        """Halve the side of tiles, from the slices on that did not fit into memory. Raises ``ModelError``."""
        if self._tile // 2 <= 2 * HALO:
            raise ModelError("The device has not enough memory for even a small tile: choose the CPU instead.")
        self._tile //= 2
        self._done = self._first / self._shape[0]
