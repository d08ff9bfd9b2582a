"""The whole job on one series: under-sample, reconstruct, measure, map. Worker and demo do it through here."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dsc_superres.errors import Cancelled, PerfusionError
from dsc_superres.metrics import Comparison, compare, map_error, peak_change_error
from dsc_superres.models import INTERPOLATORS
from dsc_superres.perfusion import ArterialInput, PerfusionMaps
from dsc_superres.perfusion.maps import UNITS
from dsc_superres.pipeline.jobs import Job
from dsc_superres.pipeline.masks import find_mask
from dsc_superres.pipeline.shared_maps import (
    ASSUMED_ECHO_TIME,
    find_masks,
    map_series,
    on_grid,
    with_reconstruction_uncertainty,
)
from dsc_superres.reconstruction.adaptation_step import own_network, tuning_note
from dsc_superres.reconstruction.training_range import outside_training_range
from dsc_superres.series import Series
from dsc_superres.utils.progress import Progress, part

if TYPE_CHECKING:
    from torch import nn

    from dsc_superres.reconstruction.adaptation import Adaptation

Stop = Callable[[], bool]
TRUTH, INPUT = "truth", "input"


@dataclass(frozen=True, eq=False)
class Study:
    """A reconstruction, and beside it what it was made from and measured against.

    input            the coarse series that was reconstructed
    reconstructions  by ``label`` of the model, the job's own first
    truth            what the input was under-sampled from; None for the task ``enhance``
    mask             bool[z, y, x] of the brain on the grid of the truth (or reconstruction); None for everything
    comparisons      of each reconstruction with the truth
    maps             by model, and ``TRUTH``; empty where there are none
    input_maps       those of the input, on its own grid; None where there are none
    maps_error       why there are none
    notes            sentences for the reader about assumptions behind the maps
    peak_errors      by model: error of the peak Delta R2* in the mask, (1/s, share of the mean peak)
    seconds          what each step took
    deviation        standard deviation of the reconstruction's error; None where it is not known
    adaptation       what tuning the model to the input first gave; None where that was not asked for
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
    adaptation: Adaptation | None = None

    @property
    def model(self) -> str:
        """The model that the job asked for."""
        return next(iter(self.reconstructions))

    @property
    def reconstruction(self) -> Series:
        """Its reconstruction."""
        return self.reconstructions[self.model]

    @property
    def finest(self) -> tuple[str, Series]:
        """What to look at first, and what ``maps`` call it: the truth, or the reconstruction where there is none."""
        return (self.model, self.reconstruction) if self.truth is None else (TRUTH, self.truth)


def map_errors(
    maps: Mapping[str, PerfusionMaps], reference: Mapping[str, np.ndarray], mask: np.ndarray
) -> dict[str, dict[str, dict[str, float | None]]]:
    """By model and name of the map: ``map_error`` against the reference maps [z, y, x] in ``mask``."""
    return {
        model: {name: map_error(getattr(found, name), reference[name], mask) for name in UNITS if name in reference}
        for model, found in maps.items()
    }


def label(model: str) -> str:
    """What results call a model: its name, or its file's without the folder."""
    return Path(model).name if model.endswith(".safetensors") else model


def enhance(series: Series, job: Job, report: Progress, stop: Stop) -> Study:
    """Reconstruct ``series`` as the job says, and map the result. Raises ``DSCError`` and ``Cancelled``."""
    clock = _Stopwatch(stop)
    network, adaptation, report = own_network(series, job, report, stop)
    if adaptation is not None:
        clock.lap("adaptation")
    fine, uncertainty = _reconstruct(series, job, network, part(report, 0.0, 0.9), stop, own=True)
    clock.lap("reconstruction")
    maps, coarse, reason, mask = {}, None, None, None
    if job.maps:
        mask = _fine_mask(job.mask, series, fine)
        found = {label(job.model): fine, INPUT: series}
        maps, coarse, reason = _all_maps(found, mask, job, part(report, 0.9, 1.0))
        maps = with_reconstruction_uncertainty(maps, label(job.model), fine, uncertainty)
        clock.lap("maps")
    return Study(
        series,
        {label(job.model): fine},
        mask=mask,
        maps=maps,
        input_maps=coarse,
        maps_error=reason,
        notes=_notes(series, series, job, maps, adaptation),
        seconds=clock.laps,
        uncertainty=uncertainty,
        adaptation=adaptation,
    )


