"""Reconstruct a series and map the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsc_superres.pipeline.case import INPUT, Case, label
from dsc_superres.pipeline.case_maps import CaseMaps, map_case, with_reconstruction_uncertainty
from dsc_superres.pipeline.case_options import ReconstructionOptions, ReconstructOptions
from dsc_superres.pipeline.masks import fine_mask
from dsc_superres.pipeline.notes import case_notes
from dsc_superres.reconstruction.reconstruct import reconstruct, reconstruct_with_uncertainty
from dsc_superres.series import Series
from dsc_superres.utils.progress import IsCancelled, Progress, part
from dsc_superres.utils.stopwatch import Stopwatch

if TYPE_CHECKING:
    from dsc_superres.networks import Model


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
        mapped = map_case({name: fine, INPUT: series}, mask, options, part(progress, share, 1.0))
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


def reconstruct_with(
    network: Model,
    series: Series,
    options: ReconstructionOptions,
    progress: Progress,
    cancelled: IsCancelled,
    *,
    interval: float | None = None,
    uncertainty: bool = False,
) -> tuple[Series, Series | None]:
    """The reconstruction of ``series`` by ``network``, and its uncertainty where that is wanted."""
    chosen = {"space": options.space, "time": options.time, "interval": interval, "device": options.device}
    chosen |= {"fast": options.fast, "progress": progress, "cancelled": cancelled}
    if uncertainty:
        return reconstruct_with_uncertainty(series, model=network, **chosen)
    return reconstruct(series, model=network, **chosen), None


def needs_uncertainty(network: Model, options: ReconstructionOptions, maps: bool) -> bool:
    """Whether to compute it: it was asked for, or the maps can make use of it."""
    return bool(options.uncertainty) or (maps and network.estimates_uncertainty)
