"""Samples that are zero, negative or spiked have no weight: what stands in their place follows from all others.

A value of zero is what motion correction and padding leave where there are no data. It says nothing about contrast
agent, but its logarithm would be the largest of the series. Such samples are replaced before anything is computed, so
that no method sees them: by the shape that the curves of the head have in common, fitted to the usable samples of the
voxel, and by what is left of these, interpolated in time. A frame that is unusable in most voxels is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsc_superres.errors import PerfusionError
from dsc_superres.frames.curve_noise import curve_noise
from dsc_superres.frames.excluded import frames_text, without_frames
from dsc_superres.frames.outlying_ends import outlying_ends
from dsc_superres.perfusion.bolus import find_bolus
from dsc_superres.series import Series
from dsc_superres.utils.scratch_memory import release, scratch

AIR_SHARE = 0.1
"""Voxels darker than this share of the brightest are air, where zeros are usual."""
SPIKE_SHARE = 0.3
"""Of the voxel's mean, by which a spike differs from the frames before and after it."""
SPIKE_NOISE = 8.0
"""The same in standard deviations of the voxel's noise."""
ALIKE_SHARE = 0.5
"""Of that difference, by which these two frames may differ from each other."""
SATURATED_SHARE = 0.35
"""Of the voxel's mean. A zero between darker samples is the end of a fall: it is saturated, not missing."""
FRAME_DISTANCE = 0.05
"""Of the logarithm of the mean signal in a single frame, from which that frame may be outlying as a whole."""
MOST_UNUSABLE = 0.5
"""Share of the voxels from which a frame is left out, and of the frames from which a voxel is."""
SHAPES = 4
"""Curves that the shapes of a head are composed of."""
SHAPE_CURVES = 2000
"""Curves from which these are found."""
RIDGE = 1e-3
"""Relative weight that keeps the fit of the shapes small where few samples are usable."""


@dataclass(frozen=True, eq=False)
class Slice:
    """The head in one slice: its number, where it lies, bool[y, x], and its unusable samples, bool[t, n] or None."""

    z: int
    head: np.ndarray
    unusable: np.ndarray | None


def usable_series(series: Series, *, outside: np.ndarray | None = None, spikes: bool = True) -> Series:
    """Return ``series`` without frames and samples that do not count, and with notes that count them.

    ``outside``, bool[t, z, y, x], are further unusable samples, such as those without data after motion correction.
    Without ``spikes`` only zero and negative samples are sought. Where all samples are usable, ``series`` is returned.
    """
    mean = _mean_image(series.signal)
    head = mean > AIR_SHARE * np.percentile(mean, 98)
    if not head.any() or series.frames < 4:
        return series
    slices = [_nonpositive(series, z, head[z], outside) for z in range(len(head)) if head[z].any()]
    bad_frames = _mostly_unusable(slices, series.frames)
    curve = _mean_curve(series, slices)
    if spikes:
        bad_frames |= outlying_frames(curve, series.times, bad_frames)
        quiet = _outside_first_pass(curve, series.times, bad_frames)
        slices = [_with_spikes(series, one, quiet) for one in slices]
        bad_frames |= _mostly_unusable(slices, series.frames)
    slices = [one for one in slices if one.unusable is not None]
    kept = np.flatnonzero(~bad_frames)
    if len(kept) < 4 or (not slices and len(kept) == series.frames):
        return series
    note = _samples_note(slices, kept)
    filled = _filled(series, slices, kept, head) if note else series
    filled = filled.with_signal(filled.signal, notes=(*filled.notes, note)) if note else filled
    if len(kept) == series.frames:
        return filled
    bad = np.flatnonzero(bad_frames).tolist()
    verb, which = ("differs", "was") if len(bad) == 1 else ("differ", "were")
    return without_frames(filled, bad, f"{frames_text(bad)} {verb} from all others as a whole and {which} left out.")