def _reconstruct(
    series: Series, job: Job, network: nn.Module, report: Progress, stop: Stop, *, own: bool
) -> tuple[Series, Series | None]:
    """The reconstruction, and its deviation where ``network`` is the job's ``own`` and the job or its maps need it."""
    from dsc_superres.reconstruction import reconstruct as work

    options = {"space": job.space, "time": job.time, "interval": job.interval, "model": network, "device": job.device}
    options |= {"progress": report, "cancelled": stop}
    if own and (job.uncertainty or (job.maps and hasattr(network, "predict"))):
        return work.reconstruct_with_uncertainty(series, **options)
    return work.reconstruct(series, **options), None


def retrospect(
    series: Series,
    job: Job,
    report: Progress,
    stop: Stop,
    *,
    mask: np.ndarray | None = None,
    aif: ArterialInput | None = None,
) -> Study:
    """Under-sample ``series``, reconstruct that with each of the job's models, and measure how close they come.

    ``mask``, bool[z, y, x] on the grid of ``series``, and ``aif`` go before the job's own, for whoever knows better.
    Raises ``DSCError`` and ``Cancelled``.
    """
    from dsc_superres.degrade import matching_truth, undersample

    space, steps = int(job.space), int(job.time)
    clock = _Stopwatch(stop)
    report(0.0, "Under-sampling")
    truth = matching_truth(series, space, steps)
    coarse = undersample(series, space, steps, job.operator)
    width, height, _ = truth.size
    mask = find_mask_or_none(job.mask, truth) if mask is None else mask[:, :height, :width]
    clock.lap("under-sampling")
    network, adaptation, report = own_network(coarse, job, report, stop)
    if adaptation is not None:
        clock.lap("adaptation")
    fine, found, uncertainty = _reconstruct_all(coarse, truth, mask, job, network, report, clock)
    maps, coarse_maps, reason, peaks = {}, None, None, {}
    if job.maps:
        all_series = {TRUTH: truth, **fine, INPUT: coarse}
        maps, coarse_maps, reason = _all_maps(all_series, mask, job, part(report, 0.9, 1.0), aif)
        maps = with_reconstruction_uncertainty(maps, label(job.model), fine[label(job.model)], uncertainty)
        peaks = _peak_errors(truth, fine, maps)
        clock.lap("maps")
    notes = _notes(series, coarse, job, maps, adaptation)
    known = (maps, coarse_maps, reason, notes, peaks, clock.laps, uncertainty, adaptation)
    return Study(coarse, fine, truth, mask, found, *known)


def _reconstruct_all(
    coarse: Series,
    truth: Series,
    mask: np.ndarray | None,
    job: Job,
    network: nn.Module,
    report: Progress,
    clock: _Stopwatch,
) -> tuple[dict[str, Series], dict[str, Comparison], Series | None]:
    """The reconstruction by each of the job's models, how it compares with the truth, and the deviation of the first.

    That is 0.9 of the work. ``network`` is the job's own model.
    """
    from dsc_superres.networks import load_model

    models = tuple(dict.fromkeys((job.model, *job.baselines)))
    edges = _shares(models)
    fine, found, uncertainty = {}, {}, None
    for model, (start, middle, _) in zip(models, edges, strict=True):
        name = label(model)
        own = model == job.model
        here = part(report, start, middle, f"{name}: ")
        fine[name], told = _reconstruct(coarse, job, network if own else load_model(model), here, clock.stop, own=own)
        uncertainty = uncertainty if told is None else told
        clock.lap(f"reconstruction {name}")
        report(middle, f"{name}: measuring")
        found[name] = compare(fine[name], truth, mask)
        clock.lap(f"metrics {name}")
    return fine, found, uncertainty


