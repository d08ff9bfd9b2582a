"""Normal-appearing white matter, found in the maps of a series without an atlas.

White matter is the tissue of the lowest blood volume that fills uniform areas deep in the brain, on both sides. Its
blood volume is the lowest peak of the distribution of CBV there; the reference is where the neighborhood is most
uniformly like it, in blood volume, in the signal before the bolus and in the time to peak. That leaves out cortex and
vessels (mixed neighborhoods), fluid (almost no blood volume), and lesions (another signal, volume or time). Where one
side has clearly less of it, or a later bolus, that side is taken for ill and the reference is on the other one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.signal import fftconvolve

from dsc_superres.errors import PerfusionError
from dsc_superres.geometry import Geometry
from dsc_superres.perfusion.mask import in_plane_distance
from dsc_superres.perfusion.midline import left_of_midline

CENTER_DEPTH = 12.0
"""Depth below the surface of the brain in mm from which the distribution of blood volume is taken."""
LEAST_DEPTH = 6.0
"""Least depth of the reference in mm."""
NEIGHBORHOOD = 6.0
"""Radius of the neighborhood in mm that has to be like white matter."""
LEAST_LIKENESS = 0.6
"""Share of the neighborhood that has to be like white matter."""
BRAIN_SHARE = 0.15
"""Largest share of the brain that becomes reference: the most uniform part."""
HALF_WIDTH = 0.35
"""How far white matter's ln CBV may be from its peak; to the next peak above at most ``VALLEY`` of the way."""
VALLEY = 0.6
SMOOTHING = (0.8, 2.0)
"""Standard deviations in mm by which CBV is smoothed, the second where the first leaves too much noise."""
LEAST_AREA = 150.0
"""Least area of the reference in mm2, over all slices."""
LEAST_VOXELS = 12
"""Fewest voxels of the reference."""
LEAST_PART = 40.0
"""Least area in mm2 of a part of the reference in a slice."""
LEAST_GRAY_SHARE = 0.1
"""Least share of the brain whose blood volume is clearly (by ``GRAY_RATIO``) above that of white matter."""
GRAY_RATIO = 1.25
LARGEST_SPREAD = 1.0
"""Largest distance between the quartiles of CBV in the reference, as share of its median; more is noise."""
ILL_SHARE = 0.7
"""A side with less than this share of the other side's reference is taken for ill."""
ILL_DIFFERENCE = 0.07
"""Difference in ln CBV between the sides of the reference from which one is taken for ill."""
ILL_DELAY = 1.0
"""Difference in time to peak (s) between the sides of the reference from which the later one is taken for ill."""
IN_PLANE = np.array([np.zeros((3, 3)), np.ones((3, 3)), np.zeros((3, 3))], bool)


@dataclass(frozen=True, eq=False)
class WhiteMatterReference:
    """The region that relative maps refer to.

    region   bool[z, y, x]
    source   how it was found, in words
    side     "left", "right" or "both" of the patient; None where it was not looked at
    """

    region: np.ndarray
    source: str = "given"
    side: str | None = None


@dataclass(frozen=True, eq=False)
class _Images:
    """What white matter is found by, float32[z, y, x] each: smoothed CBV, signal without shading, time to peak (s)."""

    cbv: np.ndarray
    signal: np.ndarray
    ttp: np.ndarray


def find_white_matter(
    cbv: np.ndarray, ttp: np.ndarray, baseline: np.ndarray, mask: np.ndarray, geometry: Geometry
) -> WhiteMatterReference:
    """Return the reference in the brain ``mask`` of the maps CBV and TTP and the signal before the bolus.

    All are [z, y, x]. The unit of CBV does not matter. Raises ``PerfusionError`` with one sentence if no region is
    credible.
    """
    depth = in_plane_distance(mask, (geometry.spacing[1], geometry.spacing[0]))
    left = left_of_midline(mask, geometry)
    refusal: PerfusionError | None = None
    for smoothing in SMOOTHING:
        images = _images(cbv, ttp, baseline, mask, geometry, smoothing)
        try:
            return _find(images, cbv, ttp, mask, depth, left, geometry)
        except PerfusionError as error:
            refusal = refusal or error
    raise refusal


