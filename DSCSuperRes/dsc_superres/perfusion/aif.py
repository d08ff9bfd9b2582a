"""Automatic arterial input: clusters of early, high, narrow curves (after Mouridsen 2006, CAPLEX P.AE2.004)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.cluster.vq import vq

from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion.arterial import ArterialInput
from dsc_superres.perfusion.bolus import Bolus, curve_noise
from dsc_superres.perfusion.cautions import at_noise_floor
from dsc_superres.perfusion.clusters import k_means

AREA_SHARE = 0.05
"""Share of brain voxels, by area under the first pass, among which arteries are looked for."""
ROUGH_SHARE = 0.25
"""Share of the most irregular curves that is dropped."""
CLUSTERS = 5
CANDIDATE_VOXELS = 60
"""Clustering stops when no more voxels than this would be left."""
TYPICAL = 20_000
"""Voxels from which the median tissue curve is taken."""
FEWEST, MOST = 2, 6
"""Voxels of an arterial input: enough to average noise, few enough to stay within large arteries."""
PURITY = 0.95
"""A voxel joins the arterial input if its area reaches this share of the best ones': the others hold tissue as well."""
SIGNAL_LIMIT, LEAST_SIGNAL = 0.04, 0.01
"""Shares of the baseline: below the first, voxels whose signal is lost in noise are left out, below the other all."""
DIM = 0.55
"""Voxels darker than this share of the brain's median lie beside bone and air, where curves are distorted."""
PLATEAU, ALIKE = 3, 0.9
"""An artery that fills voxels has this many of them whose areas reach this share of the largest one's."""
LARGER, LATE = 1.1, 1.0
"""A larger artery has so many times the area; first moments later by more than so many s may be those of veins."""
LARGE_VOLUME = 0.08
"""Share of the artery's area above which the median tissue cannot lie: blood fills 2 to 5 % of the brain."""


