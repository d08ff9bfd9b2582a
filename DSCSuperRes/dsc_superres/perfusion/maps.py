"""Series to maps: CBV, CBF, MTT, TTP and Tmax with what they were computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion.aif import aif_candidates
from dsc_superres.perfusion.arterial import ArterialInput
from dsc_superres.perfusion.bolus import NO_BOLUS, Bolus, find_bolus
from dsc_superres.perfusion.concentration import delta_r2star
from dsc_superres.perfusion.estimate import curve_maps
from dsc_superres.perfusion.leakage import correct_leakage, reference_curve
from dsc_superres.perfusion.mask import brain_mask
from dsc_superres.perfusion.options import MapOptions
from dsc_superres.perfusion.provenance import provenance
from dsc_superres.series import Series

UNITS = {"cbv": "mL/100 g", "cbf": "mL/100 g/min", "mtt": "s", "ttp": "s", "tmax": "s"}
"""The units of the maps that every method gives, by name."""


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


def compute_maps(
    series: Series,
    *,
    aif: ArterialInput | None = None,
    mask: np.ndarray | None = None,
    options: MapOptions | None = None,
) -> PerfusionMaps:
    """Perfusion maps of a DSC series.

    aif      the arterial input; found automatically where it is not given
    mask     bool[z, y, x], the voxels to compute; the brain where it is not given
    options  the method and its parameters

    Raises ``PerfusionError`` without an echo time, frame times or a contrast bolus.
    """
    options = options or MapOptions()
    mask = _checked_mask(mask, series) if mask is not None else brain_mask(series)
    if series.echo_time is None:
        raise PerfusionError(f"The echo time of {series.name} is not known: give it (--te SECONDS).")
    if not series.has_times:
        raise PerfusionError(f"The frame times of {series.name} are not known: give the interval between frames.")
    signal = series.signal[:, mask]
    bolus = find_bolus(signal.mean(axis=1, dtype=np.float64), series.times)
    refuse_motion(signal, bolus)
    if options.baseline is not None:
        bolus = replace(bolus, baseline=chosen_baseline(options.baseline, series.times))
    curves = delta_r2star(signal, series.echo_time, bolus.baseline)
    # Before steady state the signal says nothing of contrast, and there is none yet.
    curves[: bolus.baseline.start] = 0
    candidates = ()
    if aif is None:
        candidates = tuple(aif_candidates(curves, series.times, bolus, np.argwhere(mask), series.echo_time))
        aif = candidates[0]
    leakage = {}
    if options.leakage != "none":
        reference = reference_curve(curves, bolus)
        fit = correct_leakage(curves, series.times, reference, bolus, options.leakage == "bidirectional")
        curves, leakage = fit.curves, {"k1": fit.k1, "k2": fit.k2}
    values = curve_maps(curves, series.times, aif, bolus, options, series.echo_time) | leakage
    maps = {name: _placed(value, mask) for name, value in values.items()}
    return PerfusionMaps(
        **{name: maps.pop(name) for name in UNITS},
        mask=mask,
        aif=aif,
        bolus=bolus,
        warnings=tuple(_warnings(series, bolus)) + aif.warnings,
        provenance=provenance(series, aif, bolus, options, candidates),
        extra=maps,
        candidates=candidates,
    )


def chosen_baseline(span: tuple[float, float], times: np.ndarray) -> slice:
    """The frames of times[t] between the two times (s) of ``span``. Raises ``PerfusionError`` where there are none."""
    begin, end = np.searchsorted(times, [span[0] - 1e-6, span[1] + 1e-6])
    if begin >= end:
        raise PerfusionError(f"No frame lies in the baseline from {span[0]:g} to {span[1]:g} s: choose other times.")
    return slice(int(begin), int(end))


def refuse_motion(signal: np.ndarray, bolus: Bolus) -> None:
    """Raises ``PerfusionError`` where signal[t, n] falls in some voxels and rises in others."""
    base = signal[bolus.baseline].mean(axis=0)
    around = (
        signal[bolus.peak_frame - 1 : bolus.peak_frame + 2]
        if bolus.baseline_frames > 3
        else signal[bolus.peak_frame][None]
    )
    change = around.mean(axis=0) / np.maximum(base, 1e-6) - 1
    fall, rise = np.mean(change < -0.1 * bolus.drop), np.mean(change > 0.1 * bolus.drop)
    if fall - rise < 0.4 * (fall + rise):
        raise PerfusionError(
            f"{NO_BOLUS} (the signal rises in many voxels while it falls in others, as it does with motion)."
        )


def _checked_mask(mask: np.ndarray, series: Series) -> np.ndarray:
    mask = np.asarray(mask) != 0
    if mask.shape != series.signal.shape[1:]:
        raise PerfusionError(
            f"The mask has the size {mask.shape}, the series {series.signal.shape[1:]} (slice, row, column)."
        )
    if not mask.any():
        raise PerfusionError("The mask is empty: mark at least one voxel.")
    return mask


def _placed(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """float32[z, y, x] with values[n] at the voxels of ``mask`` and 0 elsewhere."""
    volume = np.zeros(mask.shape, np.float32)
    volume[mask] = values
    return volume


def _warnings(series: Series, bolus: Bolus) -> list[str]:
    found = []
    if bolus.baseline_frames < 5:
        found.append(
            f"Only {bolus.baseline_frames} frames precede the bolus, so the baseline is noisy (5 or more are wanted)."
        )
    if series.interval > 2.5:
        found.append(f"Frames are {series.interval:.1f} s apart; above 2.5 s CBF depends on how they meet the bolus.")
    if series.times[-1] - bolus.arrival < 40:
        found.append(
            f"The series ends {series.times[-1] - bolus.arrival:.0f} s after the arrival, so CBV may lack its tail."
        )
    return found
