"""Sorting of the 2D images of a DICOM series into slices and frames, and the frame times.

Slices are sorted by their position along the normal. Frames are sorted by the first of the following tags that every
image has, that differs between all images of a slice, and that runs in parallel in all slices (otherwise files are
missing): TemporalPositionIdentifier, AcquisitionTime, AcquisitionNumber, TriggerTime, InstanceNumber; in enhanced MR
TemporalPositionIndex, TemporalPositionTimeOffset, FrameAcquisitionDateTime, FrameReferenceDateTime,
FrameAcquisitionNumber, position of the frame in the file. A clock that contradicts this order is an error.

Frame times come from the first of: TemporalPositionTimeOffset, FrameAcquisitionDateTime, FrameReferenceDateTime,
AcquisitionTime with fractions of a second, TriggerTime, AcquisitionTime in whole seconds with the rounding undone;
then, as an interval, TemporalResolution, and RepetitionTime in 2D echo-planar imaging. The time of a frame is that of
its earliest slice, and the first frame is at 0.
"""

from __future__ import annotations

import numpy as np

from dsc_superres.errors import SeriesError
from dsc_superres.geometry import Geometry
from dsc_superres.io.dicom_frames import Slice

_COUNTERS = (
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "AcquisitionNumber",
    "FrameAcquisitionNumber",
    "TriggerTime",
    "InstanceNumber",
)
"""Tags that count frames; the values of two frames must not overlap."""
_CLOCKS = {
    "TemporalPositionTimeOffset": 1.0,
    "FrameAcquisitionDateTime": 1.0,
    "FrameReferenceDateTime": 1.0,
    "AcquisitionTime": 1.0,
    "TriggerTime": 1e-3,
}
"""Tags that contain a time, with their unit in s; the most reliable first."""
_SORT_TAGS = (
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "TemporalPositionTimeOffset",
    "FrameAcquisitionDateTime",
    "FrameReferenceDateTime",
    "AcquisitionTime",
    "AcquisitionNumber",
    "FrameAcquisitionNumber",
    "TriggerTime",
    "InstanceNumber",
)
"""Tags that may sort the frames, in order of preference."""
_SECONDS_PER_DAY = 86_400.0
_CREDIBLE_INTERVALS = (0.02, 120.0)
"""Range of credible times between frames in s."""


def sort_into_frames(slices: list[Slice], name: str) -> tuple[list[list[Slice]], Geometry]:
    """Return the images as ``[frame][slice]`` and the geometry of a frame. Raises ``SeriesError``."""
    stacks, geometry = _slice_stacks(slices, name)
    counts = [len(stack) for stack in stacks]
    if min(counts) != max(counts):
        shortest = int(np.argmin(counts))
        raise SeriesError(
            f"{name} is incomplete: slice {shortest + 1} of {len(stacks)} has {counts[shortest]} frames, others have "
            f"{max(counts)}; copy the missing files, or remove the incomplete frame."
        )
    orders = {tag: order for tag in _SORT_TAGS if (order := _sorting_order(stacks, tag)) is not None}
    if not orders:
        raise SeriesError(
            f"No tag sorts the {counts[0]} frames of {name}: files are missing, or come from several acquisitions."
        )
    sort_tag = next(iter(orders))
    for clock in ("FrameAcquisitionDateTime", "AcquisitionTime"):
        if clock in orders and not np.array_equal(orders[clock], orders[sort_tag]):
            raise SeriesError(
                f"{sort_tag} and {clock} sort the frames of {name} differently: keep the files of one acquisition."
            )
    sorted_stacks = [[stack[i] for i in order] for stack, order in zip(stacks, orders[sort_tag].T, strict=True)]
    return [list(frame) for frame in zip(*sorted_stacks, strict=True)], geometry


def frame_times(
    frames: list[list[Slice]], resolution: float | None, repetition: float | None
) -> tuple[np.ndarray | None, str]:
    """Return the frame times (s from the first frame, or None) and the tag they come from; see the module's docstring.

    ``resolution`` and ``repetition`` are the intervals in s that the header states, or None.
    """
    rounded: tuple[np.ndarray, str] | None = None
    for tag, unit in _CLOCKS.items():
        values = _tag_values(frames, tag)
        if values is None:
            continue
        times = _unwrap_midnight(values).min(axis=1) * unit
        steps = np.diff(times)
        if np.all(steps > 0) and _CREDIBLE_INTERVALS[0] <= np.median(steps) <= _CREDIBLE_INTERVALS[1]:
            times = np.round(times - times[0], 6)
            if tag != "AcquisitionTime" or np.any(values % 1):
                return times, f"DICOM {tag}"
            rounded = _undo_rounding(times, repetition)
    if rounded:
        return rounded
    for tag, interval in (("TemporalResolution", resolution), ("RepetitionTime (2D EPI)", repetition)):
        if interval:
            return np.arange(len(frames)) * interval, f"DICOM {tag}"
    return None, ""


