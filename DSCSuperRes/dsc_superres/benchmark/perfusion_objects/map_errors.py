"""Errors and coverage of perfusion maps on curves whose truth is known."""

from __future__ import annotations

import numpy as np

from dsc_superres.benchmark.perfusion_objects import reference_objects as objects
from dsc_superres.perfusion.arterial_input import ArterialInput
from dsc_superres.perfusion.bolus import Bolus, find_bolus
from dsc_superres.perfusion.concentration import delta_r2star
from dsc_superres.perfusion.curve_maps import curve_maps, mean_transit_time
from dsc_superres.perfusion.frame_weights import FrameWeights
from dsc_superres.perfusion.options import MapOptions

QUANTITIES = ("CBV", "CBF", "MTT", "Tmax")
COVERED = tuple(f"95 % {name}" for name in QUANTITIES)
NOMINAL = 1.96
"""Standard deviations on either side of a nominal 95 % interval."""

Maps = dict[str, np.ndarray]


def values(
    made: objects.ReferenceObject,
    method: str,
    *,
    aif: ArterialInput | None = None,
    frames: FrameWeights | None = None,
    **settings: object,
) -> Maps:
    """The maps of ``curve_maps`` for an object; ``settings`` are further ones of ``MapOptions``.

    ``aif`` is the object's own by default, as from a file; ``frames`` is how they count, all alike by default.
    """
    curves = delta_r2star(made.signal, objects.ECHO_TIME, made.baseline)
    options = MapOptions(method, kh_over_rho=1.0, **settings)
    aif = aif or ArterialInput(made.times, made.arterial)
    return curve_maps(curves, made.times, aif, bolus_of(made), options, objects.ECHO_TIME, frames=frames)


def over_all_frames(maps: Maps, made: objects.ReferenceObject) -> Maps:
    """The maps with CBV from the areas of the whole series, its baseline included, as the published tools have it."""
    curves = delta_r2star(made.signal, objects.ECHO_TIME, made.baseline)
    cbv = 100 * np.trapezoid(curves, made.times, axis=0) / np.trapezoid(made.arterial, made.times)
    return maps | {"cbv": cbv, "mtt": mean_transit_time(cbv, maps["cbf"])}


def bolus_of(made: objects.ReferenceObject) -> Bolus:
    """The bolus as found, with the object's own baseline."""
    found = find_bolus(made.signal.mean(axis=1), made.times)
    return Bolus(
        made.baseline, found.arrival, found.peak, made.baseline.stop - 1, found.peak_frame, found.drop, found.noise
    )


def errors(maps: Maps, made: objects.ReferenceObject, late: np.ndarray | None = None) -> tuple[float, ...]:
    """Median absolute relative error (%) of CBV, CBF and MTT, and the mean absolute one (s) of Tmax.

    The latter against the delay, of the curves bool[n] in ``late`` (None: all).
    """
    truth, late = made.truth, slice(None) if late is None else late
    delay = np.abs(maps["tmax"] - truth["delay"])[late].mean()
    return (*(percent(maps[name], truth[name]) for name in ("cbv", "cbf", "mtt")), float(delay))


def covered(maps: Maps, made: objects.ReferenceObject) -> np.ndarray:
    """bool[4, n]: the nominal 95 % interval of CBV, CBF, MTT (of their logarithms) and Tmax holds the truth."""
    truth = made.truth
    found = [
        np.abs(np.log(maps[name] / truth[name])) * maps[name] < NOMINAL * maps[f"{name}_sd"]
        for name in ("cbv", "cbf", "mtt")
    ]
    return np.stack([*found, np.abs(maps["tmax"] - truth["delay"]) < NOMINAL * maps["tmax_sd"]])


def share(inside: np.ndarray) -> tuple[float, ...]:
    """% of True along the last axis of bool[4, n]."""
    return tuple(100 * inside.mean(axis=1))


def percent(found: np.ndarray, truth: np.ndarray) -> float:
    """Median absolute relative error, %."""
    return 100 * float(np.median(np.abs(found / truth - 1)))
