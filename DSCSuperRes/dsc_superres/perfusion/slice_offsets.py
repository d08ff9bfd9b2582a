"""Curves of voxels whose slices were taken at different times within a frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.interpolate import PchipInterpolator

from dsc_superres.perfusion.arterial_input import ArterialInput
from dsc_superres.perfusion.bolus import Bolus
from dsc_superres.perfusion.leakage import correct_leakage
from dsc_superres.perfusion.options import MapOptions
from dsc_superres.series import Series


def voxel_offsets(series: Series, mask: np.ndarray) -> np.ndarray:
    """Return the time of each voxel of ``mask`` after that of its frame, float64[n] in s; 0 where it is not known."""
    if series.slice_times is None:
        return np.zeros(int(np.count_nonzero(mask)))
    return series.slice_times[np.nonzero(mask)[0]]


def groups(offsets: np.ndarray) -> Iterator[tuple[float, np.ndarray | slice]]:
    """Yield each offset (s) with the columns of the curves that have it, of offsets[n].

    >>> [(offset, columns.tolist()) for offset, columns in groups(np.array([0.0, 0.7, 0.0]))]
    [(0.0, [0, 2]), (0.7, [1])]
    """
    different = np.unique(offsets)
    if len(different) < 2:
        yield float(different[0]) if len(different) else 0.0, slice(None)
        return
    for offset in different:
        yield float(offset), np.flatnonzero(offsets == offset)


def at_common_times(curves: np.ndarray, times: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return curves[t, n] at times[t] + offsets[n] (s), interpolated by monotone splines to their mean times."""
    if not np.ptp(offsets) > 0:
        return curves
    common, result = times + float(np.mean(offsets)), np.empty_like(curves)
    for offset, columns in groups(offsets):
        own = times + offset
        result[:, columns] = PchipInterpolator(own, curves[:, columns])(np.clip(common, own[0], own[-1]))
    return result


def mean_curve(curves: np.ndarray, times: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of curves[t, n] at times[t] + offsets[n] (s): its own times, float64[t], and values, float64[t].

    Curves of one slice are averaged as they are. Those of several slices are first brought to common times.
    """
    common = at_common_times(np.asarray(curves, np.float64), times, offsets)
    return times + float(np.mean(offsets)), common.mean(axis=1)


def at_slice_times(
    aif: ArterialInput, curves: np.ndarray, times: np.ndarray, mask: np.ndarray, offsets: np.ndarray
) -> ArterialInput:
    """Return an arterial input found among curves[t, n] of ``mask`` at the times (s) of the slices of its voxels."""
    if not offsets.any():
        return aif
    columns = np.zeros(mask.shape, int)
    columns[mask] = np.arange(len(offsets))
    own = columns[tuple(aif.voxels.T)]
    own_times, curve = mean_curve(curves[:, own], times, offsets[own])
    return replace(aif, times=own_times, delta_r2star=curve)


def without_leakage(
    curves: np.ndarray,
    times: np.ndarray,
    offsets: np.ndarray,
    reference: np.ndarray,
    bolus: Bolus,
    options: MapOptions,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return curves[t, n] at times[t] + offsets[n] (s) without leakage, and the maps k1 and k2.

    ``reference`` [t] is the mean curve of all slices, so that it is interpolated to the times of each.
    """
    corrected, maps = np.empty_like(curves), {name: np.zeros(curves.shape[1], np.float32) for name in ("k1", "k2")}
    at = PchipInterpolator(times + np.mean(offsets), reference)
    for offset, columns in groups(offsets):
        own_times = times + offset
        own_reference = at(np.clip(own_times, at.x[0], at.x[-1])) if offsets.any() else reference
        fit = correct_leakage(curves[:, columns], own_times, own_reference, bolus, options.leakage == "bidirectional")
        corrected[:, columns] = fit.curves
        maps["k1"][columns], maps["k2"][columns] = fit.k1, fit.k2
    return corrected, maps