def _slice_stacks(slices: list[Slice], name: str) -> tuple[list[list[Slice]], Geometry]:
    """Group images by position along the normal, in order, and check that the positions form a regular grid."""
    row, column = slices[0].axes
    normal = np.cross(row, column)
    slices = sorted(slices, key=lambda s: float(s.position @ normal))
    heights = np.array([s.position @ normal for s in slices])
    starts = np.flatnonzero(np.diff(heights, prepend=-np.inf) > 0.02)
    stacks = [slices[a:b] for a, b in zip(starts, [*starts[1:], len(slices)], strict=True)]
    origin = stacks[0][0].position
    step = slices[0].slice_distance or 1.0
    if len(stacks) > 1:
        gaps = np.diff(heights[starts])
        step = float(heights[starts[-1]] - heights[0]) / (len(stacks) - 1)
        if np.ptp(gaps) > 0.02 * step + 0.02:
            worst = int(np.argmax(np.abs(gaps - np.median(gaps))))
            raise SeriesError(
                f"The slices of {name} are not evenly spaced: {gaps[worst]:.2f} mm between slices {worst + 1} and "
                f"{worst + 2}, {np.median(gaps):.2f} mm elsewhere; a slice may be missing."
            )
    for k, stack in enumerate(stacks):
        drift = max(np.linalg.norm(s.position - origin - k * step * normal) for s in stack)
        if drift > 0.1:
            raise SeriesError(f"Slice {k + 1} of {name} lies {drift:.1f} mm off the stack: resample it first.")
    direction = np.column_stack([row, column, normal])
    return stacks, Geometry((*slices[0].spacing, step), tuple(origin), tuple(map(tuple, direction)))


def _sorting_order(stacks: list[list[Slice]], tag: str) -> np.ndarray | None:
    """Return the order of each slice's images by ``tag``, int[frame, slice]; None if the tag cannot sort them."""
    values = _tag_values(stacks, tag)
    if values is None:
        return None
    values = _unwrap_midnight(values).T if tag in _CLOCKS else values.T
    order = np.argsort(values, axis=0)
    values = np.take_along_axis(values, order, axis=0)
    steps = np.diff(values, axis=0)
    if np.any(steps == 0):
        return None
    gaps = values[1:].min(axis=1) - values[:-1].max(axis=1)
    frames_separate = np.all(gaps > 0) if tag in _COUNTERS else np.all(gaps >= 0)
    equal_steps = np.all(steps == steps[:, :1])
    return order if frames_separate or equal_steps else None


def _tag_values(groups: list[list[Slice]], tag: str) -> np.ndarray | None:
    """Return the values of a tag for groups of images, float[group, image]; None if an image lacks it."""
    if any(tag not in s.time_tags for group in groups for s in group):
        return None
    return np.array([[s.time_tags[tag] for s in group] for group in groups])


def _unwrap_midnight(seconds: np.ndarray) -> np.ndarray:
    """Return times of day that continue beyond 24 h if the series runs through midnight."""
    wraps = np.ptp(seconds) > _SECONDS_PER_DAY / 2 and seconds.max() < _SECONDS_PER_DAY
    return seconds + _SECONDS_PER_DAY * (seconds < _SECONDS_PER_DAY / 2) if wraps else seconds


def _undo_rounding(times: np.ndarray, repetition: float | None) -> tuple[np.ndarray, str]:
    """Undo the rounding of a clock to whole seconds if evenly spaced times explain it, preferably spaced by TR."""
    count = np.arange(len(times))
    for interval, words in ((repetition, "and RepetitionTime"), (times[-1] / count[-1], "evened out")):
        if interval and np.all(np.abs(times - interval * count) <= 1):
            return interval * count, f"DICOM AcquisitionTime in whole seconds {words}"
    return times, "DICOM AcquisitionTime in whole seconds"
