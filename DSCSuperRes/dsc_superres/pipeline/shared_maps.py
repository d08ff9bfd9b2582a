"""Perfusion maps of several series of one scan, on one arterial input function, which makes them comparable."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dsc_superres.errors import Cancelled, PerfusionError
from dsc_superres.perfusion import ArterialInput, PerfusionMaps, aif_from_voxels, compute_maps, find_bolus
from dsc_superres.perfusion.concentration import delta_r2star
from dsc_superres.perfusion.maps import chosen_baseline
from dsc_superres.perfusion.mask import brain_mask
from dsc_superres.pipeline.options import PerfusionOptions
from dsc_superres.series import Series
from dsc_superres.utils.progress import IsCancelled, Progress, never, no_progress

ASSUMED_ECHO_TIME = 0.03
"""s, where a series has none: tissue and artery share it, so it cancels in every map."""


def map_series(
    series: Mapping[str, Series],
    masks: Mapping[str, np.ndarray | None],
    options: PerfusionOptions,
    aif: ArterialInput | None = None,
    progress: Progress = no_progress,
    cancelled: IsCancelled = never,
    *,
    acquired: Mapping[str, np.ndarray] | None = None,
    uncertainties: Mapping[str, Series | None] | None = None,
) -> dict[str, PerfusionMaps]:
    """Maps of each series in its mask, bool[z, y, x] (None: the brain, found automatically).

    The arterial input function is ``aif``, or that of the options; where there is none, it is found in the first
    series and serves all: arteries are thinner than coarse pixels, and an arterial input that is too low would scale
    every voxel of a map. Of reconstructions, ``acquired`` holds the times (s) that were measured and ``uncertainties``
    the standard deviation of the error: both tell how much each frame adds.

    Raises ``PerfusionError`` and ``Cancelled``.
    """
    maps: dict[str, PerfusionMaps] = {}
    aif = chosen_aif(series, masks, options) if aif is None else aif
    for count, (name, one) in enumerate(series.items()):
        if cancelled():
            raise Cancelled
        progress(count / len(series), f"Perfusion maps: {name}")
        maps[name] = compute_maps(
            with_echo_time(one),
            aif=aif,
            mask=masks.get(name),
            options=options.map_options(),
            acquired_times=(acquired or {}).get(name),
            uncertainty=(uncertainties or {}).get(name),
        )
        aif = maps[name].aif
    return maps


def with_reconstruction_uncertainty(
    maps: Mapping[str, PerfusionMaps], name: str, fine: Series | None, uncertainty: Series | None
) -> Mapping[str, PerfusionMaps]:
    """The maps; those of the reconstruction ``name`` with the ``uncertainty`` of its signal in their own."""
    if fine is None or uncertainty is None or name not in maps:
        return maps
    from dsc_superres.perfusion.propagation import with_signal_uncertainty

    return {**maps, name: with_signal_uncertainty(maps[name], fine, uncertainty)}


def chosen_aif(
    series: Mapping[str, Series], masks: Mapping[str, np.ndarray | None], options: PerfusionOptions
) -> ArterialInput | None:
    """The arterial input function that the options give as a file or as voxels; None where it is to be found.

    Raises ``PerfusionError`` for voxels outside the series, and for a file where the echo time is not known: the
    file's values are on the scale that only the echo time gives to the tissue's.
    """
    from dsc_superres.perfusion import read_aif_csv

    if options.aif is not None:
        if any(one.echo_time is None for one in series.values()):
            raise PerfusionError(
                "The echo time is not known, so an arterial input from a file has another scale than the tissue: "
                "give it (--echo-time SECONDS)."
            )
        return read_aif_csv(options.aif)
    if options.aif_voxels is None:
        return None
    name = options.aif_series or next(iter(series))
    return _aif_of_voxels(with_echo_time(series[name]), masks.get(name), name, options)


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
    flat = np.stack([np.arange(z.size), np.zeros_like(z), np.zeros_like(z)], axis=1)
    mean = aif_from_voxels(curves[:, :, None, None], series.times, flat)
    return ArterialInput(series.times, mean.delta_r2star, voxels, source=mean.source)


def with_echo_time(series: Series) -> Series:
    """The series, with an assumed echo time where it has none."""
    if series.echo_time is not None:
        return series
    sources = {**series.sources, "echo_time": "assumed"}
    return series.with_signal(series.signal, echo_time=ASSUMED_ECHO_TIME, sources=sources)
