"""Perfusion maps of several series of one scan, on one arterial input: what makes them comparable."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from dsc_superres.errors import Cancelled, PerfusionError, SeriesError
from dsc_superres.perfusion import ArterialInput, PerfusionMaps, aif_from_voxels, compute_maps, find_bolus
from dsc_superres.perfusion.concentration import delta_r2star
from dsc_superres.perfusion.maps import chosen_baseline
from dsc_superres.perfusion.mask import brain_mask
from dsc_superres.pipeline.jobs import Job
from dsc_superres.pipeline.masks import find_mask
from dsc_superres.series import Series
from dsc_superres.utils.progress import Progress, no_progress

ASSUMED_ECHO_TIME = 0.03
"""s, where a series does not tell: tissue and artery share it, so it cancels in every map."""


def map_series(
    series: Mapping[str, Series],
    masks: Mapping[str, np.ndarray | None],
    job: Job,
    aif: ArterialInput | None = None,
    report: Progress = no_progress,
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, PerfusionMaps]:
    """Maps of each series in its mask, bool[z, y, x] (None: the brain as found), with the options of the job.

    The arterial input is ``aif``, or the job's; where there is none it is looked for in the first series and then
    serves all: arteries are thinner than coarse pixels, and one input that is too low would scale every voxel of a map.
    Raises ``PerfusionError`` and ``Cancelled``.
    """
    found: dict[str, PerfusionMaps] = {}
    for count, (name, one) in enumerate(series.items()):
        if stop():
            raise Cancelled
        report(count / len(series), f"Perfusion maps: {name}")
        first = next(iter(found.values()), None)
        arterial = first.aif if first else aif if aif is not None else job_aif(series, masks, job)
        found[name] = compute_maps(with_echo_time(one), aif=arterial, mask=masks.get(name), options=job.map_options())
    return found


def with_reconstruction_uncertainty(
    maps: dict[str, PerfusionMaps], name: str, fine: Series | None, uncertainty: Series | None
) -> dict[str, PerfusionMaps]:
    """The maps, where those of the reconstruction ``name`` know of the ``uncertainty`` of its signal too."""
    if fine is None or uncertainty is None or name not in maps:
        return maps
    from dsc_superres.perfusion.propagation import with_signal_uncertainty

    return {**maps, name: with_signal_uncertainty(maps[name], fine, uncertainty)}


def job_aif(series: Mapping[str, Series], masks: Mapping[str, np.ndarray | None], job: Job) -> ArterialInput | None:
    """The arterial input that the job gives as a file or as voxels; None where it is to be found."""
    from dsc_superres.perfusion import read_aif_csv

    if job.aif is not None:
        return read_aif_csv(job.aif)
    if job.aif_voxels is None:
        return None
    name = job.aif_series or next(iter(series))
    one, mask = with_echo_time(series[name]), masks.get(name)
    mask = brain_mask(one) if mask is None else mask
    bolus = find_bolus(one.signal[:, mask].mean(axis=1, dtype=np.float64), one.times)
    baseline = bolus.baseline if job.baseline is None else chosen_baseline(job.baseline, one.times)
    z, y, x = np.array(job.aif_voxels).T
    if np.any(np.array(job.aif_voxels).max(axis=0) >= one.signal.shape[1:]):
        raise PerfusionError(f"An arterial voxel lies outside the {name}: choose voxels within it.")
    chosen = delta_r2star(one.signal[:, z, y, x], one.echo_time, baseline)
    chosen[: baseline.start] = 0
    flat = np.stack([np.arange(z.size), np.zeros_like(z), np.zeros_like(z)], axis=1)
    mean = aif_from_voxels(chosen[:, :, None, None], one.times, flat)
    return ArterialInput(one.times, mean.delta_r2star, np.array(job.aif_voxels), source=mean.source)


def find_masks(series: Mapping[str, Series], choice: str) -> dict[str, np.ndarray | None]:
    """For each series of one field of view, the job's mask on its own grid; a file is drawn on that of one of them.

    Raises ``DSCError`` where a mask file fits none.
    """
    if choice in ("auto", "none"):
        return {name: np.ones(one.signal.shape[1:], bool) if choice == "none" else None for name, one in series.items()}
    refusals = []
    for one in series.values():
        try:
            mask = find_mask(choice, one)
        except SeriesError as error:
            refusals.append(error)
        else:
            return {name: on_grid(mask, other.signal.shape[1:]) for name, other in series.items()}
    raise refusals[0]


def on_grid(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A mask bool[z, y, x] on a finer or coarser grid of the same field of view: that of the nearest voxel."""
    for axis, size in enumerate(shape):
        theirs = mask.shape[axis]
        if theirs != size:
            mask = mask.take(((np.arange(size) + 0.5) * theirs / size).astype(int), axis=axis)
    return mask


def with_echo_time(series: Series) -> Series:
    """The series, with an assumed echo time where it has none."""
    if series.echo_time is not None:
        return series
    sources = {**series.sources, "echo_time": "assumed"}
    return series.with_signal(series.signal, echo_time=ASSUMED_ECHO_TIME, sources=sources)
