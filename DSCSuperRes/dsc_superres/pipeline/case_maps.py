"""Perfusion maps of several series of one scan, on one arterial input function, which makes them comparable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from dsc_superres.errors import Cancelled, PerfusionError
from dsc_superres.perfusion import (
    ArterialInput,
    PerfusionMaps,
    WhiteMatterReference,
    compute_maps,
    find_bolus,
    read_aif_csv,
)
from dsc_superres.perfusion.arterial_checks import at_times_of
from dsc_superres.perfusion.concentration import ASSUMED_ECHO_TIME, delta_r2star
from dsc_superres.perfusion.maps import chosen_baseline
from dsc_superres.perfusion.mask import brain_mask
from dsc_superres.perfusion.propagation import with_signal_uncertainty
from dsc_superres.perfusion.slice_offsets import mean_curve
from dsc_superres.pipeline.case import INPUT, TRUTH
from dsc_superres.pipeline.case_options import PerfusionOptions
from dsc_superres.pipeline.masks import find_mask, find_masks, on_grid
from dsc_superres.series import Series
from dsc_superres.utils.file_names import without_names
from dsc_superres.utils.progress import IsCancelled, Progress, never, no_progress

NONE: Mapping[str, None] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class CaseMaps:
    """The maps of a case: by name of the series; those of its input apart; or the reason why there are none."""

    maps: Mapping[str, PerfusionMaps]
    input_maps: PerfusionMaps | None = None
    maps_error: str | None = None


def map_case(
    series: Mapping[str, Series],
    mask: np.ndarray | None,
    options: PerfusionOptions,
    progress: Progress,
    aif: ArterialInput | None = None,
    uncertainty: Mapping[str, Series | None] = NONE,
) -> CaseMaps:
    """Maps of each series, and apart from them those of ``INPUT``, all on one arterial input function.

    ``mask`` is on the grid of all but the input; ``uncertainty`` as for ``map_series``.
    """
    masks = dict.fromkeys(series, mask) if mask is not None else find_masks(series, options.mask)
    if mask is not None:
        masks[INPUT] = on_grid(mask, series[INPUT].signal.shape[1:])
    fine = {name: one for name, one in series.items() if name != INPUT}
    try:
        if aif is None:
            aif = chosen_aif(_by_role(series), _by_role(masks), options)
        references = chosen_references(series, options)
        vein = chosen_vein(series, options, next(iter(fine)))
        maps = map_series(fine, masks, options, aif, uncertainty, progress, references=references, vein=vein)
    except PerfusionError as error:
        return CaseMaps({}, maps_error=_nameless(str(error), options))
    first = next(iter(maps.values()))
    unscaled = replace(options, vein=None)  # the arterial input has been scaled to it
    shared = references or {INPUT: _resampled(first.reference, series[INPUT])}
    try:
        coarse = map_series({INPUT: series[INPUT]}, masks, unscaled, first.aif, references=shared)[INPUT]
    except PerfusionError:
        coarse = None  # too few frames to see the bolus are what a reconstruction is for
    return CaseMaps(maps, coarse)


def _nameless(text: str, options: PerfusionOptions) -> str:
    """Return a message that is kept with results without the names of files, which may be those of patients."""
    for value in (options.aif, options.mask, options.reference, options.vein):
        if value is not None and Path(value).is_file():
            text = without_names(text, Path(value), "of the file")
    return text


def _by_role(values: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a case by role, where that of the first model counts as ``reconstruction``."""
    model = next(name for name in values if name not in (TRUTH, INPUT))
    return {"reconstruction" if name == model else name: value for name, value in values.items()}


def map_series(
    series: Mapping[str, Series],
    masks: Mapping[str, np.ndarray | None],
    options: PerfusionOptions,
    aif: ArterialInput | None = None,
    uncertainty: Mapping[str, Series | None] = NONE,
    progress: Progress = no_progress,
    cancelled: IsCancelled = never,
    acquired_times: Mapping[str, np.ndarray] = NONE,
    references: Mapping[str, WhiteMatterReference | str] = NONE,
    vein: np.ndarray | None = None,
) -> dict[str, PerfusionMaps]:
    """Maps of each series in its mask, bool[z, y, x] (None: the brain, found automatically).

    The arterial input function is ``aif``, or that of the options; where there is none, it is found in the first
    series and serves all: arteries are thinner than coarse pixels, and an arterial input that is too low would scale
    every voxel of a map. Of reconstructions, ``acquired_times`` (s) are those that were measured where the series does
    not state them itself, which decides how much each frame adds; ``uncertainty`` is the standard deviation of their
    error, which those of maps include.
    The input is scaled to the area of ``vein``, bool[z, y, x] on the first series, or of that which the options name.
    Relative maps refer to ``references``; where there are none, white matter is found in the first series, and the same
    region of the patient serves all, so that relative maps can be compared, too.
    Raises ``PerfusionError`` and ``Cancelled``.
    """
    maps: dict[str, PerfusionMaps] = {}
    aif = chosen_aif(series, masks, options) if aif is None else aif
    references = dict(references or chosen_references(series, options))
    vein = chosen_vein(series, options, next(iter(series))) if vein is None else vein
    for count, (name, one) in enumerate(series.items()):
        if cancelled():
            raise Cancelled
        progress(count / len(series), f"Perfusion maps: {name}")
        maps[name] = compute_maps(
            with_echo_time(one),
            aif=aif,
            mask=masks.get(name),
            vein=vein if count == 0 else None,
            reference=references.get(name, "auto"),
            options=options.map_options(),
            acquired_times=acquired_times.get(name, one.acquired_times),
        )
        aif = maps[name].aif
        if not references:
            references = {other: _resampled(maps[name].reference, rest) for other, rest in series.items()}
        if uncertainty.get(name) is not None:
            maps[name] = with_signal_uncertainty(maps[name], one, uncertainty[name])
    return maps


