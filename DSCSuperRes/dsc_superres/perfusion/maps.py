"""Perfusion maps of a series: CBV, CBF, MTT, TTP and Tmax with their provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dsc_superres.errors import PerfusionError
from dsc_superres.frames.coarse_interval import COARSE_INTERVAL
from dsc_superres.models import entries
from dsc_superres.perfusion.aif_selection import aif_candidates
from dsc_superres.perfusion.arterial_checks import at_times_of, fitted_to
from dsc_superres.perfusion.arterial_input import ArterialInput, scaled_to_vein
from dsc_superres.perfusion.bolus import NO_BOLUS, Bolus, find_bolus
from dsc_superres.perfusion.concentration import baseline_signal, delta_r2star
from dsc_superres.perfusion.curve_maps import artery_and_frames, curve_maps, measured_samples, resolve_options
from dsc_superres.perfusion.frame_sampling import gaps_in_bolus
from dsc_superres.perfusion.frame_weights import frame_weights
from dsc_superres.perfusion.leakage import reference_curve
from dsc_superres.perfusion.map_provenance import provenance
from dsc_superres.perfusion.map_units import UNITS
from dsc_superres.perfusion.map_warnings import late_artery_warnings, map_warnings
from dsc_superres.perfusion.mask import brain_mask
from dsc_superres.perfusion.normalization import reference_record, relative_maps, trusted_scale
from dsc_superres.perfusion.options import MapOptions
from dsc_superres.perfusion.perfusion_maps import PerfusionMaps
from dsc_superres.perfusion.reading_aids import find_reading_aids
from dsc_superres.perfusion.slice_offsets import (
    at_common_times,
    at_slice_times,
    voxel_offsets,
    without_leakage,
)
from dsc_superres.perfusion.usable_samples import usable_series
from dsc_superres.perfusion.white_matter import WhiteMatterReference, find_white_matter
from dsc_superres.series import Series
from dsc_superres.utils.parallel import single_threaded_blas
from dsc_superres.utils.scratch_memory import release

VOXELS_PER_BLOCK = 20_000
"""Number of curves that are computed at a time."""


@single_threaded_blas()
def compute_maps(
    series: Series,
    *,
    aif: ArterialInput | None = None,
    mask: np.ndarray | None = None,
    vein: np.ndarray | None = None,
    reference: WhiteMatterReference | np.ndarray | str = "auto",
    options: MapOptions | None = None,
    acquired_times: np.ndarray | None = None,
) -> PerfusionMaps:
    """Compute the perfusion maps of a DSC series.

    Parameters
    ----------
    series : Series
        Dynamic series with echo time and frame times. Where it has slice times, curves count at those of their slice.
    aif : ArterialInput, optional
        Arterial input; selected automatically by default.
    mask : bool array, [z, y, x], optional
        Voxels to compute; the brain by default.
    vein : bool array, [z, y, x], optional
        Voxels of a large vein, to whose area the arterial input is scaled; not scaled by default.
    reference : WhiteMatterReference, bool array [z, y, x], "auto" or "none"
        Normal-appearing white matter that rcbv and rcbf are relative to; found in the maps by default. Where none is
        credible, a warning says so and there are no relative maps.
    options : MapOptions, optional
        Method and parameters.
    acquired_times : array, optional
        Of a reconstruction: times of the frames that were measured in s; by default those that its provenance states,
        else all frames.

    Returns
    -------
    PerfusionMaps

    Raises
    ------
    PerfusionError
        If the echo time or the frame times are unknown, if there is no contrast bolus, or if the arterial input that is
        given does not fit the series.

    Examples
    --------
    >>> times = 1.5 * np.arange(40)
    >>> arterial = 300 * np.exp(-(((times - 20) / 4) ** 2))  # Delta R2* in 1/s
    >>> signal = 500 * np.exp(-0.03 * arterial / 20)  # tissue with a twentieth of the artery's area
    >>> series = Series(np.broadcast_to(signal[:, None, None, None], (40, 1, 4, 4)), times, echo_time=0.03)
    >>> maps = compute_maps(
    ...     series, aif=ArterialInput(times, arterial), mask=np.ones((1, 4, 4)), options=MapOptions(method="csvd")
    ... )
    >>> print(f"{maps.cbv.mean():.1f} {UNITS['cbv']}")
    3.5 mL/100 g
    """
    options = options or MapOptions()
    given = series
    series = usable_series(series, spikes=acquired_times is None and series.reconstructed is None)
    mask = _measured(_checked_mask(mask, series) if mask is not None else brain_mask(series), series.signal)
    if series.echo_time is None:
        raise PerfusionError(f"The echo time of {series.name} is not known: give it (--te SECONDS).")
    if not series.has_times:
        raise PerfusionError(f"The frame times of {series.name} are not known: give their interval (--tr SECONDS).")
    signal = _masked_signal(series.signal, mask)
    offsets = voxel_offsets(series, mask)
    times = series.times + np.mean(offsets)  # of the mean curve
    bolus = find_bolus(signal.mean(axis=1, dtype=np.float64), times)
    check_motion(signal, bolus)
    if options.baseline is not None:
        bolus = replace(bolus, baseline=chosen_baseline(options.baseline, series.times))
    baseline_values = baseline_signal(signal, bolus.baseline)
    curves = _convert_to_curves(signal, series.echo_time, bolus.baseline)
    candidates = ()
    if aif is None:
        candidates = _candidates(curves, series, mask, offsets, bolus, baseline_values)
        aif = candidates[0]
    if vein is None:
        aif = fitted_to(aif, curves, times, bolus, options.kh_over_rho)
    else:  # that gives the scale
        aif = at_times_of(aif, series.times)
        aif = scaled_to_vein(aif, curves[:, _checked_mask(vein, series)[mask]].mean(axis=1), times)
    leakage = {}
    if options.leakage != "none":
        tissue = reference_curve(curves, bolus)
        curves, leakage = without_leakage(curves, series.times, offsets, tissue, bolus, options)
    resolved = resolve_options(options, curves, times, aif, bolus)
    acquired_times = series.acquired_times if acquired_times is None else acquired_times
    frames = frame_weights(series.times, acquired_times)
    if resolved.method == "bayes" and not frames.acquired.all() and _interpolated(series):
        frames = frames.without_others()
    artery, input_record = None, None
    if resolved.method == "bayes" or gaps_in_bolus(aif.times, bolus, COARSE_INTERVAL):
        common = at_common_times(curves, series.times, offsets)
        artery, frames = artery_and_frames(common, times, aif, bolus, series.echo_time, frames)
        aif = measured_samples(aif, frames, bolus)
        input_record = artery.record(times, 1 / series.echo_time)
    found = curve_maps(
        curves,
        series.times,
        aif,
        bolus,
        resolved,
        series.echo_time,
        mask=mask,
        frames=frames,
        artery=artery,
        offsets=offsets,
    )
    values = found | leakage
    warnings = (
        *series.notes[len(given.notes) :],
        *map_warnings(
            curves, times, bolus, aif, resolved, series.echo_time, end_is_given=options.integration_end is not None
        ),
        *late_artery_warnings(values["tmax"]),
    )
    maps = {name: _to_volume(value, mask) for name, value in values.items()}
    trusted = trusted_scale(values["cbv"], aif, resolved.kh_over_rho)
    record: dict[str, object] = {"absolute_scale_trusted": trusted, "reference": None}
    record["aif_between_samples"] = input_record
    before_bolus = _to_volume(baseline_values, mask)
    try:
        found_reference = _reference(reference, maps, before_bolus, mask, series)
        if found_reference is not None:
            maps |= relative_maps(maps, found_reference.region)
            record["reference"] = reference_record(found_reference, maps, series.geometry)
    except PerfusionError as error:
        if isinstance(reference, np.ndarray):  # the user's own
            raise
        found_reference, warnings = None, (*warnings, str(error))
    aids = find_reading_aids(maps, before_bolus, mask, series.geometry, found_reference, series.interval)
    return PerfusionMaps(
        **{name: maps.pop(name) for name in UNITS},
        mask=mask,
        aif=aif,
        bolus=_in_frames_of(given, series, bolus),
        warnings=warnings,
        provenance={
            **provenance(series, aif, bolus, options, resolved, candidates, warnings, frames),
            "acquired_times_s": None if acquired_times is None else np.asarray(acquired_times).tolist(),
            **record,
            **aids.record,
        },
        extra=maps,
        candidates=candidates,
        reference=found_reference,
        regions=aids.regions,
        midline=aids.midline,
    )


def _candidates(
    curves: np.ndarray,
    series: Series,
    mask: np.ndarray,
    offsets: np.ndarray,
    bolus: Bolus,
    baseline: np.ndarray,
) -> tuple[ArterialInput, ...]:
    """Return arterial inputs found in curves[t, n] (1/s) of the voxels of ``mask``, the likeliest first."""
    common, times = at_common_times(curves, series.times, offsets), series.times + np.mean(offsets)
    found = aif_candidates(common, times, bolus, np.argwhere(mask), series.echo_time, baseline)
    return tuple(at_slice_times(candidate, curves, series.times, mask, offsets) for candidate in found)


def _reference(
    chosen: WhiteMatterReference | np.ndarray | str,
    maps: Mapping[str, np.ndarray],
    baseline: np.ndarray,
    mask: np.ndarray,
    series: Series,
) -> WhiteMatterReference | None:
    """Return the reference of relative maps as far as it lies in ``mask``. Raises ``PerfusionError``."""
    if isinstance(chosen, str):
        if chosen not in ("auto", "none"):
            raise PerfusionError(f'The reference is "{chosen}"; it must be "auto", "none" or a region.')
        return (
            None if chosen == "none" else find_white_matter(maps["cbv"], maps["ttp"], baseline, mask, series.geometry)
        )
    chosen = chosen if isinstance(chosen, WhiteMatterReference) else WhiteMatterReference(np.asarray(chosen) != 0)
    return replace(chosen, region=chosen.region & mask) if chosen.region.shape == mask.shape else chosen


def chosen_baseline(span: tuple[float, float], times: np.ndarray) -> slice:
    """Return the frames of times[t] within ``span`` (begin and end in s).

    Raises ``PerfusionError`` if there are none.
    """
    begin, end = np.searchsorted(times, [span[0] - 1e-6, span[1] + 1e-6])
    if begin >= end:
        raise PerfusionError(f"No frame lies in the baseline from {span[0]:g} to {span[1]:g} s: choose other times.")
    return slice(int(begin), int(end))


def _in_frames_of(given: Series, used: Series, bolus: Bolus) -> Bolus:
    """Return the bolus of a series ``used`` with the frames of the series ``given``, of which that has a part."""
    if used.frames == given.frames:
        return bolus
    frame = np.searchsorted(given.times, used.times)
    return replace(
        bolus,
        baseline=slice(int(frame[bolus.baseline.start]), int(frame[bolus.baseline.stop - 1]) + 1),
        arrival_frame=int(frame[bolus.arrival_frame]),
        peak_frame=int(frame[bolus.peak_frame]),
    )


def check_motion(signal: np.ndarray, bolus: Bolus) -> None:
    """Raise ``PerfusionError`` if signal[t, n] falls in some voxels and rises in others, as it does with motion."""
    baseline = signal[bolus.baseline].mean(axis=0)
    peak_frames = (
        signal[bolus.peak_frame - 1 : bolus.peak_frame + 2]
        if bolus.baseline_frames > 3
        else signal[bolus.peak_frame][None]
    )
    change = peak_frames.mean(axis=0) / np.maximum(baseline, 1e-6) - 1
    fall, rise = np.mean(change < -0.1 * bolus.drop), np.mean(change > 0.1 * bolus.drop)
    if fall - rise < 0.4 * (fall + rise):
        raise PerfusionError(
            f"{NO_BOLUS} (around frame {bolus.peak_frame} the signal rises in many voxels while it falls in others, as "
            "it does with motion): correct it (--motion correct), or leave bad frames out (--exclude "
            f"{bolus.peak_frame})."
        )


def _interpolated(series: Series) -> bool:
    """Whether the series says that an interpolator made it: then nothing is known beyond its input."""
    model = (series.reconstructed or {}).get("model")
    name = model.get("name") if isinstance(model, Mapping) else None
    return any(entry.is_interpolator and entry.name == name for entry in entries())


def _masked_signal(signal: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the voxels of signal[t, z, y, x] in ``mask`` as new float32[t, n], read frame by frame."""
    masked = np.empty((len(signal), np.count_nonzero(mask)), np.float32)
    for row, frame in zip(masked, signal, strict=True):
        row[:] = frame[mask]
        release(signal)
    return masked


