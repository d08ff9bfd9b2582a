"""Automatic arterial input: clusters of early, high and narrow curves (after Mouridsen 2006, CAPLEX P.AE2.004)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.cluster.vq import vq

from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion.arterial_input import ArterialInput
from dsc_superres.perfusion.bolus import Bolus, curve_noise
from dsc_superres.perfusion.clusters import k_means
from dsc_superres.perfusion.map_warnings import at_noise_floor

CANDIDATE_SHARE = 0.05
"""Share of the brain's voxels, those with the largest area under the first pass, that are searched for arteries."""
IRREGULAR_SHARE = 0.25
"""Share of the most irregular candidate curves that is dropped."""
CLUSTERS = 5
"""Number of clusters in each round."""
CANDIDATE_VOXELS = 60
"""Clustering stops when at most this many voxels remain."""
TISSUE_CURVES = 20_000
"""Number of voxels from which the median tissue curve is computed."""
MIN_VOXELS = 2
"""Fewest voxels of an arterial input, to average noise."""
MAX_VOXELS = 6
"""Most voxels of an arterial input, to stay within large arteries."""
PURITY = 0.95
"""Share of the best voxels' area that a voxel of the arterial input must reach; others contain tissue as well."""
NOISE_CHECK_SIGNAL = 0.04
"""Voxels whose signal falls below this share of the baseline are excluded if it reaches the noise floor."""
MIN_SIGNAL = 0.01
"""Voxels whose signal falls below this share of the baseline are always excluded."""
DARK_SHARE = 0.55
"""Voxels darker than this share of the brain's median lie near bone and air, where curves are distorted."""
PLATEAU_VOXELS = 3
"""An artery that fills whole voxels has at least this many with an area near the largest."""
PLATEAU_SHARE = 0.9
"""Share of the largest area from which an area is near it."""
LARGER_AREA = 1.1
"""Ratio of areas above which an excluded curve suggests a larger artery."""
VENOUS_DELAY = 1.0
"""Delay of the first moment in s above which a curve may be that of a vein."""
MAX_TISSUE_VOLUME = 0.08
"""Largest credible ratio of the median tissue area to the arterial area: blood fills 2 to 5 % of the brain."""


@dataclass(frozen=True, eq=False)
class CurveShape:
    """Properties that distinguish arteries from tissue and veins, one value per curve.

    height   maximum in the first pass, 1/s
    moment   first moment of the first pass, s from its beginning
    width    area over height, s
    noise    standard deviation, 1/s
    """

    height: np.ndarray
    moment: np.ndarray
    width: np.ndarray
    noise: np.ndarray


def automatic_aif(
    curves: np.ndarray,
    times: np.ndarray,
    bolus: Bolus,
    voxels: np.ndarray,
    echo_time: float = 0.03,
    baseline: np.ndarray | None = None,
) -> ArterialInput:
    """Return the best arterial input among the curves of a series.

    Parameters
    ----------
    curves : array, [t, n]
        Delta R2* in 1/s.
    times : array, [t]
        Frame times in s.
    bolus : Bolus
    voxels : int array, [n, 3]
        Indices (z, y, x) of the curves.
    echo_time : float
        Echo time in s.
    baseline : array, [n], optional
        Signal before the bolus; if given, dark voxels at the base of the skull are excluded.

    Raises
    ------
    PerfusionError
        If no curve looks like a bolus.
    """
    return aif_candidates(curves, times, bolus, voxels, echo_time, baseline)[0]


