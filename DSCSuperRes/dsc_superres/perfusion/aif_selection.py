"""Automatic arterial input: clusters of early, high, narrow curves (after Mouridsen 2006, CAPLEX P.AE2.004)."""

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
"""Share of brain voxels, by area under the first pass, among which arteries are looked for."""
IRREGULAR_SHARE = 0.25
"""Share of the most irregular curves that is dropped."""
CLUSTERS = 5
CANDIDATE_VOXELS = 60
"""Clustering stops when no more voxels than this would be left."""
TISSUE_CURVES = 20_000
"""Voxels from which the median tissue curve is taken."""
MIN_VOXELS = 2
MAX_VOXELS = 6
"""Voxels of an arterial input: enough to average noise, few enough to stay within large arteries."""
PURITY = 0.95
"""A voxel joins the arterial input if its area reaches this share of the best ones': the others hold tissue as well."""
NOISE_CHECK_SIGNAL = 0.04
MIN_SIGNAL = 0.01
"""Shares of the baseline: below the first, voxels whose signal is lost in noise are left out, below the other all."""
DARK_SHARE = 0.55
"""Voxels darker than this share of the brain's median lie beside bone and air, where curves are distorted."""
PLATEAU_VOXELS = 3
PLATEAU_SHARE = 0.9
"""An artery that fills voxels has this many of them whose areas reach this share of the largest one's."""
LARGER_AREA = 1.1
VENOUS_DELAY = 1.0
"""A larger artery has so many times the area; first moments later by more than so many s may be those of veins."""
MAX_TISSUE_VOLUME = 0.08
"""Share of the artery's area above which the median tissue cannot lie: blood fills 2 to 5 % of the brain."""


@dataclass(frozen=True, eq=False)
class CurveShape:
    """What tells arteries from tissue and veins: height (1/s), first moment, width and arrival (s) of curves[t, n]."""

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
    """The arterial input found among curves[t, n] (1/s) at times[t] (s) of the voxels int[n, 3] (z, y, x).

    ``baseline`` [n] is their signal before the bolus: where it is given, dim voxels at the skull's base are left out.
    Raises ``PerfusionError`` where no curve looks like a bolus.
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
    """Arterial inputs, best first: that of the best voxels wherever they lie, then those of single arteries by score.

    Arguments as for ``automatic_aif``.
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
    # Where one artery is the best everywhere, its voxels are those of the first already.
    others = [aif for aif in inputs[1:] if {*map(tuple, aif.voxels)} != {*map(tuple, inputs[0].voxels)}]
    return [inputs[0], *sorted(others, key=lambda aif: -aif.score)][:max_count]


def first_pass(times: np.ndarray, bolus: Bolus) -> slice:
    """Frames of the first pass: from just before the arrival to about as long after the peak."""
    begin = bolus.arrival - 3.0
    end = bolus.peak + max(bolus.peak - bolus.arrival, 4.0)
    first, last = np.searchsorted(times, [begin, end])
    return slice(int(first), int(max(last, first + 4)))


def candidate_voxels(
    curves: np.ndarray, times: np.ndarray, bolus: Bolus, echo_time: float, baseline: np.ndarray | None = None
) -> np.ndarray:
    """int[k]: columns of curves[t, n] with a large area, above the noise floor, and smooth outside the first pass."""
    window = first_pass(times, bolus)
    area = np.trapezoid(curves[window], times[window], axis=0)
    usable = (area > 0) & is_readable(curves, bolus, echo_time) & _is_bright(curves, baseline)
    if not usable.any():
        raise PerfusionError(
            "No artery was found: no curve rises in the first pass; give the arterial input (--aif FILE)."
        )
    candidate_count = min(max(int(CANDIDATE_SHARE * len(area)), 8 * MAX_VOXELS), int(usable.sum()))
    largest = np.argsort(np.where(usable, area, -np.inf))[::-1][:candidate_count]
    # Within the first pass a narrow peak is not irregular, but just what an artery looks like.
    outside_first_pass = np.ones(len(times), bool)
    outside_first_pass[window] = False
    irregularity = np.abs(np.diff(curves[:, largest][outside_first_pass], n=2, axis=0)).mean(axis=0) / curves[window][
        :, largest
    ].max(axis=0)
    return largest[irregularity <= np.quantile(irregularity, 1 - IRREGULAR_SHARE)]


