"""Under-sample a series, reconstruct that by one or several models, and measure how close they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dsc_superres.comparison import Comparison, compare
from dsc_superres.metrics import peak_change_error
from dsc_superres.models import find
from dsc_superres.perfusion import ArterialInput, PerfusionMaps
from dsc_superres.perfusion.concentration import ASSUMED_ECHO_TIME
from dsc_superres.pipeline.case import INPUT, TRUTH, Case, OnImages, label
from dsc_superres.pipeline.case_maps import check_map_inputs, map_case
from dsc_superres.pipeline.case_options import CompareOptions
from dsc_superres.pipeline.estimate import reconstruction_lap
from dsc_superres.pipeline.masks import find_mask_or_none
from dsc_superres.pipeline.notes import case_notes
from dsc_superres.pipeline.prepared_series import prepared_series
from dsc_superres.reconstruction.reconstruct import reconstruct_series
from dsc_superres.series import Series
from dsc_superres.utils.progress import IsCancelled, Progress, part
from dsc_superres.utils.stopwatch import Stopwatch


def compare_case(
    series: Series,
    options: CompareOptions,
    progress: Progress,
    cancelled: IsCancelled,
    *,
    maps: bool = True,
    mask: np.ndarray | None = None,
    aif: ArterialInput | None = None,
    images: OnImages | None = None,
) -> Case:
    """Under-sample ``series``, reconstruct that with each model of the options, and compare them with ``series``.

    ``mask``, bool[z, y, x] on the grid of ``series``, and ``aif`` take precedence over the options where they are
    known, as they are of a digital patient. ``images`` is called with the case before its maps are computed. Raises
    ``DSCError`` and ``Cancelled``.
    """
    from dsc_superres.degrade import matching_truth, undersample

    space, steps = int(options.space), int(options.time)
    watch = Stopwatch(cancelled)
    if maps:
        check_map_inputs(series, options)
    prepared = prepared_series(series, options, part(progress, 0.0, 0.1), cancelled)
    series = prepared.series
    watch.lap("frames and motion")
    progress(0.1, "Under-sampling")
    truth = matching_truth(series, space, steps)
    coarse = undersample(series, space, steps, options.operator)
    width, height, _ = truth.size
    mask = find_mask_or_none(options.mask, truth) if mask is None else mask[:, :height, :width]
    watch.lap("under-sampling")
    work = part(progress, 0.1, 1.0)
    fine, comparisons, uncertainty = _reconstruct_all(coarse, truth, mask, options, maps, work, watch, cancelled)

    def notes(*, mapped: bool) -> tuple[str, ...]:
        return (*case_notes(series, coarse, options, mapped), *_notes_of_models(coarse, fine))

    case = Case(
        input=coarse,
        reconstructions=fine,
        truth=truth,
        mask=mask,
        comparisons=comparisons,
        notes=notes(mapped=False),
        seconds=watch.laps,
        uncertainty=uncertainty,
        prepared=prepared,
    )
    if not maps:
        return case
    if images is not None:
        images(case)
        watch.lap("writing the images")
    name = label(options.model)
    mapped_models = fine if options.baseline_maps else {name: fine[name]}
    all_series = {TRUTH: truth, **mapped_models, INPUT: coarse}
    mapped = map_case(all_series, mask, options, part(work, 0.9, 1.0), aif, {name: uncertainty})
    watch.lap("maps")
    return replace(
        case,
        maps=mapped.maps,
        input_maps=mapped.input_maps,
        maps_error=mapped.maps_error,
        notes=notes(mapped=bool(mapped.maps)),
        peak_errors=_peak_errors(truth, fine, mapped.maps),
    )


def _reconstruct_all(
    coarse: Series,
    truth: Series,
    mask: np.ndarray | None,
    options: CompareOptions,
    maps: bool,
    progress: Progress,
    watch: Stopwatch,
    cancelled: IsCancelled,
) -> tuple[dict[str, Series], dict[str, Comparison], Series | None]:
    """The reconstruction by each model, its comparison with the truth, and the uncertainty of the first.

    That is 0.9 of the work.
    """
    from dsc_superres.networks import load_model

    models = tuple(dict.fromkeys((options.model, *options.baselines)))
    networks = [load_model(model) for model in models]  # a model that is not there ends the work at its beginning
    fine, comparisons, uncertainty = {}, {}, None
    for model, network, (start, middle) in zip(models, networks, _shares(models), strict=True):
        name, first = label(model), model == options.model
        fine[name], estimated = reconstruct_series(
            coarse,
            network,
            uncertainty=first and (options.uncertainty or (maps and network.estimates_uncertainty)),
            common_times=False,  # the truth has those of its slices, too
            progress=part(progress, start, middle, f"{name}: "),
            cancelled=cancelled,
            **options.network_arguments(),
        )
        uncertainty = estimated if first else uncertainty
        watch.lap(reconstruction_lap(model))
        progress(middle, f"{name}: measuring")
        comparisons[name] = compare(fine[name], truth, mask)
        watch.lap(f"metrics {name}")
    return fine, comparisons, uncertainty


def _notes_of_models(coarse: Series, fine: Mapping[str, Series]) -> tuple[str, ...]:
    """What models state of how they were applied."""
    return tuple(dict.fromkeys(note for series in fine.values() for note in series.notes if note not in coarse.notes))


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


def _shares(models: tuple[str, ...]) -> list[tuple[float, float]]:
    """Where each model's reconstruction begins and ends, as shares of the work; its measuring follows."""
    # A network takes about thirty times as long as measuring does, an interpolator half as long.
    weights = [0.5 if find(model).is_interpolator else 30.0 for model in models]
    total, done, edges = sum(weights) + len(models), 0.0, []
    for weight in weights:
        edges.append((0.9 * done / total, 0.9 * (done + weight) / total))
        done += weight + 1
    return edges
