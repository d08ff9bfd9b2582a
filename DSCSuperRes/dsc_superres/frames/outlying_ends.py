"""Frames at either end of a series that do not belong to it: the one rule for them.

The first frames may be brighter (before the magnetization is in steady state) or darker (preparation, a fade-in) than
the rest, the last ones may be cut off or padded. Such frames are recognized by their distance from what follows (or,
at the end, precedes), whatever its sign, where that is flat. A bolus differs: it goes on falling, or rises again.
"""

from __future__ import annotations

import numpy as np

from dsc_superres.frames.curve_noise import curve_noise

MOST_FRAMES = 3
"""Of an end that may be outlying."""
LEAST_DISTANCE = 0.03
"""Of outlying frames from what follows, as logarithm of the signal."""
NOISE_DISTANCE = 4.0
"""The same in standard deviations of the curve's noise."""
FLAT_SHARE = 0.2
"""Of that distance, by which the next two frames may differ."""
TOP_SHARE = 0.25
"""Of the range of what follows, by which its first frame may lie below its maximum: a baseline is its highest part."""
RANGE_SHARE = 0.7
"""Of the range of what follows. An only frame farther away is outlying although the next two frames differ."""
LEVEL_SHARE = 0.3
"""Of the distance of such a frame, by which the next one may differ from the last frames."""


def outlying_ends(curve: np.ndarray) -> slice:
    """Return the frames of a mean signal curve[t] between its outlying ends.

    Examples
    --------
    >>> outlying_ends(np.array([446, 261, 261, 261, 185, 207, 225, 232, 236, 238, 240, 241]))
    slice(1, 12, None)
    >>> outlying_ends(np.array([100, 261, 261, 261, 185, 207, 225, 232, 236, 238, 240, 170]))
    slice(1, 11, None)
    >>> outlying_ends(np.array([261, 261, 230, 185, 207, 225, 232, 236, 238, 240]))
    slice(0, 10, None)
    """
    curve = np.asarray(curve, np.float64)
    count = len(curve)
    if count < 4 or not np.any(curve > 0):
        return slice(0, count)
    log_signal = np.log(np.maximum(curve, 1e-6 * curve.max()))
    least = LEAST_DISTANCE
    if count >= 8:
        least = max(least, NOISE_DISTANCE * float(curve_noise(log_signal)))
    last = _outlying_frames(log_signal[::-1], least, baseline_follows=False)
    first = _outlying_frames(log_signal[: count - last], least, baseline_follows=True)
    return slice(first, count - last)


def _outlying_frames(log_signal: np.ndarray, least: float, baseline_follows: bool) -> int:
    """Return how many frames of the beginning of log_signal[t] are outlying, at most ``MOST_FRAMES``."""
    found = 0
    for count in range(1, min(MOST_FRAMES, len(log_signal) - 3) + 1):
        rest = log_signal[count:]
        distance = float(np.abs(log_signal[:count] - rest[0]).min())
        flat = abs(rest[1] - rest[0]) < FLAT_SHARE * distance
        below_top = rest.max() - rest[0]
        at_top = below_top <= max(TOP_SHARE * np.ptp(rest), FLAT_SHARE * distance)
        if distance > least and flat and (at_top or not baseline_follows):
            found = count
    if not found and baseline_follows and len(log_signal) >= 8:
        found = int(_first_is_far_away(log_signal, least))
    return found


def _first_is_far_away(log_signal: np.ndarray, least: float) -> bool:
    """Return whether the first frame is outlying where a single frame of baseline follows it."""
    rest = log_signal[1:]
    distance = abs(log_signal[0] - rest[0])
    like_the_end = abs(rest[0] - np.median(rest[-len(rest) // 3 :])) < LEVEL_SHARE * distance
    return bool(distance > max(least, RANGE_SHARE * np.ptp(rest)) and like_the_end)