def chosen_aif(
    series: Mapping[str, Series], masks: Mapping[str, np.ndarray | None], options: PerfusionOptions
) -> ArterialInput | None:
    """The arterial input function that the options give as a file or as voxels; None where it is to be found.

    Raises ``PerfusionError`` for voxels outside the series, and as ``read_chosen_aif``.
    """
    if options.aif is not None:
        return read_chosen_aif(options.aif, series.values())
    if options.aif_voxels is None:
        return None
    name = options.aif_series or next(iter(series))
    return _aif_of_voxels(with_echo_time(series[name]), masks.get(name), name, options)


def chosen_references(series: Mapping[str, Series], options: PerfusionOptions) -> dict[str, WhiteMatterReference | str]:
    """The white matter in the file that the options name, on the grid of each series; empty where it is to be found.

    Raises ``DSCError`` where the file fits none.
    """
    if options.reference == "auto":
        return {}
    if options.reference == "none":
        return dict.fromkeys(series, "none")
    regions = find_masks(series, options.reference)
    return {name: WhiteMatterReference(region, "given as a mask file") for name, region in regions.items()}


def chosen_vein(series: Mapping[str, Series], options: PerfusionOptions, name: str) -> np.ndarray | None:
    """The vein in the file that the options name, bool[z, y, x] on the series ``name``; None where they name none.

    Raises ``DSCError`` where the file fits none of the series.
    """
    return None if options.vein is None else find_masks(series, str(options.vein))[name]


def _resampled(reference: WhiteMatterReference | None, series: Series) -> WhiteMatterReference | str:
    """The same region of the patient on the grid of another series of the same field of view."""
    return (
        "none" if reference is None else replace(reference, region=on_grid(reference.region, series.signal.shape[1:]))
    )


def read_chosen_aif(path: Path, series: Iterable[Series]) -> ArterialInput:
    """The arterial input function in a file, for these series. Raises ``DSCError``.

    Its values are on the scale that only the echo time gives to the tissue's, so none of the series may lack it.
    """
    series = list(series)
    if any(one.echo_time is None for one in series):
        raise PerfusionError(
            "The echo time is not known, so an arterial input from a file has another scale than the tissue: "
            "give it (--te SECONDS)."
        )
    aif = read_aif_csv(path)
    for one in series:
        if one.has_times:
            at_times_of(aif, one.times)
    return aif


def check_map_inputs(series: Series, options: PerfusionOptions) -> None:
    """Check the files that maps of ``series`` need before the work. Raises ``DSCError``."""
    if options.aif is not None:
        read_chosen_aif(options.aif, [series])
    if options.mask not in ("auto", "none"):
        find_mask(options.mask, series)
    if options.reference not in ("auto", "none"):
        find_mask(options.reference, series)
    if options.vein is not None:
        find_mask(str(options.vein), series)


def _aif_of_voxels(series: Series, mask: np.ndarray | None, name: str, options: PerfusionOptions) -> ArterialInput:
    voxels = np.array(options.aif_voxels)
    mask = brain_mask(series) if mask is None else mask
    bolus = find_bolus(series.signal[:, mask].mean(axis=1, dtype=np.float64), series.times)
    baseline = bolus.baseline if options.baseline is None else chosen_baseline(options.baseline, series.times)
    if np.any(voxels.max(axis=0) >= series.signal.shape[1:]):
        raise PerfusionError(f"An arterial voxel lies outside the {name}: choose voxels within it.")
    z, y, x = voxels.T
    curves = delta_r2star(series.signal[:, z, y, x], series.echo_time, baseline)
    curves[: baseline.start] = 0
    offsets = np.zeros(z.size) if series.slice_times is None else series.slice_times[z]
    times, mean = mean_curve(curves, series.times, offsets)
    return ArterialInput(times, mean, voxels, source=f"{len(voxels)} chosen voxel{'s' if len(voxels) > 1 else ''}")


def with_echo_time(series: Series) -> Series:
    """The series, with an assumed echo time where it has none."""
    if series.echo_time is not None:
        return series
    sources = {**series.sources, "echo_time": "assumed"}
    return series.with_signal(series.signal, echo_time=ASSUMED_ECHO_TIME, sources=sources)
