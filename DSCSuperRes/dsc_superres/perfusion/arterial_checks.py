"""Whether an arterial input that is given fits a series: unit and span of its times, kind and scale of its values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion.arterial_input import ArterialInput
from dsc_superres.perfusion.bolus import Bolus

MILLISECONDS = 1000
LONGEST_STEP = 60.0
"""s between samples; more are milliseconds."""
MOST_LEAD, MOST_LAG = 20.0, 5.0
"""s by which arteries may peak before and after the tissue's mean curve."""
LEAST_REFUSED, LEAST_NOTED = 0.02, 0.5
MOST_NOTED, MOST_REFUSED = 30.0, 70.5
"""Mean blood volume of a head, mL/100 g. At 70.5, tissue would be blood throughout."""


def at_times_of(aif: ArterialInput, times: np.ndarray) -> ArterialInput:
    """Return a given arterial input for a series with frames at times[t] (s).

    Times in ms are converted, with a warning. Raises ``PerfusionError`` where its times are none of the series, or
    where its values are a signal that falls instead of Delta R2*.
    """
    if len(aif.voxels):
        return aif
    _check_rises(aif.delta_r2star)
    duration, step = times[-1] - times[0], float(np.median(np.diff(aif.times)))
    if step > LONGEST_STEP and aif.times[-1] - aif.times[0] > 10 * duration:
        words = f"The times of the arterial input are {step:g} apart and taken as ms, {step / MILLISECONDS:g} s."
        aif = replace(aif, times=aif.times / MILLISECONDS, warnings=(*aif.warnings, words))
    first, last = float(aif.times[0]), float(aif.times[-1])
    shared = min(last, times[-1]) - max(first, times[0])
    if shared < 0.5 * duration and shared < 20:
        raise PerfusionError(
            f"The arterial input covers {first:.4g} to {last:.4g} s, the series {times[0]:.4g} to {times[-1]:.4g} s: "
            "give its times in seconds after the first frame of the series, over the whole bolus."
        )
    return aif


def _check_rises(curve: np.ndarray) -> None:
    """Raise ``PerfusionError`` for a signal: high before the bolus, low at its peak, high again."""
    start = float(np.median(curve[: max(2, len(curve) // 10)]))
    if start > 0.5 * curve.max() and curve.min() < 0.9 * start and np.argmin(curve) not in (0, len(curve) - 1):
        raise PerfusionError(
            "The arterial input falls where the bolus arrives, as the signal does: its column delta_r2star needs "
            "Delta R2* = -ln(S/S0)/TE in 1/s, with S0 the signal before the bolus and TE in seconds."
        )


def fitted_to(
    aif: ArterialInput, curves: np.ndarray, times: np.ndarray, bolus: Bolus, kh_over_rho: float
) -> ArterialInput:
    """Return a given arterial input for tissue curves[t, n] (1/s) at times[t] (s), with warnings of what is unlikely.

    Raises ``PerfusionError`` as ``at_times_of``, and where its scale is none of these curves.
    """
    if len(aif.voxels) or aif.scale != 1:  # measured here, or a vein gave the scale
        return aif
    aif = at_times_of(aif, times)
    first, last, step = aif.times[0], aif.times[-1], float(np.median(np.diff(times)))
    if last < bolus.peak + step or first > bolus.arrival + step:
        raise PerfusionError(
            f"The arterial input covers {first:.4g} to {last:.4g} s, which is not all of the bolus: that arrives at "
            f"{bolus.arrival:.4g} s and peaks at {bolus.peak:.4g} s; give it over the whole series."
        )
    warnings = [*_time_warnings(aif, times, bolus)]
    mean, arterial = curves.mean(axis=1, dtype=np.float64), aif.at(times)
    areas = [float(np.trapezoid(curve, times)) for curve in (mean, arterial)]
    if areas[1] <= 0:
        raise PerfusionError(
            "The area under the arterial input is not positive: give Delta R2* in 1/s that is 0 before the bolus."
        )
    volume = 100 * kh_over_rho * areas[0] / areas[1]
    if areas[0] > 0 and not LEAST_NOTED <= volume <= MOST_NOTED:
        small = volume > MOST_NOTED
        words = (
            f"The arterial input is very {'small' if small else 'large'} for this series: blood would be "
            f"{volume:.2g} mL/100 g of the head, which has 2 to 6; check that its unit is 1/s and the echo time right"
        )
        if not LEAST_REFUSED <= volume <= MOST_REFUSED:
            raise PerfusionError(f"{words}.")
        warnings.append(f"{words}, or use relative maps.")
    return replace(aif, warnings=tuple(dict.fromkeys((*aif.warnings, *warnings))))


def _time_warnings(aif: ArterialInput, times: np.ndarray, bolus: Bolus) -> list[str]:
    """Return sentences about an arterial input that ends early, or peaks elsewhere than the bolus."""
    found = []
    peak, end = float(aif.times[np.argmax(aif.delta_r2star)]), float(aif.times[-1])
    step = float(np.median(np.diff(times)))
    if not bolus.peak - MOST_LEAD - step < peak < bolus.peak + MOST_LAG + step:
        found.append(
            f"The arterial input peaks at {peak:.4g} s, the mean curve of the series at {bolus.peak:.4g} s: its times "
            "may count from another moment; they are seconds after the first frame."
        )
    if end < times[-1] - max(10.0, 2 * step):
        found.append(
            f"The arterial input ends at {end:.4g} s, before the series does at {times[-1]:.4g} s, and is taken as "
            "constant after that: give it over the whole series."
        )
    return found
