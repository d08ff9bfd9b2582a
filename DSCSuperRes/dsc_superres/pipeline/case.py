"""A case: one series with everything that was made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from dsc_superres.comparison import Comparison
from dsc_superres.metrics import map_error
from dsc_superres.models import find
from dsc_superres.perfusion import PerfusionMaps
from dsc_superres.perfusion.map_units import UNITS
from dsc_superres.pipeline.prepared_series import PreparedSeries
from dsc_superres.series import Series

TRUTH = "truth"
INPUT = "input"
OnImages = Callable[["Case"], None]
"""Called with a case when its images are there, before its maps are computed."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Case:
    """A reconstruction, its input, and what both were compared with and mapped to.

    input            the coarse series that was reconstructed
    reconstructions  by ``label`` of the model, the one that was asked for first
    truth            the series that the input was under-sampled from; None where there is none
    mask             bool[z, y, x] of the brain on the grid of the truth (or reconstruction); None for everything
    comparisons      of each reconstruction with the truth
    maps             by model, and ``TRUTH``; empty where there are none
    input_maps       those of the input, on its own grid; None where there are none
    maps_error       why there are no maps
    notes            sentences for the reader: assumptions, and where the series lies outside the training range
    peak_errors      by model: error of the peak Delta R2* in the mask, (1/s, share of the mean peak)
    seconds          duration of each step
    uncertainty      standard deviation of the reconstruction's error, in its units; None where it is not known
    prepared         what became of the frames of the series before the work; None where it was taken as it is
    """

    input: Series
    reconstructions: Mapping[str, Series]
    truth: Series | None = None
    mask: np.ndarray | None = None
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    maps: Mapping[str, PerfusionMaps] = field(default_factory=dict)
    input_maps: PerfusionMaps | None = None
    maps_error: str | None = None
    notes: tuple[str, ...] = ()
    peak_errors: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    uncertainty: Series | None = None
    prepared: PreparedSeries | None = None

    @property
    def model(self) -> str:
        """The model that was asked for."""
        return next(iter(self.reconstructions))

    @property
    def reconstruction(self) -> Series:
        """Its reconstruction."""
        return self.reconstructions[self.model]

    @property
    def finest(self) -> tuple[str, Series]:
        """The series to show first, and its name among ``maps``: the truth, or the reconstruction."""
        return (self.model, self.reconstruction) if self.truth is None else (TRUTH, self.truth)


def map_errors(
    maps: Mapping[str, PerfusionMaps], reference: Mapping[str, np.ndarray], mask: np.ndarray
) -> dict[str, dict[str, dict[str, float | None]]]:
    """By model and name of the map: ``map_error`` against the reference maps [z, y, x] in ``mask``."""
    return {
        model: {name: map_error(getattr(values, name), reference[name], mask) for name in UNITS if name in reference}
        for model, values in maps.items()
    }


def label(model: str) -> str:
    """The name of a model in results. Raises ``ModelError`` where there is no such model."""
    return find(model).label