def find_mask_or_none(choice: str, series: Series) -> np.ndarray | None:
    """``find_mask``, but None where no brain is found: the rest of the work does not depend on it."""
    try:
        return find_mask(choice, series)
    except PerfusionError:
        return None


def _fine_mask(choice: str, series: Series, fine: Series) -> np.ndarray | None:
    """The mask on the grid of ``fine``; a file is drawn on that of ``series``, which covers the same field of view."""
    if choice in ("auto", "none"):
        return find_mask_or_none(choice, fine)
    return on_grid(find_mask(choice, series), fine.signal.shape[1:])


def _all_maps(
    series: Mapping[str, Series], mask: np.ndarray | None, job: Job, report: Progress, aif: ArterialInput | None = None
) -> tuple[dict[str, PerfusionMaps], PerfusionMaps | None, str | None]:
    """Maps of each series, and apart from them those of ``INPUT``; or none, and the sentence that says why.

    ``mask`` is on the grid of all but the input.
    """
    masks = dict.fromkeys(series, mask) if mask is not None else find_masks(series, job.mask)
    if mask is not None:
        masks[INPUT] = on_grid(mask, series[INPUT].signal.shape[1:])
    fine = {name: one for name, one in series.items() if name != INPUT}
    try:
        found = map_series(fine, masks, job, aif, report)
    except PerfusionError as error:
        return {}, None, str(error)
    artery = next(iter(found.values())).aif
    try:
        coarse = map_series({INPUT: series[INPUT]}, masks, job, artery)[INPUT]
    except PerfusionError:
        coarse = None  # too few frames to see the bolus are what a reconstruction is for
    return found, coarse, None


def _notes(
    series: Series, coarse: Series, job: Job, maps: Mapping[str, PerfusionMaps], adaptation: Adaptation | None
) -> tuple[str, ...]:
    tuned = () if adaptation is None else (tuning_note(adaptation),)
    unlike = (*tuned, *(() if job.model in INTERPOLATORS else outside_training_range(coarse, job.space)))
    if series.echo_time is not None or not maps:
        return unlike
    return (
        *unlike,
        f"The echo time of the series is not known, so the maps assume {1000 * ASSUMED_ECHO_TIME:g} ms; "
        "they do not depend on it, because tissue and artery share it.",
    )


def _peak_errors(
    truth: Series, fine: Mapping[str, Series], maps: Mapping[str, PerfusionMaps]
) -> dict[str, tuple[float, float]]:
    if TRUTH not in maps:
        return {}
    mask, baseline = maps[TRUTH].mask, maps[TRUTH].baseline
    return {
        model: peak_change_error(series.signal, truth.signal, mask, baseline, truth.echo_time or ASSUMED_ECHO_TIME)
        for model, series in fine.items()
    }


def _shares(models: tuple[str, ...]) -> list[tuple[float, float, float]]:
    """Where each model's reconstruction begins and ends, and its measuring ends, as shares of the work."""
    # A network takes about thirty times as long as measuring does, an interpolator half as long.
    weights = [0.5 if model in INTERPOLATORS else 30.0 for model in models]
    total, done, edges = sum(weights) + len(models), 0.0, []
    for weight in weights:
        edges.append(tuple(0.9 * part / total for part in (done, done + weight, done + weight + 1)))
        done += weight + 1
    return edges


class _Stopwatch:
    """Times the steps, and ends the work between two of them when asked to."""

    def __init__(self, stop: Stop) -> None:
        self.laps: dict[str, float] = {}
        self.stop, self._last = stop, time.monotonic()

    def lap(self, step: str) -> None:
        now = time.monotonic()
        self.laps[step] = round(now - self._last, 2)
        self._last = now
        if self.stop():
            raise Cancelled
