"""Automatic arterial input: clusters of early, high, narrow curves (after Mouridsen 2006, CAPLEX P.AE2.004)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.cluster.vq import vq

from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion.arterial import ArterialInput
from dsc_superres.perfusion.bolus import Bolus, curve_noise
from dsc_superres.perfusion.clusters import k_means

AREA_SHARE = 0.05
"""Share of brain voxels, by area under the first pass, among which arteries are looked for."""
ROUGH_SHARE = 0.25
"""Share of the most irregular curves that is dropped."""
CLUSTERS = 5
ENOUGH = 60
"""Clustering stops when no more voxels than this would be left."""
FEWEST, MOST = 3, 12
"""Voxels of an arterial input: enough to average noise, few enough to stay within large arteries."""
PURITY = 0.9
"""A voxel joins the arterial input if its peak reaches this share of the best ones': the others hold tissue as well."""
SIGNAL_LIMIT = 0.04
"""Signals below this share of the baseline cannot be told from zero: such voxels are left out."""
SATURATED = 0.1


@dataclass(frozen=True, eq=False)
class Shape:
    """What tells arteries from tissue and veins: height (1/s), first moment, width and arrival (s) of curves[t, n]."""

    height: np.ndarray
    moment: np.ndarray
    width: np.ndarray
    noise: np.ndarray


def automatic_aif(
    curves: np.ndarray, times: np.ndarray, bolus: Bolus, voxels: np.ndarray, echo_time: float = 0.03
) -> ArterialInput:
    """The arterial input found among curves[t, n] (1/s) at times[t] (s) of the voxels int[n, 3] (z, y, x).

    Raises ``PerfusionError`` where no curve looks like a bolus.
    """
    return aif_candidates(curves, times, bolus, voxels, echo_time)[0]


def aif_candidates(
    curves: np.ndarray, times: np.ndarray, bolus: Bolus, voxels: np.ndarray, echo_time: float = 0.03, most: int = 5
) -> list[ArterialInput]:
    """Arterial inputs, best first: that of the best voxels wherever they lie, then those of single arteries by score.

    Arguments as for ``automatic_aif``.
    """
    pool = candidate_voxels(curves, times, bolus, echo_time)
    chosen = pool
    for _ in range(2):
        if len(chosen) > ENOUGH:
            chosen = chosen[_earliest_cluster(curves[:, chosen], times, bolus)]
    merit = _merit(shape_of(curves[:, chosen], times, bolus))
    ranked = chosen[np.argsort(merit)[::-1]]
    tissue = shape_of(np.median(curves, axis=1)[:, None], times, bolus)
    groups = [ranked, *_arteries(ranked[: 5 * MOST], voxels)]
    found = [_arterial_input(curves, times, bolus, voxels, _purest(curves, g), tissue, echo_time) for g in groups]
    return [found[0], *sorted(found[1:], key=lambda aif: -aif.score)][:most]


def first_pass(times: np.ndarray, bolus: Bolus) -> slice:
    """Frames of the first pass: from just before the arrival to about as long after the peak."""
    begin = bolus.arrival - 3.0
    end = bolus.peak + max(bolus.peak - bolus.arrival, 4.0)
    first, last = np.searchsorted(times, [begin, end])
    return slice(int(first), int(max(last, first + 4)))


def candidate_voxels(curves: np.ndarray, times: np.ndarray, bolus: Bolus, echo_time: float) -> np.ndarray:
    """int[k]: columns of curves[t, n] with a large area, above the noise floor, and smooth outside the first pass."""
    window = first_pass(times, bolus)
    area = np.trapezoid(curves[window], times[window], axis=0)
    readable = (area > 0) & (curves.max(axis=0) < -np.log(SIGNAL_LIMIT) / echo_time)
    if not readable.any():
        raise PerfusionError(
            "No artery was found: no curve rises in the first pass; give the arterial input (--aif FILE)."
        )
    count = min(max(int(AREA_SHARE * len(area)), 4 * MOST), int(readable.sum()))
    large = np.argsort(np.where(readable, area, -np.inf))[::-1][:count]
    # Within the first pass a narrow peak is not irregular, but just what an artery looks like.
    outside = np.ones(len(times), bool)
    outside[window] = False
    rough = np.abs(np.diff(curves[:, large][outside], n=2, axis=0)).mean(axis=0) / curves[window][:, large].max(axis=0)
    return large[rough <= np.quantile(rough, 1 - ROUGH_SHARE)]


