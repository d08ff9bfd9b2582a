"""Series to maps: CBV, CBF, MTT, TTP and Tmax with what they were computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion.aif_selection import aif_candidates
from dsc_superres.perfusion.arterial_input import ArterialInput, scaled_to_vein
from dsc_superres.perfusion.bolus import NO_BOLUS, Bolus, find_bolus
from dsc_superres.perfusion.concentration import baseline_signal, delta_r2star
from dsc_superres.perfusion.curve_maps import curve_maps, resolve_options
from dsc_superres.perfusion.leakage import correct_leakage, reference_curve
from dsc_superres.perfusion.map_provenance import provenance
from dsc_superres.perfusion.map_units import UNITS
from dsc_superres.perfusion.map_warnings import map_warnings
from dsc_superres.perfusion.mask import brain_mask
from dsc_superres.perfusion.options import MapOptions
from dsc_superres.series import Series
from dsc_superres.utils.parallel import single_threaded_blas
from dsc_superres.utils.scratch_memory import release

VOXELS_PER_BLOCK = 20_000
"""Curves that are computed at a time."""


@dataclass(frozen=True, eq=False)
class PerfusionMaps:
    """Perfusion maps, each float32[z, y, x] and 0 outside ``mask``.

    cbv            mL/100 g
    cbf            mL/100 g/min
    mtt            s, exactly 60 cbv / cbf where both are positive, else 0
    ttp            s from the arrival of the bolus to the peak of the tissue curve
    tmax           s, time of the peak of the residue; negative where tissue is ahead of the artery
    mask           bool[z, y, x]
    aif            the arterial input and its voxels
    bolus          baseline, arrival and peak
    warnings       sentences for the reader
    provenance     formulas, thresholds, codes and units
    extra          further maps by name: cbv_sd, cbf_sd, mtt_sd, tmax_sd (Bayesian method, same units), k1, k2 (leakage)
    candidates     arterial inputs that were found, best first; none where one was given
    """

    cbv: np.ndarray
    cbf: np.ndarray
    mtt: np.ndarray
    ttp: np.ndarray
    tmax: np.ndarray
    mask: np.ndarray
    aif: ArterialInput
    bolus: Bolus
    warnings: tuple[str, ...] = ()
    provenance: Mapping[str, object] = field(default_factory=dict)
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)
    candidates: tuple[ArterialInput, ...] = ()

    @property
    def baseline(self) -> slice:
        """The baseline frames."""
        return self.bolus.baseline

    @property
    def bolus_arrival(self) -> float:
        """When the bolus arrives in the brain, s."""
        return self.bolus.arrival

    def as_dict(self) -> dict[str, np.ndarray]:
        """All maps by name, the extra ones included."""
        return {name: getattr(self, name) for name in UNITS} | dict(self.extra)


@single_threaded_blas()
def compute_maps(
    series: Series,
    *,
    aif: ArterialInput | None = None,
    mask: np.ndarray | None = None,
    vein: np.ndarray | None = None,
    options: MapOptions | None = None,
) -> PerfusionMaps:
    """Perfusion maps of a DSC series.

    aif      the arterial input; found automatically where it is not given
    mask     bool[z, y, x], the voxels to compute; the brain where it is not given
    vein     bool[z, y, x], voxels of a large vein whose area the arterial input is given; none: as it is
    options  the method and its parameters

    Raises ``PerfusionError`` without an echo time, frame times or a contrast bolus.
    """
    options = options or MapOptions()
    mask = _checked_mask(mask, series) if mask is not None else brain_mask(series)
    if series.echo_time is None:
        raise PerfusionError(f"The echo time of {series.name} is not known: give it (--te SECONDS).")
    if not series.has_times:
        raise PerfusionError(f"The frame times of {series.name} are not known: give their interval (--tr SECONDS).")
    signal = _masked_signal(series.signal, mask)
    bolus = find_bolus(signal.mean(axis=1, dtype=np.float64), series.times)
    check_motion(signal, bolus)
    if options.baseline is not None:
        bolus = replace(bolus, baseline=chosen_baseline(options.baseline, series.times))
    baseline_values = baseline_signal(signal, bolus.baseline)
    curves = _convert_to_curves(signal, series.echo_time, bolus.baseline)
    candidates = ()
    if aif is None:
        candidates = tuple(
            aif_candidates(curves, series.times, bolus, np.argwhere(mask), series.echo_time, baseline_values)
        )
        aif = candidates[0]
    if vein is not None:
        aif = scaled_to_vein(aif, curves[:, _checked_mask(vein, series)[mask]].mean(axis=1), series.times)
    leakage = {}
    if options.leakage != "none":
        reference = reference_curve(curves, bolus)
        fit = correct_leakage(curves, series.times, reference, bolus, options.leakage == "bidirectional")
        curves, leakage = fit.curves, {"k1": fit.k1, "k2": fit.k2}
    resolved = resolve_options(options, curves, series.times, aif, bolus)
    values = curve_maps(curves, series.times, aif, bolus, resolved, series.echo_time) | leakage
    warnings = map_warnings(curves, series.times, bolus, aif, resolved, series.echo_time)
    maps = {name: _to_volume(value, mask) for name, value in values.items()}
    return PerfusionMaps(
        **{name: maps.pop(name) for name in UNITS},
        mask=mask,
        aif=aif,
        bolus=bolus,
        warnings=warnings,
        provenance=provenance(series, aif, bolus, options, resolved, candidates, warnings),
        extra=maps,
        candidates=candidates,
    )


def chosen_baseline(span: tuple[float, float], times: np.ndarray) -> slice:
    """The frames of times[t] between the two times (s) of ``span``. Raises ``PerfusionError`` where there are none."""
    begin, end = np.searchsorted(times, [span[0] - 1e-6, span[1] + 1e-6])
    if begin >= end:
        raise PerfusionError(f"No frame lies in the baseline from {span[0]:g} to {span[1]:g} s: choose other times.")
    return slice(int(begin), int(end))


def check_motion(signal: np.ndarray, bolus: Bolus) -> None:
    """Raises ``PerfusionError`` where signal[t, n] falls in some voxels and rises in others."""
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
            f"{NO_BOLUS} (the signal rises in many voxels while it falls in others, as it does with motion)."
        )


def _masked_signal(signal: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """signal[t, z, y, x] -> a new float32[t, n] of the voxels in ``mask``; reads frame by frame what lies in a file."""
    masked = np.empty((len(signal), np.count_nonzero(mask)), np.float32)
    for row, frame in zip(masked, signal, strict=True):
        row[:] = frame[mask]
        release(signal)
    return masked


def _convert_to_curves(signal: np.ndarray, echo_time: float, baseline: slice) -> np.ndarray:
    """Delta R2* (1/s) in the place of signal[t, n]: of a large series there is only one copy in memory.

    Before steady state the signal says nothing of contrast, and there is none yet.
    """
    for first in range(0, signal.shape[1], VOXELS_PER_BLOCK):
        block = signal[:, first : first + VOXELS_PER_BLOCK]
        block[:] = delta_r2star(block, echo_time, baseline)
    signal[: baseline.start] = 0
    return signal


def _checked_mask(mask: np.ndarray, series: Series) -> np.ndarray:
    mask = np.asarray(mask) != 0
    if mask.shape != series.signal.shape[1:]:
        raise PerfusionError(
            f"The mask has the size {mask.shape}, the series {series.signal.shape[1:]} (slice, row, column)."
        )
    if not mask.any():
        raise PerfusionError("The mask is empty: mark at least one voxel.")
    return mask


def _to_volume(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """float32[z, y, x] with values[n] at the voxels of ``mask`` and 0 elsewhere."""
    volume = np.zeros(mask.shape, np.float32)
    volume[mask] = values
    return volume
