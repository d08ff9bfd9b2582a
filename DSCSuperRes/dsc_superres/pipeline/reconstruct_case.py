"""Reconstruct a series and map the result."""

from __future__ import annotations

from dsc_superres.pipeline.case import INPUT, Case, label
from dsc_superres.pipeline.options import ReconstructOptions
from dsc_superres.pipeline.shared_maps import with_reconstruction_uncertainty
from dsc_superres.pipeline.steps import (
    CaseMaps,
    Stopwatch,
    case_notes,
    fine_mask,
    map_case,
    needs_uncertainty,
    reconstruct_with,
)
from dsc_superres.series import Series
from dsc_superres.utils.progress import IsCancelled, Progress, part


def reconstruct_case(
    series: Series, options: ReconstructOptions, progress: Progress, cancelled: IsCancelled, *, maps: bool = True
) -> Case:
    """Reconstruct ``series`` as the options say and, with ``maps``, map the result.

    Raises ``DSCError`` and ``Cancelled``.
    """
    from dsc_superres.networks import load_model

    network = load_model(options.model)
    watch = Stopwatch(cancelled)
    share = 0.9 if maps else 1.0
    fine, uncertainty = reconstruct_with(
        network,
        series,
        options,
        part(progress, 0.0, share),
        cancelled,
        interval=options.interval,
        uncertainty=needs_uncertainty(network, options, maps),
    )
    watch.lap("reconstruction")
    name = label(options.model)
    mapped, mask = CaseMaps({}), None
    if maps:
        mask = fine_mask(options.mask, series, fine)
        both = {name: fine, INPUT: series}
        mapped = map_case(both, mask, options, part(progress, share, 1.0), uncertainties={name: uncertainty})
        watch.lap("maps")
    return Case(
        input=series,
        reconstructions={name: fine},
        mask=mask,
        maps=with_reconstruction_uncertainty(mapped.maps, name, fine, uncertainty),
        input_maps=mapped.input_maps,
        maps_error=mapped.maps_error,
        notes=case_notes(series, series, options, bool(mapped.maps)),
        seconds=watch.laps,
        uncertainty=uncertainty,
    )