def shape_of(curves: np.ndarray, times: np.ndarray, bolus: Bolus) -> Shape:
    """Height, first moment, width and noise of the first pass of curves[t, n]."""
    window = first_pass(times, bolus)
    t = times[window] - times[window][0]
    weights = np.maximum(curves[window], 0) * np.gradient(t)[:, None]
    total = np.maximum(weights.sum(axis=0), 1e-9)
    moment = (weights * t[:, None]).sum(axis=0) / total
    height = np.maximum(curves[window].max(axis=0), 1e-9)
    return Shape(height, moment, total / height, curve_noise(curves))


def _merit(shape: Shape) -> np.ndarray:
    """High, early and narrow: height over width, falling by half for each second behind the earliest tenth."""
    late = np.maximum(shape.moment - np.quantile(shape.moment, 0.1), 0)
    return shape.height / shape.width * 0.5**late


def _earliest_cluster(curves: np.ndarray, times: np.ndarray, bolus: Bolus) -> np.ndarray:
    """bool[n]: the cluster of normalised curves[t, n] with the smallest first moment."""
    window = first_pass(times, bolus)
    normal = np.ascontiguousarray(curves[window] / np.maximum(curves[window].sum(axis=0), 1e-9), np.float32)
    moment = shape_of(curves, times, bolus).moment
    order = np.array_split(np.argsort(moment), CLUSTERS)
    seeds = np.stack([normal[:, group].mean(axis=1) for group in order])
    label, _ = vq(normal.T, k_means(normal.T, seeds))
    means = [moment[label == k].mean() if np.any(label == k) else np.inf for k in range(CLUSTERS)]
    return label == int(np.argmin(means))


def _arteries(ranked: np.ndarray, voxels: np.ndarray) -> list[np.ndarray]:
    """The ranked columns by artery: voxels that lie within two voxels of each other in a slice belong together."""
    place = voxels[ranked]
    low = place.min(axis=0) - 2
    image = np.zeros(place.max(axis=0) - low + 3, bool)
    image[tuple((place - low).T)] = True
    near = np.ones((3, 3, 3), bool)
    labels, _ = ndimage.label(ndimage.binary_dilation(image, np.ones((1, 3, 3), bool)), near)
    group = labels[tuple((place - low).T)]
    return [ranked[group == k] for k in np.unique(group) if np.sum(group == k) >= FEWEST]


def _purest(curves: np.ndarray, ranked: np.ndarray) -> np.ndarray:
    """The first of the ranked columns whose peaks come near those of the very best: between FEWEST and MOST."""
    ranked = ranked[: 2 * MOST]
    peak = curves[:, ranked].max(axis=0)
    pure = ranked[peak >= PURITY * np.median(peak[:FEWEST])][:MOST]
    return pure if len(pure) >= FEWEST else ranked[:FEWEST]


def _arterial_input(
    curves: np.ndarray,
    times: np.ndarray,
    bolus: Bolus,
    voxels: np.ndarray,
    chosen: np.ndarray,
    tissue: Shape,
    echo_time: float,
) -> ArterialInput:
    curve = curves[:, chosen].mean(axis=1, dtype=np.float64)
    warnings = tuple(_warnings(curves, times, curve, curves[:, chosen], echo_time))
    shape = shape_of(curve[:, None], times, bolus)
    return ArterialInput(
        times,
        curve,
        voxels[chosen],
        score=round(quality(shape, tissue) * 0.85 ** len(warnings), 3),
        source=f"automatic, {len(chosen)} voxels",
        warnings=warnings,
    )


def quality(shape: Shape, tissue: Shape) -> float:
    """0..1: how far a curve is from tissue in height (full mark: 5 times), earliness (2 s), width, and noise (5 %)."""
    marks = [
        shape.height[0] / tissue.height[0] / 5,
        (tissue.moment[0] - shape.moment[0]) / 2,
        1.8 - shape.width[0] / tissue.width[0],
        1.5 - 10 * shape.noise[0] / shape.height[0],
    ]
    return float(np.mean(np.clip(marks, 0, 1)))


def _warnings(
    curves: np.ndarray, times: np.ndarray, curve: np.ndarray, chosen: np.ndarray, echo_time: float
) -> list[str]:
    found = []
    if np.mean(chosen.max(axis=0) > -np.log(SATURATED) / echo_time) > 0.5:
        found.append("The arterial signal falls below a tenth of its baseline: its peak may be cut off by noise.")
    ratio = np.trapezoid(np.median(curves, axis=1), times) / np.trapezoid(curve, times)
    if ratio > 0.08:
        found.append(
            f"The median blood volume would be {100 * ratio:.0f} % of the artery's, so the arterial input is too small "
            "(partial volume) and CBV and CBF are too high by a common factor."
        )
    return found
