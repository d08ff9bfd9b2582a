"""Warnings about perfusion maps: baseline, frame interval, integration window and saturation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dsc_superres.perfusion.arterial_input import ArterialInput
from dsc_superres.perfusion.bolus import Bolus, curve_noise
from dsc_superres.perfusion.frame_sampling import gaps_in_bolus
from dsc_superres.perfusion.map_scales import mostly_early
from dsc_superres.perfusion.options import MapOptions

MIN_BASELINE_FRAMES = 5
"""Fewest baseline frames without a warning."""
MAX_INTERVAL = 2.5
"""Longest time between frames in s without a warning."""
EARLIEST_ARRIVAL = 5.0
"""A bolus that arrives within this time in s of the first frame may have begun before it."""
SEVERAL_FRAMES, LONGEST_HOLE = 2.4, 4.0
"""A hole in the bolus without a warning: up to so many frame intervals and so many s."""
MIN_WINDOW = 40.0
"""Shortest time in s from the arrival to the end of the integration without a warning."""
MAX_WINDOW = 120.0
"""Longest time in s from the arrival to the end of the integration without a warning."""
MAX_TAIL = 0.5
"""Share of its peak above which the mean curve has not returned; recirculation leaves 0.1 to 0.4."""
NOISE_FLOOR_SD = 2.0
"""Signals below this many standard deviations of the noise cannot be distinguished from zero."""
MAX_FLOOR_SHARE = 0.01
"""Share of voxels at the noise floor above which there is a warning."""


def map_warnings(
    curves: np.ndarray,
    times: np.ndarray,
    bolus: Bolus,
    aif: ArterialInput,
    options: MapOptions,
    echo_time: float,
    *,
    end_is_given: bool = False,
) -> tuple[str, ...]:
    """Return sentences about curves[t, n] (1/s) at times[t] (s); none if there is nothing to report.

    ``options`` are those of ``resolve_options``; ``end_is_given`` says whether the user chose ``integration_end``.
    """
    mean = curves.mean(axis=1, dtype=np.float64)
    warnings = [*_timing_warnings(times, bolus), *_window_warnings(mean, times, bolus, options, end_is_given)]
    return (*warnings, *_noise_floor_warnings(curves, bolus, echo_time), *aif.warnings)


def late_artery_warnings(tmax: np.ndarray) -> Iterator[str]:
    """Yield a sentence where much of tmax[n] (s) is negative, because the artery is later than the tissue."""
    if mostly_early(tmax):
        yield (
            f"Tmax is negative in {100 * np.mean(tmax < 0):.0f} % of the brain (median {np.median(tmax):.1f} s): the "
            "bolus is later, or more dispersed, in the artery than in the tissue. Compare Tmax with that of normal "
            "tissue, or choose an earlier artery."
        )


def at_noise_floor(curves: np.ndarray, bolus: Bolus, echo_time: float) -> np.ndarray:
    """Return where the signal behind curves[t, n] (1/s) falls to its noise, so that the peak is cut off, bool[n].

    The noise is that of the baseline if it has five frames, else that of all frames.
    """
    baseline = curves[bolus.baseline]
    noise = baseline.std(axis=0, ddof=1) if len(baseline) >= MIN_BASELINE_FRAMES else curve_noise(curves)
    return np.exp(-echo_time * curves.max(axis=0)) < NOISE_FLOOR_SD * echo_time * noise


def _timing_warnings(times: np.ndarray, bolus: Bolus) -> Iterator[str]:
    count, arrives_early = bolus.baseline_frames, bolus.arrival - times[0] < EARLIEST_ARRIVAL
    if arrives_early:
        yield (
            f"The bolus arrives {bolus.arrival - times[0]:.0f} s after the first frame, so the baseline may contain "
            "contrast, and all maps with it: begin the series 10 s or more before the injection reaches the brain."
        )
    if count < MIN_BASELINE_FRAMES:
        frames = "frame precedes" if count == 1 else "frames precede"
        yield (
            f"Only {count} {frames} the bolus, so the baseline is noisy "
            f"({MIN_BASELINE_FRAMES} or more are recommended)."
        )
    interval = float(np.median(np.diff(times)))
    if interval > MAX_INTERVAL:
        yield f"Frames are {interval:.1f} s apart; above {MAX_INTERVAL} s, CBF depends on when they sample the bolus."
    holes = gaps_in_bolus(times, bolus, min(max(MAX_INTERVAL, SEVERAL_FRAMES * interval), LONGEST_HOLE))
    if holes:
        places = ", ".join(f"from {last:.4g} to {following:.4g} s" for last, following in holes)
        yield (
            f"The bolus is not sampled {places}, so CBV, CBF and MTT are uncertain, and Tmax of SVD methods means "
            "little: frames are missing or left out there; if none are, the times are wrong: give the time between "
            "frames (--tr SECONDS)."
        )


def _window_warnings(
    mean: np.ndarray, times: np.ndarray, bolus: Bolus, options: MapOptions, end_is_given: bool
) -> Iterator[str]:
    duration = times[-1] - bolus.arrival
    end = min(options.integration_end or duration, duration)
    if end < MIN_WINDOW:
        if duration < MIN_WINDOW + 1:
            way_out = "export the frames after it, too, if there are any"
        elif end_is_given:
            way_out = f"end the integration later (--integration-end {MIN_WINDOW:.0f})"
        else:
            way_out = (
                "later ones would add more noise than they would add of the tail; if curves are averaged over regions, "
                f"use more (--integration-end {min(duration, MIN_WINDOW):.0f})"
            )
        yield (
            f"The maps use {end:.0f} s after the bolus' arrival; {MIN_WINDOW:.0f} s or more are recommended, "
            f"otherwise the tail of slow tissue is missing from CBV: {way_out}."
        )
    elif end > MAX_WINDOW:
        yield (
            f"The maps use {end:.0f} s after the bolus' arrival; beyond {MAX_WINDOW:.0f} s, recirculation, drift "
            "and leakage add up in CBV: end the integration earlier (--integration-end 60)."
        )
    last = times > max(times[-1] - 6.0, times[-4])
    tail = float(np.mean(mean[last]) / mean[bolus.peak_frame])
    if tail > MAX_TAIL:
        yield (
            f"At the end of the series the mean curve is still at {100 * tail:.0f} % of its peak, so the first pass "
            "has not ended or contrast leaks: CBV is uncertain."
        )


def _noise_floor_warnings(curves: np.ndarray, bolus: Bolus, echo_time: float) -> Iterator[str]:
    share = float(np.mean(at_noise_floor(curves, bolus, echo_time)))
    if share > MAX_FLOOR_SHARE:
        yield (
            f"In {100 * share:.0f} % of the voxels the signal falls to the noise at the peak, which is cut off: CBV "
            "and CBF are too low there."
        )
