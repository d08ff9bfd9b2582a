"""Warnings about a series itself: what no DSC series has, each with its probable cause and the way out.

They need nothing but the series, so that they hold for every model and every result. What a reader finds while it reads
is in ``Series.notes``; how the signal runs over time is looked at in ``course_warnings``.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from dsc_superres.frames.excluded import frames_text
from dsc_superres.perfusion.mask import head_threshold
from dsc_superres.pipeline.course_warnings import course_warnings
from dsc_superres.series import Series
from dsc_superres.utils.scratch_memory import release

ECHO_TIME = (0.005, 0.12)
"""Echo times of DSC series, s: from the first echo of several to spin echoes."""
INTERVAL = (0.2, 30.0)
"""Times between frames, s, under-sampled series included."""
LEAST_DURATION = 15.0
"""Of a series in s: a first pass alone takes 10 s."""
PIXEL = (0.4, 10.0)
"""Side of a pixel in mm."""
SLICE = (0.5, 25.0)
"""Distance of slices in mm."""
FIELD_OF_VIEW = (80.0, 600.0)
"""Of heads, in mm."""
MOST_PIXEL_RATIO = 1.6
"""Of the sides of a pixel."""
MOST_SLICE_RATIO = 15.0
"""Of the distance of slices to the side of a pixel."""
EMPTY_SHARE = 0.02
"""Of the median frame's mean signal, below which a frame is empty."""
MOST_SPREAD = 3.0
"""Of the largest mean signal to that of the median frame: more is no signal of images but of concentrations."""


def series_warnings(series: Series) -> tuple[str, ...]:
    """Return sentences about what is implausible in ``series``; none if there is nothing to report.

    A reconstruction states those of the series that it was made of in its notes, so that only its echo time is looked
    at.
    """
    warnings = [*_echo_time(series)]
    if series.reconstructed is None:
        time_warnings = [*_times(series)]
        warnings += [*time_warnings, *_geometry(series)]
        curve, frame_warnings = _frames(series)
        warnings += frame_warnings
        if not frame_warnings:  # the course of a series with such frames is no other finding
            warnings += course_warnings(curve, series.times if series.has_times and not time_warnings else None)
    return tuple(warnings)


def _echo_time(series: Series) -> Iterator[str]:
    low, high = ECHO_TIME
    if series.echo_time is not None and not low <= series.echo_time <= high:
        yield (
            f"An echo time of {1000 * series.echo_time:g} ms ({series.sources['echo_time']}) is none of a DSC series, "
            f"which has {1000 * low:g} to {1000 * high:g} ms; an arterial input from a file would not fit: check it, "
            "and give the right one in seconds (--te SECONDS)."
        )


def _times(series: Series) -> Iterator[str]:
    if not series.has_times:
        return
    low, high = INTERVAL
    duration = float(series.times[-1] - series.times[0])
    if duration < LEAST_DURATION:
        yield (
            f"All {series.frames} frames lie within {duration:.3g} s ({series.sources['times']}), less than a bolus "
            "takes: their times are wrong (give the time between frames in seconds, --tr SECONDS), or frames are "
            "missing."
        )
    elif not low <= series.interval <= high:
        yield (
            f"The frames are {series.interval:.3g} s apart ({series.sources['times']}), which is implausible for a DSC "
            "series: check it, and give the time between frames in seconds (--tr SECONDS)."
        )


def _geometry(series: Series) -> Iterator[str]:
    x, y, z = series.geometry.spacing
    width, height, slices = series.size
    implausible = None
    if not (PIXEL[0] <= min(x, y) and max(x, y) <= PIXEL[1]):
        implausible = f"pixels of {x:.3g} x {y:.3g} mm"
    elif slices > 1 and not SLICE[0] <= z <= SLICE[1]:
        implausible = f"slices {z:.3g} mm apart"
    elif max(x, y) > MOST_PIXEL_RATIO * min(x, y):
        implausible = f"pixels of {x:.3g} x {y:.3g} mm, far from square"
    elif slices > 1 and z > MOST_SLICE_RATIO * min(x, y):
        implausible = f"slices {z:.3g} mm apart with pixels of {min(x, y):.3g} mm"
    elif not (FIELD_OF_VIEW[0] <= max(x * width, y * height) and min(x * width, y * height) <= FIELD_OF_VIEW[1]):
        implausible = f"a field of view of {x * width:.3g} x {y * height:.3g} mm"
    if implausible:
        yield (
            f"The header states {implausible} ({series.sources['geometry']}), which is implausible for a head: what "
            "depends on distances (brain mask, training range) may be wrong; correct the header of the file."
        )


def _frames(series: Series) -> tuple[np.ndarray, list[str]]:
    """Return the mean signal of the head, float64[t], and sentences about empty and repeated frames."""
    mean = np.zeros(series.signal.shape[1:], np.float64)
    for frame in series.signal[1:]:
        mean += frame
        release(series.signal)
    head = mean > (series.frames - 1) * head_threshold(mean / (series.frames - 1))
    head = head if head.any() else np.ones_like(head)
    curve, same = np.empty(series.frames), defaultdict(list)
    for number, frame in enumerate(series.signal):
        curve[number] = frame[head].mean(dtype=np.float64)
        same[hashlib.blake2b(np.ascontiguousarray(frame), digest_size=16).digest()].append(number)
        release(series.signal)
    return curve, [*_empty_and_repeated(curve, [frames for frames in same.values() if len(frames) > 1])]


def _empty_and_repeated(curve: np.ndarray, repeated: list[list[int]]) -> Iterator[str]:
    if any(len(frames) == len(curve) for frames in repeated):
        yield "All frames of the series are the same image: nothing changes in it over time; choose a dynamic series."
        return
    usual = float(np.median(curve))
    is_signal = usual > 0 and curve.max() < MOST_SPREAD * usual
    empty = np.flatnonzero(curve < EMPTY_SHARE * usual) if is_signal else np.array([], int)
    if empty.size:
        verb, them = ("is", "it") if empty.size == 1 else ("are", "them")
        yield f"{frames_text(empty.tolist())} {verb} empty: leave {them} out (--exclude {_numbers(empty.tolist())})."
    copies = sorted(number for frames in repeated if not set(frames) <= set(empty.tolist()) for number in frames[1:])
    if copies:
        verb, whose = ("repeats", "a frame") if len(copies) == 1 else ("repeat", "frames")
        yield (
            f"{frames_text(copies)} {verb} {whose} before, voxel by voxel, as where files were exported twice or gaps "
            f"were filled: export the series again, or leave them out (--exclude {_numbers(copies)})."
        )


def _numbers(frames: list[int]) -> str:
    """Return frame numbers as the option to exclude them takes them: 5,17-19."""
    return frames_text(frames).partition(" ")[2].replace(" and ", ",").replace(" to ", "-").replace(", ", ",")
