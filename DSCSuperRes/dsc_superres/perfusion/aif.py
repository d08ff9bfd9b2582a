"""Automatic arterial input: clusters of early, high, narrow curves (Mouridsen 2006, CAPLEX P.AE2.004)."""

from __future__ import annotations

import numpy as np
from scipy.cluster.vq import kmeans2

from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion.arterial import ArterialInput
from dsc_superres.perfusion.bolus import Bolus

AREA_SHARE = 0.05
"""Share of brain voxels, by area under the first pass, among which arteries are looked for."""
ROUGH_SHARE = 0.25
"""Share of the most irregular curves that is dropped."""
CLUSTERS = 5
VOXELS = 12
"""Voxels that make up the arterial input: enough to average noise, few enough to stay within large arteries."""


def automatic_aif(curves: np.ndarray, times: np.ndarray, bolus: Bolus, voxels: np.ndarray) -> ArterialInput:
    """The arterial input found among curves[t, n] (1/s) at times[t] (s) of the voxels int[n, 3] (z, y, x).

    Raises ``PerfusionError`` where too few curves look like a bolus.
    """
    chosen = candidate_voxels(curves, times, bolus)
    for _ in range(2):
        if len(chosen) > 4 * VOXELS:
            chosen = chosen[_earliest_cluster(curves[:, chosen], times, bolus)]
    window = first_pass(times, bolus)
    merit = curves[window][:, chosen].max(axis=0) / _first_moment(curves[:, chosen], times, bolus)
    best = chosen[np.argsort(merit)[::-1][:VOXELS]]
    curve = curves[:, best].mean(axis=1, dtype=np.float64)
    return ArterialInput(times, curve, voxels[best], source=f"automatic, {len(best)} voxels")


def first_pass(times: np.ndarray, bolus: Bolus) -> slice:
    """Frames of the first pass: from just before the arrival to about as long after the peak."""
    begin = bolus.arrival - 3.0
    end = bolus.peak + max(bolus.peak - bolus.arrival, 4.0)
    first, last = np.searchsorted(times, [begin, end])
    return slice(int(first), int(max(last, first + 4)))


def candidate_voxels(curves: np.ndarray, times: np.ndarray, bolus: Bolus) -> np.ndarray:
    """int[k]: columns of curves[t, n] with a large area and a smooth course."""
    window = first_pass(times, bolus)
    area = np.trapezoid(curves[window], times[window], axis=0)
    count = max(int(AREA_SHARE * len(area)), min(4 * VOXELS, len(area)))
    large = np.argsort(area)[::-1][:count]
    large = large[area[large] > 0]
    if not len(large):
        raise PerfusionError(
            "No artery was found: no curve rises during the first pass; give the arterial input (--aif FILE)."
        )
    shape = curves[:, large] / area[large]
    rough = (np.diff(shape, n=2, axis=0) ** 2).sum(axis=0)
    return large[rough <= np.quantile(rough, 1 - ROUGH_SHARE)]


def _first_moment(curves: np.ndarray, times: np.ndarray, bolus: Bolus) -> np.ndarray:
    """[n]: centre of gravity of the first pass of curves[t, n], s after its begin."""
    window = first_pass(times, bolus)
    t = times[window] - times[window][0]
    weights = np.maximum(curves[window], 0)
    return (weights * t[:, None]).sum(axis=0) / np.maximum(weights.sum(axis=0), 1e-9) + 1e-6


def _earliest_cluster(curves: np.ndarray, times: np.ndarray, bolus: Bolus) -> np.ndarray:
    """bool[n]: the cluster of normalised curves[t, n] with the smallest first moment."""
    window = first_pass(times, bolus)
    shape = curves[window] / np.maximum(curves[window].sum(axis=0), 1e-9)
    moment = _first_moment(curves, times, bolus)
    order = np.array_split(np.argsort(moment), CLUSTERS)
    seeds = np.stack([shape[:, group].mean(axis=1) for group in order])
    _, label = kmeans2(shape.T.astype(np.float64), seeds.astype(np.float64), minit="matrix", missing="warn")
    means = [moment[label == k].mean() if np.any(label == k) else np.inf for k in range(CLUSTERS)]
    return label == int(np.argmin(means))
