"""Warnings about how the signal of a head runs over time: no bolus, two, one that is cut off or runs backward.

The limits separate 45 digital patients (two or more frames a bolus width, SNR 12 to 150) from the same patients with
frames exchanged, in reverse or repeated; see ``docs/robustness.md``.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import find_peaks

from dsc_superres.errors import PerfusionError
from dsc_superres.frames.curve_noise import curve_noise
from dsc_superres.frames.outlying_ends import outlying_ends
from dsc_superres.perfusion.bolus import find_bolus

LEAST_FRAMES = 8
"""Of a series whose course is looked at."""
MOST_INTERVAL = 4.0
"""s between frames, above which a bolus is too short to have a shape."""
FINE_INTERVAL = 3.0
"""s between frames, up to which the order of frames shows."""
LEAST_CHANGE = 0.05
"""Of the signal that rises, as share of where it begins."""
MOST_DIP = 0.1
"""Of a signal below its beginning before it rises, as share of that rise: more is a bolus that had begun before."""
SWAP_SHARE = 0.5
"""Of the roughness of the curve that is left when two frames change places."""
REVERSED_RATIO = 1.1
"""Of the time that the signal falls to that in which it recovers; 0.3 to 0.85 for a bolus."""
CLEARLY_REVERSED = 1.3
"""The same where nothing is known of the signal long before or after the bolus."""
SECOND_PEAK = 0.4
"""Height of a second bolus as share of the first; recirculation has 0.2 at most."""
MOST_TAIL = 0.5
"""Share of the fall that may be left at the end."""
EARLIEST_ARRIVAL = 5.0
"""s after the first frame."""


def course_warnings(curve: np.ndarray, times: np.ndarray | None) -> tuple[str, ...]:
    """Return at most one sentence about the mean signal curve[t] of a head at times[t] (s; None: unknown)."""
    ends = outlying_ends(curve)
    seconds = 1.5 * np.arange(len(curve)) if times is None else times
    kept, at = np.asarray(curve[ends], np.float64), seconds[ends]
    if np.min(curve) < 0:
        return (_not_signal("concentrations (or Delta R2*)"),)
    if len(kept) < LEAST_FRAMES or float(np.median(np.diff(at))) > MOST_INTERVAL:
        return ()
    found = _rising(kept, at) or _falling(kept, at, ends.start)
    return (found,) if found else ()


def _rising(curve: np.ndarray, times: np.ndarray) -> str | None:
    """Return a sentence about a signal that rises where a bolus makes it fall."""
    first = max(3, len(curve) // 10)
    start, smooth = float(np.median(curve[:first])), _smooth(curve)
    up, down = float(smooth.max()) - start, start - float(smooth.min())
    if up < max(LEAST_CHANGE * abs(start), 8 * float(curve_noise(curve)), 3 * down):
        return None
    if start > 0.2 * up and not _rises_from_baseline(smooth, times):
        return (
            "The signal is low at the first frame and recovers, as where the series begins after the bolus has "
            "arrived: there is no baseline for maps; export the frames before it, too."
        )
    values = (
        "concentrations (or Delta R2*)"
        if start < 0.2 * up
        else "a T1-weighted series, concentrations, or a series that begins after its bolus"
    )
    return _not_signal(values)


def _not_signal(values: str) -> str:
    return (
        f"The signal rises where a bolus makes it fall, as in {values}: this software needs the T2*-weighted signal as "
        "acquired, and maps of this series would be wrong; choose that one."
    )


def _rises_from_baseline(smooth: np.ndarray, times: np.ndarray) -> bool:
    """Return whether the curve is flat for longer than it then takes to rise."""
    rise = smooth.max() - smooth[0]
    early, half = (int(np.argmax(smooth > smooth[0] + share * rise)) for share in (0.1, 0.5))
    dip = smooth[0] - smooth[: half + 1].min()
    return bool(times[early] - times[0] > times[half] - times[early] and dip < MOST_DIP * rise)


def _falling(curve: np.ndarray, times: np.ndarray, offset: int) -> str | None:
    """Return a sentence about the fall of the signal; ``offset`` is the number of its first frame in the series."""
    if curve.min() <= 0:
        return None  # what is not positive has warnings of its own
    log_signal = np.log(curve)
    fall = float(np.median(np.sort(log_signal)[len(curve) // 2 :])) - log_signal
    if fall.max() < 8 * float(curve_noise(log_signal)) or fall.max() < 0.008:
        return _without_bolus(curve, times)
    if np.median(np.diff(times)) <= FINE_INTERVAL:
        swapped = _swapped(log_signal)
        if swapped:
            first, second = (offset + number for number in swapped)
            return (
                f"The signal would run smoothly if frames {first} and {second} changed places, so they seem to be in "
                f"the wrong order: check the order of the files, or leave them out (--exclude {first},{second})."
            )
    peaks = _peaks(fall, times)
    if len(peaks) > 1:
        return (
            f"The signal falls more than once, at {', '.join(f'{when:.0f}' for when in peaks)} s, as with two "
            "injections or two series in one: maps need a single first pass; leave out the frames of the other "
            "(--exclude FIRST-LAST)."
        )
    if np.median(np.diff(times)) <= FINE_INTERVAL and _reversed(fall, times):
        return (
            "The signal falls slowly and recovers fast, as a bolus does backward in time: the frames seem to be in "
            "reverse order; sort the files by time, or export the series again."
        )
    return _without_bolus(curve, times) or _cut(curve, times)


def _swapped(log_signal: np.ndarray) -> tuple[int, int] | None:
    """Return two frames after whose exchange the curve is much smoother; None where there are none.

    Roughness is the sum of squared second differences. Frames at the ends have one neighbor, which tells little.
    """
    count = len(log_signal)
    if count > 400:
        return None
    least, best = SWAP_SHARE * float(np.sum(np.diff(log_signal, 2) ** 2)), None
    for first in range(2, count - 3):
        others = np.arange(first + 1, count - 2)
        exchanged = np.tile(log_signal, (len(others), 1))
        exchanged[:, first] = log_signal[others]
        exchanged[np.arange(len(others)), others] = log_signal[first]
        rough = np.sum(np.diff(exchanged, 2, axis=1) ** 2, axis=1)
        if rough.min() < least:
            least, best = float(rough.min()), (first, int(others[rough.argmin()]))
    return best


def _peaks(fall: np.ndarray, times: np.ndarray) -> list[float]:
    """Return the times of the falls of the signal that are as high as a bolus, s."""
    smooth = _smooth(fall)
    padded = np.concatenate([[smooth.min()], smooth, [smooth.min()]])
    found = find_peaks(padded, height=SECOND_PEAK * smooth.max(), prominence=SECOND_PEAK * smooth.max())[0]
    return [float(times[number - 1]) for number in found]


def _reversed(fall: np.ndarray, times: np.ndarray) -> bool:
    """Return whether the fall takes longer than the recovery, and less of it is left after than before."""
    peak = int(np.argmax(fall))
    before = _half_time(fall[peak::-1], times[peak] - times[peak::-1])
    after = _half_time(fall[peak:], times[peak:] - times[peak])
    if before is None or after is None or before < REVERSED_RATIO * after:
        return False
    width = before + after
    early, late = fall[times < times[peak] - 1.5 * width], fall[times > times[peak] + 2 * width]
    if min(len(early), len(late)) < 3:
        return before > CLEARLY_REVERSED * after
    return float(np.median(late)) < float(np.median(early))


def _half_time(fall: np.ndarray, seconds: np.ndarray) -> float | None:
    """Return the time from the first value, the highest, to half of it, s; None where it is not reached."""
    below = np.flatnonzero(fall < fall[0] / 2)
    if not below.size:
        return None
    k = int(below[0])
    share = (fall[k - 1] - fall[0] / 2) / (fall[k - 1] - fall[k])
    return float(seconds[k - 1] + share * (seconds[k] - seconds[k - 1]))


def _without_bolus(curve: np.ndarray, times: np.ndarray) -> str | None:
    """Return why the curve holds no bolus, where it holds none."""
    try:
        find_bolus(curve, times)
    except PerfusionError as error:
        trough = int(np.argmin(_smooth(curve)))
        if trough >= len(curve) - 3 and curve[0] - curve[-1] > 8 * float(curve_noise(curve)):
            return (
                "The signal falls until the series ends, so its bolus is cut off or there is none: export the frames "
                "after it, too, or choose the DSC series."
            )
        return str(error)
    return None


def _cut(curve: np.ndarray, times: np.ndarray) -> str | None:
    """Return a sentence about a bolus that begins too early or is still there at the end."""
    bolus = find_bolus(curve, times)
    level, trough = float(np.mean(curve[bolus.baseline])), float(curve[bolus.peak_frame])
    tail = (level - float(np.median(curve[-4:]))) / (level - trough)
    if tail > MOST_TAIL:
        return (
            f"The series ends while {100 * tail:.0f} % of the fall are left, so the end of the bolus is cut off and "
            "volumes are too low: export the frames after it, too."
        )
    if bolus.arrival - times[0] < EARLIEST_ARRIVAL:
        return (
            f"The bolus arrives {max(bolus.arrival - times[0], 0):.0f} s after the first frame, so the baseline may "
            "contain contrast: export the frames before it, too."
        )
    return None


def _smooth(curve: np.ndarray) -> np.ndarray:
    """Return the median of each frame and its neighbors."""
    padded = np.pad(curve, 1, mode="edge")
    return np.median([padded[:-2], padded[1:-1], padded[2:]], axis=0)