def _find(
    images: _Images,
    cbv: np.ndarray,
    ttp: np.ndarray,
    mask: np.ndarray,
    depth: np.ndarray,
    left: np.ndarray,
    geometry: Geometry,
) -> WhiteMatterReference:
    inside = depth > CENTER_DEPTH
    if np.count_nonzero(inside) < LEAST_VOXELS or not np.median(images.cbv[inside]) > 0:
        raise _refusal("the brain is too small in these slices")
    typical = float(np.median(images.cbv[inside]))
    log_cbv = np.log(np.maximum(images.cbv, 0.1 * typical))
    span = np.log(np.array([0.15, 5.0]) * typical)
    peak, upper = _white_peak(log_cbv, inside & (log_cbv > span[0]), span, left, geometry)
    if np.mean(log_cbv[mask] > peak + np.log(GRAY_RATIO)) < LEAST_GRAY_SHARE:
        raise _refusal("all tissue has about the same blood volume")
    alike = (log_cbv > peak - HALF_WIDTH) & (log_cbv < peak + upper) & mask
    core = _most_uniform(alike, images, mask, depth, left, geometry)
    area = geometry.spacing[0] * geometry.spacing[1]
    labels, _ = ndimage.label(core, IN_PLANE)
    sizes = np.bincount(labels.ravel()) * area
    sizes[0] = 0
    core = (sizes >= LEAST_PART)[labels]
    side = _healthy_side(core, cbv, ttp, inside, left)
    region = core if side == "both" else core & (left if side == "left" else ~left)
    if np.count_nonzero(region) < LEAST_VOXELS or np.count_nonzero(region) * area < LEAST_AREA:
        raise _refusal("no area is uniform enough")
    first, median, last = np.percentile(cbv[region], (25, 50, 75))
    if last - first > LARGEST_SPREAD * median:
        raise _refusal("its blood volume is lost in noise")
    return WhiteMatterReference(region, "automatic: the most uniform tissue of low blood volume", side)


def _images(
    cbv: np.ndarray, ttp: np.ndarray, baseline: np.ndarray, mask: np.ndarray, geometry: Geometry, smoothing: float
) -> _Images:
    flat = baseline / np.maximum(_smooth(baseline, mask, geometry, 25.0), 1e-6)
    return _Images(
        _smooth(cbv, mask, geometry, smoothing),
        _smooth(flat, mask, geometry, 1.5),
        _smooth(ttp, mask, geometry, 1.5),
    )


def _smooth(values: np.ndarray, mask: np.ndarray, geometry: Geometry, width: float) -> np.ndarray:
    """Return values[z, y, x] smoothed in the planes by a Gaussian of ``width`` (mm), of voxels in ``mask`` alone."""
    widths = (0.0, *(max(width / step, 0.4) for step in geometry.spacing[1::-1]))
    weight = ndimage.gaussian_filter(mask.astype(np.float32), widths)
    total = ndimage.gaussian_filter(np.where(mask, values, 0).astype(np.float32), widths)
    return np.where(mask, total / np.maximum(weight, 1e-6), 0)


def _white_peak(
    log_cbv: np.ndarray, inside: np.ndarray, span: np.ndarray, left: np.ndarray, geometry: Geometry
) -> tuple[float, float]:
    """Return the lowest peak of ln CBV ``inside``, of tissue on both sides, and how far white matter reaches above.

    Voxels count less where CBV changes from one to the next, as it does at borders of tissue.
    """
    slopes = [
        np.gradient(log_cbv, axis=axis) / geometry.spacing[2 - axis] for axis in (1, 2) if log_cbv.shape[axis] > 1
    ]
    weights = 1 / (1 + sum(slope[inside] ** 2 for slope in slopes) / 0.08**2)
    count, edges = np.histogram(log_cbv[inside], bins=300, range=tuple(span), weights=weights)
    step, center = edges[1] - edges[0], (edges[1:] + edges[:-1]) / 2
    density = ndimage.gaussian_filter1d(count, 0.07 / step)
    higher = (density[1:-1] > density[:-2]) & (density[1:-1] >= density[2:]) & (density[1:-1] > 0.3 * density.max())
    peaks = center[1:-1][higher]
    on_side = [max(np.count_nonzero(inside & half), 1) for half in (left, ~left)]
    one_sided = min(on_side) < 0.2 * max(on_side)
    for number, peak in enumerate(peaks):
        near = inside & (np.abs(log_cbv - peak) < 0.2)
        shares = [np.count_nonzero(near & half) / size for half, size in zip((left, ~left), on_side, strict=True)]
        mass = density[np.abs(center - peak) < 0.2].sum() / density.sum()
        if mass > 0.12 and (one_sided or min(shares) > 0.2 * max(shares)):
            above = [next_peak - peak for next_peak in peaks[number + 1 :] if next_peak > peak + 0.1]
            return float(peak), min([HALF_WIDTH, *(VALLEY * distance for distance in above[:1])])
    raise _refusal("no blood volume is common to both sides")