def outlying_frames(curve: np.ndarray, times: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
    """Return the frames in which the mean signal curve[t] of a head is outlying, bool[t]: at its end, or single ones.

    ``known`` are frames that are known to be. A single one is outlying where a bolus is found elsewhere without it.
    First frames stay: they are not in steady state, which is known how to treat.
    """
    found = np.zeros(len(curve), bool) if known is None else known.copy()
    kept = np.flatnonzero(~found)
    if len(kept) < 8:
        return found
    ends = outlying_ends(curve[kept])
    if not _has_bolus(curve[kept], times[kept]):
        ends = slice(ends.start, len(kept))
    single = _single_frames(curve[kept], ends)
    if single.any():
        rest = kept[~single]
        span = _first_pass(curve[rest], times[rest])
        if span is not None and not np.any(single & (times[kept] >= span[0]) & (times[kept] <= span[1])):
            found[kept[single]] = True
    if ends.stop < len(kept) and _has_bolus(curve[kept[: ends.stop]], times[kept[: ends.stop]]):
        found[kept[ends.stop :]] = True
    return found


def _single_frames(curve: np.ndarray, ends: slice) -> np.ndarray:
    """Return the frames of curve[t] that differ from both neighbors, which are alike, bool[t]."""
    log_signal = np.log(np.maximum(curve, 1e-6 * curve.max()))
    least = max(FRAME_DISTANCE, SPIKE_NOISE * float(curve_noise(log_signal)))
    before, after = log_signal[1:-1] - log_signal[:-2], log_signal[1:-1] - log_signal[2:]
    distance = np.minimum(np.abs(before), np.abs(after))
    single = np.zeros(len(curve), bool)
    single[1:-1] = (before * after > 0) & (distance > least) & (np.abs(before - after) < ALIKE_SHARE * distance / 2)
    single[: ends.start + 1] = False
    single[ends.stop :] = False
    return single


def _has_bolus(curve: np.ndarray, times: np.ndarray) -> bool:
    return _first_pass(curve, times) is not None


def _first_pass(curve: np.ndarray, times: np.ndarray) -> tuple[float, float] | None:
    """Return the times in s between which the signal of any tissue may fall and rise again; None without a bolus."""
    try:
        bolus = find_bolus(curve, times)
    except PerfusionError:
        return None
    rise = max(bolus.peak - bolus.arrival, 4.0)
    return bolus.arrival - 3.0, bolus.peak + 2 * rise


def _outside_first_pass(curve: np.ndarray, times: np.ndarray, bad_frames: np.ndarray) -> np.ndarray:
    """Return the frames in which a single dark sample cannot be that of an artery, bool[t]; none without a bolus."""
    kept = ~bad_frames
    span = _first_pass(curve[kept], times[kept]) if kept.sum() >= 8 else None
    return np.zeros(len(times), bool) if span is None else (times < span[0]) | (times > span[1])


def _mean_image(signal: np.ndarray) -> np.ndarray:
    """Return the mean of signal[t, z, y, x] over time, float64[z, y, x], read frame by frame."""
    total = np.zeros(signal.shape[1:])
    for frame in signal:
        total += frame
        release(frame)
    return total / len(signal)


def _curves(series: Series, z: int, head: np.ndarray) -> np.ndarray:
    """Return the signal of the head in slice ``z``, float32[t, n]."""
    place = np.flatnonzero(head)
    curves = np.empty((series.frames, place.size), np.float32)
    for row, image in zip(curves, series.signal[:, z], strict=True):
        np.take(image, place, out=row, mode="clip")  # with a mask it would take more than twice as long
    release(series.signal)
    return curves


def _nonpositive(series: Series, z: int, head: np.ndarray, outside: np.ndarray | None) -> Slice:
    """Return a slice of the head with its samples that are zero or negative, or lie ``outside``."""
    curves = _curves(series, z, head)
    unusable = curves <= 0
    if unusable.any():
        unusable &= ~_saturated(curves, unusable)
    if outside is not None:
        unusable |= outside[:, z][:, head]
    return Slice(z, head, unusable if unusable.any() else None)


def _saturated(curves: np.ndarray, unusable: np.ndarray) -> np.ndarray:
    """Return the unusable samples of curves[t, n] at the bottom of a fall and rise of the signal, bool[t, n]."""
    before, after = _neighbors(unusable)
    columns = np.arange(curves.shape[1])
    dark = SATURATED_SHARE * curves.mean(axis=0)
    inside = (before >= 0) & (after < len(curves))
    last, following = curves[np.maximum(before, 0), columns], curves[np.minimum(after, len(curves) - 1), columns]
    return unusable & inside & (last < dark) & (following < dark)


def _with_spikes(series: Series, one: Slice, quiet: np.ndarray) -> Slice:
    """Return a slice with its spiked samples too; dark ones only in the frames ``quiet``, bool[t]."""
    curves = _curves(series, one.z, one.head)
    if one.unusable is not None:
        affected = one.unusable.any(axis=0)
        curves[:, affected] = _interpolated(curves[:, affected], one.unusable[:, affected], series.times)
    spiked = spiked_samples(curves, quiet)
    if not spiked.any():
        return one
    return Slice(one.z, one.head, spiked if one.unusable is None else one.unusable | spiked)


def spiked_samples(curves: np.ndarray, quiet: np.ndarray) -> np.ndarray:
    """Return the samples of curves[t, n] that differ much from those before and after, which are alike, bool[t, n].

    Dark ones count in the frames ``quiet``, bool[t], only: elsewhere they may be a bolus between two frames.
    """
    found = np.zeros(curves.shape, bool)
    level = SPIKE_SHARE * curves.mean(axis=0)
    before, after = curves[1:-1] - curves[:-2], curves[1:-1] - curves[2:]
    low, high = np.minimum(before, after), np.maximum(before, after)
    candidates = (low > level) | ((high < -level) & quiet[1:-1, None])
    columns = np.flatnonzero(candidates.any(axis=0))
    if not columns.size:
        return found
    low, high = low[:, columns], high[:, columns]
    distance = np.maximum(low, -high)
    noise = SPIKE_NOISE * curve_noise(curves[:, columns])
    found[1:-1, columns] = candidates[:, columns] & (distance > noise) & (high - low < ALIKE_SHARE * distance)
    return found


def _mostly_unusable(slices: list[Slice], frames: int) -> np.ndarray:
    """Return the frames in which most voxels are unusable, bool[t]."""
    count = sum((one.unusable.sum(axis=1) for one in slices if one.unusable is not None), np.zeros(frames, int))
    return count > MOST_UNUSABLE * sum(np.count_nonzero(one.head) for one in slices)


def _mean_curve(series: Series, slices: list[Slice]) -> np.ndarray:
    """Return the mean over the voxels of the head whose samples are all usable, float64[t]; over all if none is."""
    for all_usable in (True, False):
        total, count = np.zeros(series.frames), 0
        for one in slices:
            curves = _curves(series, one.z, one.head)
            if all_usable and one.unusable is not None:
                curves = curves[:, ~_partly_unusable(one.unusable)]
            total += curves.sum(axis=1, dtype=np.float64)
            count += curves.shape[1]
        if count:
            return total / count
    return total


def _partly_unusable(unusable: np.ndarray) -> np.ndarray:
    """Return the voxels with unusable samples in frames that are usable in others, bool[n]."""
    return unusable[unusable.mean(axis=1) <= MOST_UNUSABLE].any(axis=0)


def _samples_note(slices: list[Slice], kept: np.ndarray) -> str:
    """Return a sentence that counts the unusable samples in the frames ``kept``; empty where there are none."""
    voxels = sum(np.count_nonzero(one.unusable[kept].any(axis=0)) for one in slices)
    if not voxels:
        return ""
    samples = sum(np.count_nonzero(one.unusable[kept]) for one in slices)
    frames = kept[np.any([one.unusable[kept].any(axis=1) for one in slices], axis=0)]
    where = frames_text(frames.tolist()).replace("F", "f")
    return (
        f"{samples} samples of {voxels} voxels are zero, negative, spiked or without data ({where}): they have no "
        "weight."
    )


def _filled(series: Series, slices: list[Slice], kept: np.ndarray, head: np.ndarray) -> Series:
    """Return the series with other values in place of its unusable samples."""
    shapes = _shapes(series, slices, kept, head)
    signal = scratch(series.signal.shape)
    for frame, source in zip(signal, series.signal, strict=True):
        frame[:] = source
        release(source)
        release(frame)
    for one in slices:
        affected = one.unusable.any(axis=0)
        curves, unusable = _curves(series, one.z, one.head)[:, affected], one.unusable[:, affected]
        place = np.flatnonzero(one.head)[affected]
        result = curves.copy()
        result[kept] = fill(curves[kept], unusable[kept], series.times[kept], shapes)
        for frame, values in zip(signal[:, one.z], result, strict=True):
            frame.ravel()[place] = values
        release(signal)
    return series.with_signal(signal)


def _shapes(series: Series, slices: list[Slice], kept: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Return the shapes that wholly usable curves of the head have in common, float64[t, k]."""
    by_slice = {one.z: one for one in slices}
    sample = []
    step = max(1, np.count_nonzero(head) // SHAPE_CURVES)
    for z in np.flatnonzero(head.any(axis=(1, 2))):
        curves = _curves(series, z, head[z])[kept]
        usable = curves.min(axis=0) > 0
        if z in by_slice:
            usable &= ~by_slice[z].unusable[kept].any(axis=0)
        sample.append(curves[:, usable][:, ::step])
    curves = np.concatenate(sample, axis=1).astype(np.float64)
    if not curves.shape[1]:
        return np.ones((len(kept), 1))
    left, _, _ = np.linalg.svd(curves / curves.mean(axis=0), full_matrices=False)
    return left[:, :SHAPES]


def fill(curves: np.ndarray, unusable: np.ndarray, times: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """Return curves[t, n] at times[t] (s) with values from their usable samples in place of the unusable[t, n] ones.

    ``shapes`` [t, k] are fitted to the usable samples, whose residuals are interpolated. A voxel with more than
    ``MOST_UNUSABLE`` of its samples unusable becomes 0 throughout, which no map uses.
    """
    usable = ~unusable
    values = np.where(usable, curves, 0).astype(np.float64)
    normal = np.einsum("tk,tn,tl->nkl", shapes, usable.astype(np.float64), shapes, optimize=True)
    normal += RIDGE * np.eye(shapes.shape[1])
    amplitudes = np.linalg.solve(normal, (shapes.T @ values).T[..., None])[..., 0]
    model = shapes @ amplitudes.T
    filled = model + _interpolated(np.where(usable, values - model, 0), unusable, times)
    least = np.where(usable, curves, np.inf).min(axis=0)
    result = np.where(usable, curves, np.maximum(filled, 0.5 * np.maximum(least, 0))).astype(np.float32)
    result[:, usable.mean(axis=0) < 1 - MOST_UNUSABLE] = 0
    return result


def _neighbors(unusable: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the frame of the last usable sample before each, -1 if none, and of the next one, t if none, int[t, n]."""
    frames = np.arange(len(unusable))[:, None]
    before = np.maximum.accumulate(np.where(unusable, -1, frames), axis=0)
    after = np.minimum.accumulate(np.where(unusable, len(unusable), frames)[::-1], axis=0)[::-1]
    return before, after


def _interpolated(curves: np.ndarray, unusable: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return curves[t, n] with linear interpolation in time in place of unusable samples; constant beyond the ends."""
    before, after = _neighbors(unusable)
    first, last = np.where(before < 0, after, before), np.where(after == len(curves), before, after)
    first, last = np.clip(first, 0, len(curves) - 1), np.clip(last, 0, len(curves) - 1)
    columns = np.arange(curves.shape[1])
    span = times[last] - times[first]
    share = np.where(span > 0, (times[:, None] - times[first]) / np.where(span > 0, span, 1), 0)
    left, right = curves[first, columns], curves[last, columns]
    return np.where(unusable, left + share * (right - left), curves)
