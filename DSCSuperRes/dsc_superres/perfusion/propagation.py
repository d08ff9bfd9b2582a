"""How unsure CBV and CBF are where the series is a reconstruction that tells how sure it is.

An error of the signal S with standard deviation s is one of Delta R2* = -ln(S/S0)/TE with s/(S TE). CBV is an area
under that curve: its relative error is that of the area, errors of the frames taken as independent. CBF is the height
of the residue, which goes with that of the curve: its relative error is that of the curve's peak.
Errors of neighbouring frames are in truth alike, which makes areas less sure, and those of the anatomy, which all
frames share, cancel in S/S0, which makes them surer. What both leave is one factor for each map, measured on
simulated training patients.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion.concentration import baseline_signal, delta_r2star
from dsc_superres.perfusion.maps import PerfusionMaps
from dsc_superres.series import Series

FACTORS = {"cbv": 2.25, "cbf": 0.96}
"""Of the standard deviations: see the module; measured by ``benchmark quality --training --patients 4 --slices 1``."""
ASSUMED_ECHO_TIME = 0.03
"""s, where a series does not tell; it cancels."""
FLOOR = 0.02
"""Share of the baseline below which the signal is not taken to fall: it is lost in noise there."""
MOST = 1.0
"""A map is never said to be less sure than by its own value."""


def with_signal_uncertainty(maps: PerfusionMaps, series: Series, uncertainty: Series) -> PerfusionMaps:
    """``maps`` of a reconstructed ``series``, whose cbv_sd and cbf_sd know of the ``uncertainty`` of its signal, too.

    They are the root sum of squares of what the method itself says, where it says it, and of ``propagated``.
    Raises ``PerfusionError`` where the deviation has other frames or voxels than the series.
    """
    check_uncertainty(uncertainty, series)
    extra = dict(maps.extra)
    for name, told in propagated(maps, series, uncertainty).items():
        extra[f"{name}_sd"] = np.hypot(extra.get(f"{name}_sd", np.float32(0)), told).astype(np.float32)
    formula = "root sum of squares of the method's and of the reconstruction's standard deviation"
    return replace(maps, extra=extra, provenance={**maps.provenance, "cbv_sd_cbf_sd": formula})


def check_uncertainty(uncertainty: Series, series: Series) -> None:
    """Raises ``PerfusionError`` where the ``uncertainty`` has other frames or voxels than the ``series``."""
    if uncertainty.signal.shape != series.signal.shape:
        shapes = " and ".join(" x ".join(map(str, one.signal.shape)) for one in (uncertainty, series))
        raise PerfusionError(
            f"The deviation {uncertainty.name} does not belong to {series.name}: their sizes differ ({shapes})."
        )


def propagated(maps: PerfusionMaps, series: Series, uncertainty: Series) -> dict[str, np.ndarray]:
    """Standard deviations of "cbv" and "cbf" that follow from that of the signal: float32[z, y, x], their units."""
    found = {name: np.zeros(maps.mask.shape, np.float32) for name in FACTORS}
    weights = np.gradient(series.times) * (series.times >= maps.bolus_arrival)
    for at, inside in enumerate(maps.mask):  # slice by slice: large series lie in files
        if not inside.any():
            continue
        signal, spread = series.signal[:, at][:, inside], uncertainty.signal[:, at][:, inside]
        shares = _relative(signal, spread, weights, series.echo_time or ASSUMED_ECHO_TIME, maps.baseline)
        for name, share in shares.items():
            told = np.clip(FACTORS[name] * share, 0, MOST) * np.abs(getattr(maps, name)[at][inside])
            found[name][at][inside] = told
    return found


def _relative(
    signal: np.ndarray, spread: np.ndarray, weights: np.ndarray, echo_time: float, baseline: slice
) -> dict[str, np.ndarray]:
    """Relative standard deviations [n] of the area and of the peak, from signal and its deviation [t, n]."""
    curves = delta_r2star(signal, echo_time, baseline)
    floor = FLOOR * np.maximum(baseline_signal(signal, baseline), 1e-6)
    spread = spread / (np.maximum(signal, floor) * echo_time)
    at_peak = np.argmax(curves, axis=0)[None]
    peak, uncertainty = (np.take_along_axis(values, at_peak, axis=0)[0] for values in (curves, spread))
    area = np.maximum(weights @ curves, 1e-9)
    return {"cbv": np.sqrt(weights**2 @ spread**2) / area, "cbf": uncertainty / np.maximum(peak, 1e-9)}
