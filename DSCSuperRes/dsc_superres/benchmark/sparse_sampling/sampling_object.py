"""The standard object as a movie that an image network can take: a block of pixels for each curve, air around."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from dsc_superres.benchmark.perfusion_objects import reference_objects as objects
from dsc_superres.geometry import Geometry
from dsc_superres.perfusion.concentration import delta_r2star
from dsc_superres.series import Series

BLOCK = 4
"""Pixels of a block's side."""
MARGIN = 6
"""Pixels of air around all blocks."""
FINE_INTERVAL = 1.5
"""s"""
FACTOR = 4
"""Time factor: one in FACTOR frames is acquired."""
FRAMES = 61
"""Fine frames: 90 s."""
LOWEST = 0.3
"""What is left of the artery's signal at its peak: enough to be read, as where arteries share pixels with tissue."""
PROBED = (0, 3)
"""Rows and columns of each block that are evaluated: its edges too, and four noise draws for each curve."""


@dataclass(frozen=True, eq=False)
class SamplingObject:
    """The object sampled from ``phase`` s on.

    movie  the fine series, noise included
    made   its curves, for their truth
    share  of the arterial input that the artery's pixels show
    """

    movie: Series
    made: objects.ReferenceObject
    share: float

    @property
    def coarse(self) -> Series:
        """Every FACTOR-th frame."""
        return self.movie.with_signal(self.movie.signal[::FACTOR], times=self.movie.times[::FACTOR])

    def curves(self, series: Series, acquired: np.ndarray) -> objects.ReferenceObject:
        """Curves and arterial input as read off a series of this object, with their truth.

        The baseline ends with the last of the ``acquired`` times (s) in it: what lies between that and the first one of
        the bolus was interpolated from both.
        """
        made, count = self.made, len(self.made.residue)
        tissue, artery = _read(series.signal[:, 0])
        last = acquired[max(int(np.searchsorted(acquired, made.times[made.baseline][-1], "right")), 1) - 1]
        baseline = slice(0, int(np.searchsorted(series.times, last, "right")))
        arterial = delta_r2star(artery.mean(axis=1, keepdims=True), objects.ECHO_TIME, baseline)[:, 0] / self.share
        probes = tissue.shape[1] // count
        return replace(
            made,
            times=series.times,
            signal=tissue,
            arterial=arterial.astype(float),
            baseline=baseline,
            truth={name: value.repeat(probes) for name, value in made.truth.items()},
            residue=made.residue.repeat(probes),
        )


def sampling_object(phase: float, snr: float, seed: int = 0) -> SamplingObject:
    """The 288 cases and their artery; Rician noise of S0/snr in every pixel."""
    times = phase + FINE_INTERVAL * np.arange(FRAMES)
    made = objects.reference_object(objects.grid_cases(), times, np.inf)
    share = -np.log(LOWEST) / objects.ECHO_TIME / arterial_peak()
    artery = 1000 * np.exp(-objects.ECHO_TIME * share * made.arterial)
    image = _drawn(np.insert(made.signal, _artery_place(), artery, axis=1), *_order())
    if np.isfinite(snr):
        random = np.random.default_rng((seed, round(100 * phase)))
        noise = random.normal(scale=1000 / snr, size=(2, *image.shape)).astype(np.float32)
        image = np.hypot(image + noise[0], noise[1])
    geometry = Geometry(spacing=(1.0, 1.0, 5.0))
    return SamplingObject(Series(image[:, None], times, geometry=geometry, echo_time=objects.ECHO_TIME), made, share)


def arterial_peak() -> float:
    """The maximum of the object's arterial input (1/s), wherever frames fall."""
    fine = np.arange(0, 60, 0.1)
    return float(objects.reference_object([("exp", 4.0, 4.0, 0.0)], fine, np.inf).arterial.max())


def _side() -> int:
    return round((len(objects.grid_cases()) + 1) ** 0.5)


def _artery_place() -> int:
    """Return the index of the artery among the curves: last, and by ``_order`` in the middle of the image."""
    return len(objects.grid_cases())


def _order() -> tuple[np.ndarray, int]:
    """Return the curve of each block, row by row, in random order, and the blocks along a side."""
    side = _side()
    order = np.random.default_rng(0).permutation(_artery_place())
    return np.insert(order, side * side // 2, _artery_place()), side


def _drawn(curves: np.ndarray, order: np.ndarray, side: int) -> np.ndarray:
    """Return an image, float32[t, y, x], of curves[t, n]."""
    blocks = curves[:, order].reshape(len(curves), side, side)
    image = blocks.repeat(BLOCK, axis=1).repeat(BLOCK, axis=2)
    return np.pad(image, ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN))).astype(np.float32)


def _read(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the curves [t, 4 n] of the probed pixels of an image [t, y, x] by case, and the artery's [t, pixels]."""
    order, side = _order()
    inner = image[:, MARGIN:-MARGIN, MARGIN:-MARGIN].reshape(len(image), side, BLOCK, side, BLOCK)
    blocks = inner.transpose(0, 1, 3, 2, 4).reshape(len(image), side * side, BLOCK, BLOCK)
    by_case = np.empty_like(blocks)
    by_case[:, order] = blocks
    probed = np.stack([by_case[:, :-1, row, column] for row, column in product(PROBED, PROBED)], axis=2)
    return probed.reshape(len(image), -1), by_case[:, -1].reshape(len(image), -1)


def artery_pixels() -> np.ndarray:
    """Return the indices (z, y, x) of the pixels that ``SamplingObject.curves`` reads the artery from, int[k, 3]."""
    row, column = np.divmod(_side() ** 2 // 2, _side())
    inside = np.array(list(np.ndindex(BLOCK, BLOCK)))
    return np.insert(MARGIN + BLOCK * np.array([row, column]) + inside, 0, 0, axis=1)