def _convert_to_curves(signal: np.ndarray, echo_time: float, baseline: slice) -> np.ndarray:
    """Replace signal[t, n] by Delta R2* (1/s) in place: a large series has only one copy in memory.

    Curves are 0 before steady state, where the signal does not measure contrast agent and there is none.
    """
    for first in range(0, signal.shape[1], VOXELS_PER_BLOCK):
        block = signal[:, first : first + VOXELS_PER_BLOCK]
        block[:] = delta_r2star(block, echo_time, baseline)
    signal[: baseline.start] = 0
    return signal


def _checked_mask(mask: np.ndarray, series: Series) -> np.ndarray:
    """Return ``mask`` as bool array. Raises ``PerfusionError`` if it does not fit the series or is empty."""
    mask = np.asarray(mask) != 0
    if mask.shape != series.signal.shape[1:]:
        raise PerfusionError(
            f"The mask has the size {mask.shape}, the series {series.signal.shape[1:]} (slice, row, column)."
        )
    if not mask.any():
        raise PerfusionError("The mask is empty: mark at least one voxel.")
    return mask


def _measured(mask: np.ndarray, signal: np.ndarray) -> np.ndarray:
    """Return the voxels of ``mask`` whose signal[t, z, y, x] is not the same number in all frames.

    Others, such as the zeros around a brain without its skull, hold no measurement: their noise would be zero. Raises
    ``PerfusionError`` if there is none.
    """
    changes = np.zeros_like(mask)
    first = signal[0].copy()
    for frame in signal[1:]:
        changes |= frame != first
        release(frame)
    if not (mask & changes).any():
        raise PerfusionError("The signal in the mask never changes: choose a dynamic series, or another mask.")
    return mask & changes


def _to_volume(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return float32[z, y, x] with values[n] in the voxels of ``mask`` and 0 elsewhere."""
    volume = np.zeros(mask.shape, np.float32)
    volume[mask] = values
    return volume