@dataclass(frozen=True, eq=False)
class Shape:
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
    most: int = 5,
) -> list[ArterialInput]:
    """Arterial inputs, best first: that of the best voxels wherever they lie, then those of single arteries by score.

    Arguments as for ``automatic_aif``.
    """
    chosen = candidate_voxels(curves, times, bolus, echo_time, baseline)
    for _ in range(2):
        if len(chosen) > CANDIDATE_VOXELS:
            chosen = chosen[_earliest_cluster(curves[:, chosen], times, bolus)]
    merit = _merit(shape_of(curves[:, chosen], times, bolus))
    ranked = chosen[np.argsort(merit)[::-1]]
    tissue = np.median(curves[:, :: max(1, curves.shape[1] // TYPICAL)], axis=1)
    groups = [ranked, *_arteries(ranked[:CANDIDATE_VOXELS], voxels)]
    lost = curves[:, ~readable(curves, bolus, echo_time) & _bright(curves, baseline)]
    found = [_arterial_input(curves[:, g], times, bolus, voxels[g], tissue, echo_time, lost) for g in groups]
    # Where one artery is the best everywhere, its voxels are those of the first already.
    others = [aif for aif in found[1:] if {*map(tuple, aif.voxels)} != {*map(tuple, found[0].voxels)}]
    return [found[0], *sorted(others, key=lambda aif: -aif.score)][:most]


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
    usable = (area > 0) & readable(curves, bolus, echo_time) & _bright(curves, baseline)
    if not usable.any():
        raise PerfusionError(
            "No artery was found: no curve rises in the first pass; give the arterial input (--aif FILE)."
        )
    count = min(max(int(AREA_SHARE * len(area)), 8 * MOST), int(usable.sum()))
    large = np.argsort(np.where(usable, area, -np.inf))[::-1][:count]
    # Within the first pass a narrow peak is not irregular, but just what an artery looks like.
    outside = np.ones(len(times), bool)
    outside[window] = False
    rough = np.abs(np.diff(curves[:, large][outside], n=2, axis=0)).mean(axis=0) / curves[window][:, large].max(axis=0)
    return large[rough <= np.quantile(rough, 1 - ROUGH_SHARE)]


def readable(curves: np.ndarray, bolus: Bolus, echo_time: float) -> np.ndarray:
    """bool[n]: the signal behind curves[t, n] (1/s) can be read at its lowest, where saturated arteries cannot."""
    lowest = np.exp(-echo_time * curves.max(axis=0))
    deep = np.flatnonzero(lowest < SIGNAL_LIMIT)
    found = np.ones(len(lowest), bool)
    found[deep] = (lowest[deep] >= LEAST_SIGNAL) & ~at_noise_floor(curves[:, deep], bolus, echo_time)
    return found


def _bright(curves: np.ndarray, baseline: np.ndarray | None) -> np.ndarray:
    return np.ones(curves.shape[1], bool) if baseline is None else baseline > DIM * np.median(baseline)


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


def _purest(area: np.ndarray) -> np.ndarray:
    """int[k]: the first of those ranked by merit whose area[n] comes near that of the very best: FEWEST to MOST."""
    area = area[: 4 * MOST]
    pure = np.flatnonzero(area >= PURITY * np.median(area[:3]))[:MOST]
    return pure if len(pure) >= FEWEST else np.arange(min(FEWEST, len(area)))


def _arterial_input(
    curves: np.ndarray,
    times: np.ndarray,
    bolus: Bolus,
    voxels: np.ndarray,
    tissue: np.ndarray,
    echo_time: float,
    lost: np.ndarray,
) -> ArterialInput:
    """The mean of the purest of curves[t, k], ranked by merit, with its score against tissue[t] and its flaws.

    ``lost`` [t, m] are the curves of voxels that cannot be read at their peak.
    """
    window = first_pass(times, bolus)
    area = np.trapezoid(curves[window], times[window], axis=0)
    chosen = _purest(area)
    curve = curves[:, chosen].mean(axis=1, dtype=np.float64)
    flaws = []
    if np.mean(at_noise_floor(curves[:, chosen], bolus, echo_time)) >= 0.5:
        flaws.append("The arterial signal falls to the noise, so the peak of the arterial input is cut off.")
    flaws += _left_out(lost, curve, times, bolus, echo_time)
    flaws += _partial_volume(area, curve, tissue, times)
    shape, of_tissue = (shape_of(one[:, None], times, bolus) for one in (curve, tissue))
    return ArterialInput(
        times,
        curve,
        voxels[chosen],
        score=round(quality(shape, of_tissue) * 0.85 ** len(flaws), 3),
        source=f"automatic, {len(chosen)} voxels",
        warnings=tuple(flaws),
    )


def _left_out(lost: np.ndarray, curve: np.ndarray, times: np.ndarray, bolus: Bolus, echo_time: float) -> Iterator[str]:
    """A sentence where voxels as early as the arterial curve[t], but larger, are among lost[t, m]."""
    window = first_pass(times, bolus)
    areas, area = (np.trapezoid(one[window], times[window], axis=0) for one in (lost, curve))
    larger = areas > LARGER * area
    own, theirs = (shape_of(one, times, bolus).moment for one in (curve[:, None], lost[:, larger]))
    count = int(np.sum(theirs < own + LATE))
    if count >= PLATEAU:
        share = 100 * np.exp(-echo_time * np.median(lost[:, larger].max(axis=0)))
        yield (
            f"The largest arteries are saturated: {count} voxels were left out of the arterial input because their "
            f"signal falls to {share:.1f} % of the baseline, so it comes from smaller arteries and CBV and CBF are "
            "likely too high by a common factor (a vein to scale it to, a lower dose or a shorter echo time helps)."
        )


def _partial_volume(area: np.ndarray, curve: np.ndarray, tissue: np.ndarray, times: np.ndarray) -> Iterator[str]:
    """Sentences where the arterial curve[t] is likely too low, from the areas[k] of all voxels of the arteries."""
    if np.sum(area >= ALIKE * area.max()) < PLATEAU:
        yield (
            "Hardly any voxel lies wholly within an artery, so the arterial input is likely too small (partial volume) "
            "and CBV and CBF are too high by a common factor: include slices at the base of the brain."
        )
    ratio = np.trapezoid(tissue, times) / np.trapezoid(curve, times)
    if ratio > LARGE_VOLUME:
        yield (
            f"The median blood volume would be {100 * ratio:.0f} % of the artery's: contrast shows less in this artery "
            "than in tissue (partial volume or its relaxivity), so CBV and CBF are too high by a common factor."
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
