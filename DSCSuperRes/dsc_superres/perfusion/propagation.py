"""Uncertainty of CBV and CBF that follows from the uncertainty of a reconstructed series.

An error of the signal S with standard deviation s is an error of Delta R2* = -ln(S/S0)/TE with s/(S TE). CBV is an area
under that curve: its relative error is that of the area, with the errors of the frames taken as independent. CBF is the
height of the residue, which is proportional to that of the curve: its relative error is that of the curve's peak.
In fact, errors of neighboring frames are correlated, which makes areas less certain, and errors that all frames share
cancel in S/S0, which makes them more certain. One factor for each map, measured on simulated training patients,
corrects for both.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion.concentration import ASSUMED_ECHO_TIME, baseline_signal, delta_r2star
from dsc_superres.perfusion.normalization import relative_maps
from dsc_superres.perfusion.perfusion_maps import PerfusionMaps
from dsc_superres.series import Series

SD_FACTORS = {"cbv": 2.6, "cbf": 1.0}
"""Factors on the standard deviations, for a calibrated uncertainty of the signal: a compromise.

Middle slices of six training patients ask for 3.07 and 1.06 (``benchmark quality --training --patients 6 --slices 1``),
a real series and a real image with a simulated bolus for 1.9 to 2.1 and 0.76 to 0.78, a patient of another generator
for 1.65 and 0.83.
"""
MIN_SIGNAL_SHARE = 0.02
"""Smallest signal as share of the baseline; below, it is lost in noise."""
GRID_TOLERANCE = 0.01
"""mm by which grids of the same series may differ."""
TIME_TOLERANCE = 0.05
"""Share of the frame interval by which times of the same series may differ."""
MOST_SD = 0.5
"""Of the mean uncertainty to the mean signal: more is another series."""
MAX_RELATIVE_SD = 1.0
"""Largest standard deviation as share of the map's value."""


def with_signal_uncertainty(maps: PerfusionMaps, series: Series, uncertainty: Series) -> PerfusionMaps:
    """Return the maps of a ``series`` with cbv_sd, cbf_sd and their relative ones that include its ``uncertainty``.

    They are the root sum of squares of the method's standard deviation, if it has one, and of ``propagated_sd``.
    """
    check_uncertainty(uncertainty, series)
    extra = dict(maps.extra)
    for name, sd in propagated_sd(maps, series, uncertainty).items():
        extra[f"{name}_sd"] = np.hypot(extra.get(f"{name}_sd", np.float32(0)), sd).astype(np.float32)
    if maps.reference is not None:
        extra |= relative_maps({"cbv": maps.cbv, "cbf": maps.cbf, **extra}, maps.reference.region)
    formula = "root sum of squares of the method's and of the reconstruction's standard deviation"
    return replace(maps, extra=extra, provenance={**maps.provenance, "cbv_sd_cbf_sd": formula})


def check_uncertainty(uncertainty: Series, series: Series) -> None:
    """Raise ``PerfusionError`` unless ``uncertainty`` is that of ``series``: its size, grid, times, and scale."""
    if uncertainty.signal.shape != series.signal.shape:
        shapes = " and ".join(" x ".join(map(str, each.signal.shape)) for each in (uncertainty, series))
        raise PerfusionError(f"{uncertainty.name} does not belong to {series.name}: their sizes differ ({shapes}).")
    if not np.allclose(uncertainty.geometry.affine, series.geometry.affine, atol=GRID_TOLERANCE):
        raise PerfusionError(
            f"{uncertainty.name} does not belong to {series.name}: it lies elsewhere in the patient or has another "
            "voxel size; choose the uncertainty that was written with this series."
        )
    if uncertainty.has_times and series.has_times:
        apart = float(np.abs(uncertainty.times - series.times).max())
        if apart > TIME_TOLERANCE * series.interval:
            raise PerfusionError(
                f"{uncertainty.name} does not belong to {series.name}: their frame times differ by up to {apart:.3g} "
                "s; choose the uncertainty that was written with this series."
            )
    some = slice(None, None, max(1, series.frames // 8))
    sd, signal = (float(np.mean(np.abs(one.signal[some]), dtype=np.float64)) for one in (uncertainty, series))
    if float(uncertainty.signal[some].min()) < 0 or sd > MOST_SD * signal:
        raise PerfusionError(
            f"{uncertainty.name} is no standard deviation of {series.name}: its values are negative or as large as the "
            "signal; choose the uncertainty that was written with this series."
        )


def propagated_sd(maps: PerfusionMaps, series: Series, uncertainty: Series) -> dict[str, np.ndarray]:
    """Return the standard deviations of "cbv" and "cbf" due to that of the signal, float32[z, y, x], in their units."""
    sd_maps = {name: np.zeros(maps.mask.shape, np.float32) for name in SD_FACTORS}
    weights = np.gradient(series.times) * (series.times >= maps.bolus_arrival)
    for z, inside in enumerate(maps.mask):  # large series are memory-mapped
        if not inside.any():
            continue
        signal, signal_sd = series.signal[:, z][:, inside], uncertainty.signal[:, z][:, inside]
        relative_sd = _relative_sd(signal, signal_sd, weights, series.echo_time or ASSUMED_ECHO_TIME, maps.baseline)
        for name, relative in relative_sd.items():
            sd = np.clip(SD_FACTORS[name] * relative, 0, MAX_RELATIVE_SD) * np.abs(getattr(maps, name)[z][inside])
            sd_maps[name][z][inside] = sd
    return sd_maps


def _relative_sd(
    signal: np.ndarray, curve_sd: np.ndarray, weights: np.ndarray, echo_time: float, baseline: slice
) -> dict[str, np.ndarray]:
    """Return the relative standard deviations [n] of area and peak, from signal and standard deviation [t, n]."""
    curves = delta_r2star(signal, echo_time, baseline)
    floor = MIN_SIGNAL_SHARE * np.maximum(baseline_signal(signal, baseline), 1e-6)
    curve_sd = curve_sd / (np.maximum(signal, floor) * echo_time)
    peak_frame = np.argmax(curves, axis=0)[None]
    peak, peak_sd = (np.take_along_axis(values, peak_frame, axis=0)[0] for values in (curves, curve_sd))
    area = np.maximum(weights @ curves, 1e-9)
    return {"cbv": np.sqrt(weights**2 @ curve_sd**2) / area, "cbf": peak_sd / np.maximum(peak, 1e-9)}
