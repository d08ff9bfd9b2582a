"""The steps that reconstructing a case and comparing a case share."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsc_superres.errors import Cancelled, PerfusionError
from dsc_superres.models import INTERPOLATORS
from dsc_superres.perfusion import ArterialInput, PerfusionMaps
from dsc_superres.pipeline.case import INPUT, TRUTH
from dsc_superres.pipeline.masks import find_mask, find_masks, on_grid
from dsc_superres.pipeline.options import PerfusionOptions, ReconstructionOptions
from dsc_superres.pipeline.shared_maps import ASSUMED_ECHO_TIME, map_series
from dsc_superres.reconstruction.training_range import outside_training_range
from dsc_superres.series import Series
from dsc_superres.utils.progress import IsCancelled, Progress

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, eq=False)
class CaseMaps:
    """The maps of a case: by name of the series; those of its input apart; or the reason why there are none."""

    maps: Mapping[str, PerfusionMaps]
    input_maps: PerfusionMaps | None = None
    maps_error: str | None = None


def reconstruct_with(
    network: nn.Module,
    series: Series,
    options: ReconstructionOptions,
    progress: Progress,
    cancelled: IsCancelled,
    *,
    interval: float | None = None,
    uncertainty: bool = False,
) -> tuple[Series, Series | None]:
    """The reconstruction of ``series`` by ``network``, and its uncertainty where that is wanted."""
    from dsc_superres.reconstruction import reconstruct as module

    chosen = {"space": options.space, "time": options.time, "interval": interval, "device": options.device}
    chosen |= {"fast": options.fast, "progress": progress, "cancelled": cancelled}
    if uncertainty:
        return module.reconstruct_with_uncertainty(series, model=network, **chosen)
    return module.reconstruct(series, model=network, **chosen), None


def needs_uncertainty(network: nn.Module, options: ReconstructionOptions, maps: bool) -> bool:
    """Whether to compute it: it was asked for, or the maps can make use of it."""
    return bool(options.uncertainty) or (maps and hasattr(network, "predict"))


def find_mask_or_none(choice: str, series: Series) -> np.ndarray | None:
    """``find_mask``, but None where no brain is found: the rest of the work does not depend on it."""
    try:
        return find_mask(choice, series)
    except PerfusionError:
        return None


def fine_mask(choice: str, series: Series, fine: Series) -> np.ndarray | None:
    """The mask on the grid of ``fine``; a file is drawn on that of ``series``, which covers the same field of view."""
    if choice in ("auto", "none"):
        return find_mask_or_none(choice, fine)
    return on_grid(find_mask(choice, series), fine.signal.shape[1:])


def map_case(
    series: Mapping[str, Series],
    mask: np.ndarray | None,
    options: PerfusionOptions,
    progress: Progress,
    aif: ArterialInput | None = None,
    uncertainties: Mapping[str, Series | None] | None = None,
) -> CaseMaps:
    """Maps of each series, and apart from them those of ``INPUT``, all on one arterial input function.

    ``mask`` is on the grid of all but the input. Of all but ``TRUTH`` and the input, only the input's times were
    measured; ``uncertainties`` holds the standard deviations of their errors where they are known.
    """
    masks = dict.fromkeys(series, mask) if mask is not None else find_masks(series, options.mask)
    if mask is not None:
        masks[INPUT] = on_grid(mask, series[INPUT].signal.shape[1:])
    fine = {name: one for name, one in series.items() if name != INPUT}
    try:
        acquired = {name: series[INPUT].times for name in fine if name != TRUTH}
        maps = map_series(fine, masks, options, aif, progress, acquired=acquired, uncertainties=uncertainties)
    except PerfusionError as error:
        return CaseMaps({}, maps_error=str(error))
    artery = next(iter(maps.values())).aif
    try:
        coarse = map_series({INPUT: series[INPUT]}, masks, options, artery)[INPUT]
    except PerfusionError:
        coarse = None  # too few frames to see the bolus are what a reconstruction is for
    return CaseMaps(maps, coarse)


def case_notes(series: Series, coarse: Series, options: ReconstructionOptions, mapped: bool) -> tuple[str, ...]:
    """Sentences for the reader: what is unlike the training data, what is missing, and what was assumed."""
    notes = () if options.model in INTERPOLATORS else outside_training_range(coarse, options.space)
    if not series.has_times:
        notes += ("The frame times of the series are not known, so its frames are numbered: give its TR.",)
    if series.echo_time is None and mapped:
        notes += (echo_time_note(),)
    return notes


def echo_time_note() -> str:
    """What maps of a series without an echo time assume."""
    return (
        f"The echo time of the series is not known, so the maps assume {1000 * ASSUMED_ECHO_TIME:g} ms; "
        "they do not depend on it, because tissue and artery share it."
    )


class Stopwatch:
    """Times the steps, and ends the work between two of them when it was cancelled."""

    def __init__(self, cancelled: IsCancelled) -> None:
        self.laps: dict[str, float] = {}
        self._cancelled = cancelled
        self._last = time.monotonic()

    def lap(self, step: str) -> None:
        """Record the time since the last lap. Raises ``Cancelled``."""
        now = time.monotonic()
        self.laps[step] = round(now - self._last, 2)
        self._last = now
        if self._cancelled():
            raise Cancelled