def _most_uniform(
    alike: np.ndarray, images: _Images, mask: np.ndarray, depth: np.ndarray, left: np.ndarray, geometry: Geometry
) -> np.ndarray:
    """Return the voxels whose neighborhood is most ``alike``, with the usual signal and time to peak, bool[z, y, x].

    What is usual is read from the neighborhoods found before; the time to peak from their side with the earlier bolus.
    """
    disc = _disc(geometry)
    normal = mask
    for _ in range(3):  # what is usual is seen better where less of it is unusual
        candidates = alike & normal
        likeness = np.stack([fftconvolve(plane.astype(np.float32), disc, mode="same") for plane in candidates])
        likeness = np.where(candidates & (depth > LEAST_DEPTH), likeness, 0)
        limit = max(float(np.quantile(likeness[mask], 1 - BRAIN_SHARE)), LEAST_LIKENESS)
        core = likeness >= limit
        if not core.any():
            raise _refusal("no area is uniform enough")
        halves = [half for half in (core & left, core & ~left) if np.count_nonzero(half) > 0.2 * np.count_nonzero(core)]
        earlier = min(halves, key=lambda half: float(np.median(images.ttp[half])))
        normal = mask & _usual(images.signal, core, 0.02) & _usual(images.ttp, earlier, 0.25)
    return core


def _usual(values: np.ndarray, core: np.ndarray, least: float) -> np.ndarray:
    """Return where values[z, y, x] lie within three robust standard deviations (at least ``least``) of the core's."""
    median = np.median(values[core])
    return np.abs(values - median) < 3 * max(1.4826 * float(np.median(np.abs(values[core] - median))), least)


def _disc(geometry: Geometry) -> np.ndarray:
    """Return the weights [y, x] of a disc with radius ``NEIGHBORHOOD``, whose sum is 1."""
    reach = [int(np.ceil(NEIGHBORHOOD / step)) for step in geometry.spacing[1::-1]]
    rows, columns = np.mgrid[-reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1]
    disc = (np.hypot(rows * geometry.spacing[1], columns * geometry.spacing[0]) <= NEIGHBORHOOD).astype(np.float32)
    return disc / disc.sum()


def _healthy_side(core: np.ndarray, cbv: np.ndarray, ttp: np.ndarray, inside: np.ndarray, left: np.ndarray) -> str:
    """Return which side of the ``core`` is the reference: "left", "right", or "both" where they are alike."""
    halves = {"left": core & left, "right": core & ~left}
    if not all(half.any() for half in halves.values()):
        return "both" if not core.any() else next(side for side, half in halves.items() if half.any())
    sides = {"left": inside & left, "right": inside & ~left}
    share = {side: np.count_nonzero(half) / max(np.count_nonzero(sides[side]), 1) for side, half in halves.items()}
    time = {side: float(np.median(ttp[half])) for side, half in halves.items()}
    volume = [float(np.median(cbv[half])) for half in halves.values()]
    more, less = sorted(share, key=share.get, reverse=True)
    later = abs(time["left"] - time["right"]) > ILL_DELAY
    if later and share[less] > 0.3 * share[more]:
        return min(time, key=time.get)
    alike = share[less] >= ILL_SHARE * share[more] and abs(np.log(volume[0] / volume[1])) <= ILL_DIFFERENCE
    return "both" if alike and not later else more


def _refusal(reason: str) -> PerfusionError:
    return PerfusionError(
        f"No normal-appearing white matter was found ({reason}), so there are no relative maps: "
        "mark some (--reference FILE)."
    )