def is_readable(curves: np.ndarray, bolus: Bolus, echo_time: float) -> np.ndarray:
    """bool[n]: the signal behind curves[t, n] (1/s) can be read at its lowest, where saturated arteries cannot."""
    lowest = np.exp(-echo_time * curves.max(axis=0))
    low = np.flatnonzero(lowest < NOISE_CHECK_SIGNAL)
    result = np.ones(len(lowest), bool)
    result[low] = (lowest[low] >= MIN_SIGNAL) & ~at_noise_floor(curves[:, low], bolus, echo_time)
    return result


def _is_bright(curves: np.ndarray, baseline: np.ndarray | None) -> np.ndarray:
    return np.ones(curves.shape[1], bool) if baseline is None else baseline > DARK_SHARE * np.median(baseline)


def curve_shape(curves: np.ndarray, times: np.ndarray, bolus: Bolus) -> CurveShape:
    """Height, first moment, width and noise of the first pass of curves[t, n]."""
    window = first_pass(times, bolus)
    t = times[window] - times[window][0]
    weights = np.maximum(curves[window], 0) * np.gradient(t)[:, None]
    total = np.maximum(weights.sum(axis=0), 1e-9)
    moment = (weights * t[:, None]).sum(axis=0) / total
    height = np.maximum(curves[window].max(axis=0), 1e-9)
    return CurveShape(height, moment, total / height, curve_noise(curves))


def _merit(shape: CurveShape) -> np.ndarray:
    """High, early and narrow: height over width, falling by half for each second behind the earliest tenth."""
    delay = np.maximum(shape.moment - np.quantile(shape.moment, 0.1), 0)
    return shape.height / shape.width * 0.5**delay


def _earliest_cluster(curves: np.ndarray, times: np.ndarray, bolus: Bolus) -> np.ndarray:
    """bool[n]: the cluster of normalised curves[t, n] with the smallest first moment."""
    window = first_pass(times, bolus)
    normalized = np.ascontiguousarray(curves[window] / np.maximum(curves[window].sum(axis=0), 1e-9), np.float32)
    moment = curve_shape(curves, times, bolus).moment
    initial_groups = np.array_split(np.argsort(moment), CLUSTERS)
    seeds = np.stack([normalized[:, group].mean(axis=1) for group in initial_groups])
    label, _ = vq(normalized.T, k_means(normalized.T, seeds))
    mean_moments = [moment[label == k].mean() if np.any(label == k) else np.inf for k in range(CLUSTERS)]
    return label == int(np.argmin(mean_moments))


def _group_by_artery(ranked: np.ndarray, voxels: np.ndarray) -> list[np.ndarray]:
    """The ranked columns by artery: voxels that lie within two voxels of each other in a slice belong together."""
    positions = voxels[ranked]
    low = positions.min(axis=0) - 2
    image = np.zeros(positions.max(axis=0) - low + 3, bool)
    image[tuple((positions - low).T)] = True
    neighborhood = np.ones((3, 3, 3), bool)
    labels, _ = ndimage.label(ndimage.binary_dilation(image, np.ones((1, 3, 3), bool)), neighborhood)
    group = labels[tuple((positions - low).T)]
    return [ranked[group == k] for k in np.unique(group) if np.sum(group == k) >= MIN_VOXELS]


def _purest_voxels(area: np.ndarray) -> np.ndarray:
    """int[k]: the first of those ranked by merit whose area[n] comes near that of the very best: FEWEST to MOST."""
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
    """The mean of the purest of curves[t, k], ranked by merit, with its score against tissue[t] and its flaws.

    ``unreadable`` [t, m] are the curves of voxels that cannot be read at their peak.
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
    """A sentence where voxels as early as the arterial curve[t], but larger, are among lost[t, m]."""
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
    """Sentences where the arterial curve[t] is likely too low, from the areas[k] of all voxels of the arteries."""
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
    """0..1: how far a curve is from tissue in height (full mark: 5 times), earliness (2 s), width, and noise (5 %)."""
    criteria = [
        shape.height[0] / tissue.height[0] / 5,
        (tissue.moment[0] - shape.moment[0]) / 2,
        1.8 - shape.width[0] / tissue.width[0],
        1.5 - 10 * shape.noise[0] / shape.height[0],
    ]
    return float(np.mean(np.clip(criteria, 0, 1)))