def aif_candidates(
    curves: np.ndarray,
    times: np.ndarray,
    bolus: Bolus,
    voxels: np.ndarray,
    echo_time: float = 0.03,
    baseline: np.ndarray | None = None,
    max_count: int = 5,
) -> list[ArterialInput]:
    """Return up to ``max_count`` arterial inputs, best first.

    The first is the mean of the best voxels anywhere, followed by those of single arteries in the order of their score.
    The other parameters are those of ``automatic_aif``.
    """
    candidates = candidate_voxels(curves, times, bolus, echo_time, baseline)
    for _ in range(2):
        if len(candidates) > CANDIDATE_VOXELS:
            candidates = candidates[_earliest_cluster(curves[:, candidates], times, bolus)]
    merit = _merit(curve_shape(curves[:, candidates], times, bolus))
    ranked = candidates[np.argsort(merit)[::-1]]
    tissue = np.median(curves[:, :: max(1, curves.shape[1] // TISSUE_CURVES)], axis=1)
    groups = [ranked, *_group_by_artery(ranked[:CANDIDATE_VOXELS], voxels)]
    unreadable = curves[:, ~is_readable(curves, bolus, echo_time) & _is_bright(curves, baseline)]
    inputs = [
        _arterial_input(curves[:, group], times, bolus, voxels[group], tissue, echo_time, unreadable)
        for group in groups
    ]
    # If one artery is the best anywhere, the first input has the same voxels.
    others = [aif for aif in inputs[1:] if {*map(tuple, aif.voxels)} != {*map(tuple, inputs[0].voxels)}]
    return [inputs[0], *sorted(others, key=lambda aif: -aif.score)][:max_count]


def first_pass(times: np.ndarray, bolus: Bolus) -> slice:
    """Return the frames of the first pass: from just before the arrival to about as long after the peak."""
    begin = bolus.arrival - 3.0
    end = bolus.peak + max(bolus.peak - bolus.arrival, 4.0)
    first, last = np.searchsorted(times, [begin, end])
    return slice(int(first), int(max(last, first + 4)))


def candidate_voxels(
    curves: np.ndarray, times: np.ndarray, bolus: Bolus, echo_time: float, baseline: np.ndarray | None = None
) -> np.ndarray:
    """Return the columns of curves[t, n] that may be arterial, int[k].

    Their area is large, their signal stays above the noise floor, and they are smooth outside the first pass.
    """
    window = first_pass(times, bolus)
    area = np.trapezoid(curves[window], times[window], axis=0)
    usable = (area > 0) & is_readable(curves, bolus, echo_time) & _is_bright(curves, baseline)
    if not usable.any():
        raise PerfusionError(
            "No artery was found: no curve rises in the first pass; give the arterial input (--aif FILE)."
        )
    candidate_count = min(max(int(CANDIDATE_SHARE * len(area)), 8 * MAX_VOXELS), int(usable.sum()))
    largest = np.argsort(np.where(usable, area, -np.inf))[::-1][:candidate_count]
    # Within the first pass, a narrow peak is not irregular but typical of an artery.
    outside_first_pass = np.ones(len(times), bool)
    outside_first_pass[window] = False
    if outside_first_pass.sum() < 3:  # a short series, of which all is first pass: no way to see who is irregular
        return largest
    irregularity = np.abs(np.diff(curves[:, largest][outside_first_pass], n=2, axis=0)).mean(axis=0) / curves[window][
        :, largest
    ].max(axis=0)
    return largest[irregularity <= np.quantile(irregularity, 1 - IRREGULAR_SHARE)]


def is_readable(curves: np.ndarray, bolus: Bolus, echo_time: float) -> np.ndarray:
    """Return where the lowest signal of curves[t, n] (1/s) can be distinguished from noise, bool[n].

    Saturated arteries fail this test.
    """
    lowest = np.exp(-echo_time * curves.max(axis=0))
    low = np.flatnonzero(lowest < NOISE_CHECK_SIGNAL)
    result = np.ones(len(lowest), bool)
    result[low] = (lowest[low] >= MIN_SIGNAL) & ~at_noise_floor(curves[:, low], bolus, echo_time)
    return result


def _is_bright(curves: np.ndarray, baseline: np.ndarray | None) -> np.ndarray:
    """Return where the signal before the bolus is not that of dark voxels near bone and air, bool[n]."""
    return np.ones(curves.shape[1], bool) if baseline is None else baseline > DARK_SHARE * np.median(baseline)


def curve_shape(curves: np.ndarray, times: np.ndarray, bolus: Bolus) -> CurveShape:
    """Return height, first moment, width and noise of the first pass of curves[t, n]."""
    window = first_pass(times, bolus)
    t = times[window] - times[window][0]
    weights = np.maximum(curves[window], 0) * np.gradient(t)[:, None]
    total = np.maximum(weights.sum(axis=0), 1e-9)
    moment = (weights * t[:, None]).sum(axis=0) / total
    height = np.maximum(curves[window].max(axis=0), 1e-9)
    return CurveShape(height, moment, total / height, curve_noise(curves))


def _merit(shape: CurveShape) -> np.ndarray:
    """Return height over width, halved for each second of delay behind the earliest tenth."""
    delay = np.maximum(shape.moment - np.quantile(shape.moment, 0.1), 0)
    return shape.height / shape.width * 0.5**delay


def _earliest_cluster(curves: np.ndarray, times: np.ndarray, bolus: Bolus) -> np.ndarray:
    """Return the cluster of normalized curves[t, n] with the smallest first moment, bool[n]."""
    window = first_pass(times, bolus)
    normalized = np.ascontiguousarray(curves[window] / np.maximum(curves[window].sum(axis=0), 1e-9), np.float32)
    moment = curve_shape(curves, times, bolus).moment
    initial_groups = np.array_split(np.argsort(moment), CLUSTERS)
    seeds = np.stack([normalized[:, group].mean(axis=1) for group in initial_groups])
    label, _ = vq(normalized.T, k_means(normalized.T, seeds))
    mean_moments = [moment[label == k].mean() if np.any(label == k) else np.inf for k in range(CLUSTERS)]
    return label == int(np.argmin(mean_moments))


def _group_by_artery(ranked: np.ndarray, voxels: np.ndarray) -> list[np.ndarray]:
    """Return the ranked columns grouped by artery: voxels within two voxels of each other in a slice."""
    positions = voxels[ranked]
    low = positions.min(axis=0) - 2
    image = np.zeros(positions.max(axis=0) - low + 3, bool)
    image[tuple((positions - low).T)] = True
    neighborhood = np.ones((3, 3, 3), bool)
    labels, _ = ndimage.label(ndimage.binary_dilation(image, np.ones((1, 3, 3), bool)), neighborhood)
    group = labels[tuple((positions - low).T)]
    return [ranked[group == k] for k in np.unique(group) if np.sum(group == k) >= MIN_VOXELS]


def _purest_voxels(area: np.ndarray) -> np.ndarray:
    """Return the first voxels, ranked by merit, whose area[n] is near that of the very best, int[k]."""
    area = area[: 4 * MAX_VOXELS]
    pure = np.flatnonzero(area >= PURITY * np.median(area[:3]))[:MAX_VOXELS]
    return pure if len(pure) >= MIN_VOXELS else np.arange(min(MIN_VOXELS, len(area)))


def _arterial_input(
    curves: np.ndarray,
    times: np.ndarray,
    bolus: Bolus,
    voxels: np.ndarray,
    tissue: np.ndarray,
    echo_time: float,
    unreadable: np.ndarray,
) -> ArterialInput:
    """Return the mean of the purest of curves[t, k], ranked by merit, with its score and its warnings.

    ``tissue`` [t] is the median tissue curve; ``unreadable`` [t, m] are the curves of voxels whose peak is lost in
    noise.
    """
    window = first_pass(times, bolus)
    area = np.trapezoid(curves[window], times[window], axis=0)
    chosen = _purest_voxels(area)
    curve = curves[:, chosen].mean(axis=1, dtype=np.float64)
    warnings = []
    if np.mean(at_noise_floor(curves[:, chosen], bolus, echo_time)) >= 0.5:
        warnings.append("The arterial signal falls to the noise, so the peak of the arterial input is cut off.")
    warnings += _saturation_warnings(unreadable, curve, times, bolus, echo_time)
    warnings += _partial_volume_warnings(area, curve, tissue, times)
    shape, tissue_shape = (curve_shape(each[:, None], times, bolus) for each in (curve, tissue))
    return ArterialInput(
        times,
        curve,
        voxels[chosen],
        score=round(arterial_score(shape, tissue_shape) * 0.85 ** len(warnings), 3),
        source=f"automatic, {len(chosen)} voxels",
        warnings=tuple(warnings),
    )


def _saturation_warnings(
    unreadable: np.ndarray, curve: np.ndarray, times: np.ndarray, bolus: Bolus, echo_time: float
) -> Iterator[str]:
    """Yield a warning if curves as early as the arterial one, but larger, are among those lost in noise."""
    window = first_pass(times, bolus)
    areas, area = (np.trapezoid(each[window], times[window], axis=0) for each in (unreadable, curve))
    larger = areas > LARGER_AREA * area
    moment, moments = (curve_shape(each, times, bolus).moment for each in (curve[:, None], unreadable[:, larger]))
    count = int(np.sum(moments < moment + VENOUS_DELAY))
    if count >= PLATEAU_VOXELS:
        signal_percent = 100 * np.exp(-echo_time * np.median(unreadable[:, larger].max(axis=0)))
        yield (
            f"The largest arteries are saturated: {count} voxels were left out of the arterial input because their "
            f"signal falls to {signal_percent:.1f} % of the baseline, so it comes from smaller arteries and CBV and "
            "CBF are likely too high by a common factor (a vein to scale it to, a lower dose or a shorter echo time "
            "helps)."
        )


def _partial_volume_warnings(
    area: np.ndarray, curve: np.ndarray, tissue: np.ndarray, times: np.ndarray
) -> Iterator[str]:
    """Yield warnings if the arterial curve is probably too small, judged by the areas[k] of all arterial voxels."""
    if np.sum(area >= PLATEAU_SHARE * area.max()) < PLATEAU_VOXELS:
        yield (
            "Hardly any voxel lies wholly within an artery, so the arterial input is likely too small (partial volume) "
            "and CBV and CBF are too high by a common factor: include slices at the base of the brain."
        )
    ratio = np.trapezoid(tissue, times) / np.trapezoid(curve, times)
    if ratio > MAX_TISSUE_VOLUME:
        yield (
            f"The median blood volume would be {100 * ratio:.0f} % of the artery's: contrast shows less in this artery "
            "than in tissue (partial volume or its relaxivity), so CBV and CBF are too high by a common factor."
        )


def arterial_score(shape: CurveShape, tissue: CurveShape) -> float:
    """Return a score from 0 to 1 for the differences between an arterial curve and tissue.

    The mean of four criteria, each limited to 0..1: height (1 at 5 times tissue), earliness (1 at 2 s), width and
    noise.
    """
    criteria = [
        shape.height[0] / tissue.height[0] / 5,
        (tissue.moment[0] - shape.moment[0]) / 2,
        1.8 - shape.width[0] / tissue.width[0],
        1.5 - 10 * shape.noise[0] / shape.height[0],
    ]
    return float(np.mean(np.clip(criteria, 0, 1)))
