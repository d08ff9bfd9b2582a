"""Baseline, arrival and peak of the bolus from the mean signal of the brain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsc_superres.errors import PerfusionError
from dsc_superres.frames.curve_noise import curve_noise
from dsc_superres.frames.outlying_ends import outlying_ends

NO_BOLUS = "No contrast bolus was found in this series, so there are no perfusion maps to compute: choose a DSC series"
"""Beginning of the messages about series without a bolus."""
MIN_DROP = 0.008
"""Smallest relative fall of the mean brain signal that counts as a bolus; physiological noise is smaller."""
MIN_WIDTH = 2.5
"""Shortest time in s at half depth; shorter falls are motion or spikes, unless the frames are farther apart."""
ARTERIAL_LEAD = 1.5
"""Time in s by which the baseline ends early if it can, since arteries fill before the mean curve changes."""


@dataclass(frozen=True)
class Bolus:
    """Time course of a bolus.

    baseline       frames in steady state and without contrast agent
    arrival        s, start of the fall of the mean brain signal; ``arrival_frame`` is the last frame before it
    peak           s, lowest mean brain signal; ``peak_frame`` is that frame
    drop           relative fall of the mean signal at the peak, 0..1
    noise          standard deviation of the logarithm of the mean signal
    """

    baseline: slice
    arrival: float
    peak: float
    arrival_frame: int
    peak_frame: int
    drop: float
    noise: float

    @property
    def baseline_frames(self) -> int:
        """Number of baseline frames."""
        return self.baseline.stop - self.baseline.start


def find_bolus(mean_curve: np.ndarray, times: np.ndarray) -> Bolus:
    """Return baseline, arrival and peak of the bolus in the mean brain signal[t] at times[t] (s, increasing).

    Outlying frames at either end, such as first ones that are not in steady state, are left out (``outlying_ends``);
    the baseline may consist of a single frame. Raises ``PerfusionError`` if no fall of the signal looks like a bolus.
    """
    mean_curve, times = np.asarray(mean_curve, np.float64), np.asarray(times, np.float64)
    if len(mean_curve) < 8:
        raise PerfusionError(f"{NO_BOLUS} (this one has only {len(mean_curve)} frames, at least 8 are needed).")
    if np.any(mean_curve <= 0):
        frame = int(np.flatnonzero(mean_curve <= 0)[0])
        raise PerfusionError(
            f"The mean signal of the brain is not positive in frame {frame}: check the mask and the series, or leave "
            f"the frame out (--exclude {frame})."
        )
    log_signal = np.log(mean_curve)
    noise = float(curve_noise(log_signal))
    ends = outlying_ends(mean_curve)
    try:
        return _bolus_between(log_signal, times, ends, noise)
    except PerfusionError:
        if ends.stop == len(times):
            raise
        return _bolus_between(log_signal, times, slice(ends.start, len(times)), noise)


def _bolus_between(log_signal: np.ndarray, times: np.ndarray, ends: slice, noise: float) -> Bolus:
    """Return the bolus in the frames ``ends`` of log_signal[t]. Raises ``PerfusionError``."""
    first, log_signal, times = ends.start, log_signal[ends], times[ends]
    trough = 1 + int(np.argmin(log_signal[1:]))
    start, last, level = _baseline(log_signal, trough, noise)
    depth = level - log_signal[trough]
    _check_bolus(log_signal, times, trough, last, level, noise, first)
    stop = _end_of_baseline(times, start, last)
    return Bolus(
        baseline=slice(first + start, first + stop),
        arrival=_arrival(log_signal, times, last, trough, level),
        peak=_parabola_vertex(log_signal, times, trough),
        arrival_frame=first + last,
        peak_frame=first + trough,
        drop=float(1 - np.exp(-depth)),
        noise=noise,
    )


def _baseline(log_signal: np.ndarray, trough: int, noise: float) -> tuple[int, int, float]:
    """Return first and last frame before the bolus, and their level.

    The first iteration is robust against the initial transient and the bolus.
    """
    before = log_signal[: trough + 1]
    level = float(np.median(np.sort(before)[-(-len(before) // 2) :] if len(before) > 2 else before[:-1]))
    start, last = 0, 0
    for _ in range(2):
        depth = level - log_signal[trough]
        before_fall = np.flatnonzero(before[:-1] >= level - max(0.05 * depth, 2.5 * noise))
        last = int(before_fall[-1]) if before_fall.size else 0
        steady = np.flatnonzero(before[: last + 1] <= level + max(0.1 * depth, 4 * noise, 0.01))
        start = int(steady[0]) if steady.size and steady[0] <= max(3, last // 2) else 0
        level = float(np.median(log_signal[start : last + 1]))
    return start, last, level


def _check_bolus(
    log_signal: np.ndarray, times: np.ndarray, trough: int, last: int, level: float, noise: float, first: int
) -> None:
    """Raise ``PerfusionError`` unless the fall of the signal looks like a bolus; ``first`` is the number of a frame."""
    depth = level - log_signal[trough]
    if depth < MIN_DROP or depth < 6 * noise:
        raise PerfusionError(f"{NO_BOLUS} (the mean signal never falls clearly below its baseline).")
    if trough <= last:
        raise PerfusionError(f"{NO_BOLUS} with frames before the bolus.")
    recovery = (log_signal[trough:].max() - log_signal[trough]) / depth
    if trough == len(log_signal) - 1 or recovery < 0.2:
        raise PerfusionError(
            f"{NO_BOLUS} that goes on after the bolus (the signal falls to frame {first + trough} but does not "
            f"recover); a bad frame can be left out (--exclude {first + trough})."
        )
    interval = float(np.median(np.diff(times)))
    width = _width(log_signal, times, trough, level - depth / 2)
    if width < min(MIN_WIDTH, 0.9 * interval) or (width < MIN_WIDTH and interval < 2):
        raise PerfusionError(
            f"{NO_BOLUS} (the signal falls for {width:.1f} s only, at frame {first + trough}, as it does with motion): "
            f"leave that frame out if it is bad (--exclude {first + trough})."
        )


def _width(log_signal: np.ndarray, times: np.ndarray, trough: int, half: float) -> float:
    """Return the time in s that the fall spends below ``half``, with linear interpolation on both sides."""
    above = log_signal >= half
    left = trough - 1 - int(np.argmax(above[:trough][::-1])) if above[:trough].any() else 0
    right = trough + int(np.argmax(above[trough:])) if above[trough:].any() else len(times) - 1
    begin = _crossing(log_signal, times, left, half)
    end = _crossing(log_signal, times, right - 1, half)
    return end - begin


def _crossing(log_signal: np.ndarray, times: np.ndarray, frame: int, value: float) -> float:
    """Return the time in s at which the line from ``frame`` to the next one crosses ``value``."""
    first, second = log_signal[frame : frame + 2]
    share = 0.0 if first == second else float(np.clip((value - first) / (second - first), 0, 1))
    return float(times[frame] + share * (times[frame + 1] - times[frame]))


def _end_of_baseline(times: np.ndarray, start: int, last: int) -> int:
    """Return one past the last baseline frame, with a lead for the arteries while five frames remain."""
    stop = last + 1
    while stop - start > 5 and times[stop - 1] > times[last] - ARTERIAL_LEAD + 1e-6:
        stop -= 1
    return stop


def _arrival(log_signal: np.ndarray, times: np.ndarray, last: int, trough: int, level: float) -> float:
    """Return the time in s at which the line through 20 % and 50 % of the fall crosses the baseline.

    It is not before the last baseline frame.
    """
    depth = level - log_signal[trough]
    frames = np.arange(last, trough)
    falls = [int(frames[np.argmax(log_signal[frames + 1] <= level - share * depth)]) for share in (0.2, 0.5)]
    early, late = (_crossing(log_signal, times, f, level - s * depth) for f, s in zip(falls, (0.2, 0.5), strict=True))
    return float(np.clip(early - (late - early) * 2 / 3, times[last], times[last + 1]))


def _parabola_vertex(curve: np.ndarray, times: np.ndarray, frame: int) -> float:
    """Return the time in s of the vertex of the parabola through ``frame`` and its neighbors."""
    if not 0 < frame < len(times) - 1:
        return float(times[frame])
    a, b, _ = np.polyfit(times[frame - 1 : frame + 2] - times[frame], curve[frame - 1 : frame + 2], 2)
    return float(times[frame] if a == 0 else np.clip(times[frame] - b / (2 * a), times[frame - 1], times[frame + 1]))
