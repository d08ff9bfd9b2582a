"""Reconstruct a series and map the result."""

from __future__ import annotations

from dataclasses import replace

from dsc_superres.pipeline.case import INPUT, Case, OnImages, label
from dsc_superres.pipeline.case_maps import check_map_inputs, map_case
from dsc_superres.pipeline.case_options import ReconstructOptions
from dsc_superres.pipeline.estimate import reconstruction_lap
from dsc_superres.pipeline.masks import fine_mask
from dsc_superres.pipeline.notes import case_notes
from dsc_superres.pipeline.prepared_series import prepared_series
from dsc_superres.reconstruction.reconstruct import reconstruct_series
from dsc_superres.series import Series
from dsc_superres.utils.progress import IsCancelled, Progress, part
from dsc_superres.utils.stopwatch import Stopwatch


def reconstruct_case(
    series: Series,
    options: ReconstructOptions,
    progress: Progress,
    cancelled: IsCancelled,
    *,
    maps: bool = True,
    images: OnImages | None = None,
) -> Case:
    """Reconstruct ``series`` as the options say and, with ``maps``, map the result.

    ``images`` is called with the case before its maps are computed. Raises ``DSCError`` and ``Cancelled``.
    """
    from dsc_superres.networks import load_model

    if maps:
        check_map_inputs(series, options)
    network = load_model(options.model)
    watch = Stopwatch(cancelled)
    start, share = 0.1, 0.9 if maps else 1.0
    prepared = prepared_series(series, options, part(progress, 0.0, start), cancelled)
    series = prepared.series
    watch.lap("frames and motion")
    fine, uncertainty = reconstruct_series(
        series,
        network,
        interval=options.interval,
        # Maps make use of it, also where it is not written.
        uncertainty=bool(options.uncertainty) or (maps and network.estimates_uncertainty),
        progress=part(progress, start, share),
        cancelled=cancelled,
        **options.network_arguments(),
    )
    watch.lap(reconstruction_lap(options.model))
    name = label(options.model)
    case = Case(
        input=series,
        reconstructions={name: fine},
        notes=_notes(series, fine, options, mapped=False),
        seconds=watch.laps,
        uncertainty=uncertainty,
        prepared=prepared,
    )
    if not maps:
        return case
    if images is not None:
        images(case)
        watch.lap("writing the images")
    mask = fine_mask(options.mask, series, fine)
    all_series, known = {name: fine, INPUT: series}, {name: uncertainty}
    mapped = map_case(all_series, mask, options, part(progress, share, 1.0), uncertainty=known)
    watch.lap("maps")
    return replace(
        case,
        mask=mask,
        maps=mapped.maps,
        input_maps=mapped.input_maps,
        maps_error=mapped.maps_error,
        notes=_notes(series, fine, options, mapped=bool(mapped.maps)),
    )


def _notes(series: Series, fine: Series, options: ReconstructOptions, *, mapped: bool) -> tuple[str, ...]:
    """Sentences about the series, and what the model states of how it was applied."""
    return (
        *_repeated(series),
        *case_notes(series, series, options, mapped),
        *fine.notes[len(series.notes) :],
    )


def _repeated(series: Series) -> tuple[str, ...]:
    """A sentence where the series to reconstruct is a reconstruction."""
    if series.reconstructed is None:
        return ()
    return (
        "A reconstruction was reconstructed once more, which adds no information and more errors: reconstruct the "
        "acquired series instead.",
    )
