"""Sorting of the 2D images of a DICOM series into slices and frames.

Slices are sorted by their position along the normal. The frame of each image is found from the first of the following
tags that every image has and that numbers the frames: TemporalPositionIdentifier, TemporalPositionIndex; the clocks
that run from the begin of the scan (TemporalPositionTimeOffset, GE's timer, TriggerTime, Philips' time of a dynamic);
the clocks of the day (FrameAcquisitionDateTime, FrameReferenceDateTime, AcquisitionTime); AcquisitionNumber,
FrameAcquisitionNumber, InstanceNumber (in enhanced MR the position of the frame in the file), ContentTime.

A clock of the day that goes back in this order has been set: it is not used where a clock of the scan continues, and is
an error otherwise, unless the user gives the frame interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsc_superres.errors import SeriesError
from dsc_superres.geometry import Geometry
from dsc_superres.io.dicom_numbering import DAY_CLOCKS, SORT_TAGS, frame_numbers, tag_values, unwrap_midnight
from dsc_superres.io.dicom_slice import Slice

SCAN_CLOCKS = ("TemporalPositionTimeOffset", "RealTimeTimer", "TriggerTime", "DynamicScanBeginTime")
"""Clocks that start with the scan."""
_LARGEST_LOSS = 0.1
"""Share of the frames between others that may be left out because slices are missing."""


@dataclass(frozen=True)
class SortedFrames:
    """The images as ``frames[t][z]``, the geometry of a frame, and the number of each frame in the scan, int[t].

    The numbers start at 0 and skip frames that are missing. ``notes`` are sentences about frames that are left out.
    """

    frames: list[list[Slice]]
    geometry: Geometry
    numbers: np.ndarray
    notes: tuple[str, ...] = ()


def sort_into_frames(slices: list[Slice], name: str, *, clock_matters: bool = True) -> SortedFrames:
    """Return the images by frame and slice. Raises ``SeriesError``.

    With ``clock_matters`` False a clock that contradicts the order of the frames is no error, because the user gives
    the frame interval.
    """
    stacks, geometry = _slice_stacks(slices, name)
    numberings = {tag: found for tag in SORT_TAGS if (found := frame_numbers(stacks, tag)) is not None}
    if not numberings:
        raise SeriesError(
            f"No tag sorts the {max(map(len, stacks))} frames of {name}: files are missing, or come from several "
            "acquisitions."
        )
    tag = _believed(numberings, stacks, name, clock_matters)
    frames, numbers, notes = _complete_frames(stacks, numberings[tag], name)
    return SortedFrames(frames, geometry, numbers, notes)


def _believed(
    numberings: dict[str, list[np.ndarray]], stacks: list[list[Slice]], name: str, clock_matters: bool
) -> str:
    """Return the tag whose order of the frames is used."""
    first = next(iter(numberings))
    clock = next((c for c in DAY_CLOCKS if tag_values(stacks, c) is not None), None)
    if first in DAY_CLOCKS:
        counter = next((tag for tag in numberings if tag not in (*DAY_CLOCKS, *SCAN_CLOCKS)), first)
        if _steps_back(stacks, numberings[counter], first) > 1:
            return first  # the counter is in no order of time
        first = counter
    if clock is None or not _steps_back(stacks, numberings[first], clock):
        return first
    if not clock_matters or any(_runs_on(stacks, numberings[first], other) for other in SCAN_CLOCKS):
        return first
    raise SeriesError(
        f"{first} and {clock} sort the frames of {name} differently: keep the files of one acquisition, or, if the "
        "clock was set during the scan, give the frame interval (--tr SECONDS)."
    )


def _in_order(stacks: list[list[Slice]], numbers: list[np.ndarray], tag: str) -> list[np.ndarray]:
    """Return the values of a clock in each slice, in the order of the frames."""
    values = [np.array([s.time_tags[tag] for s in stack]) for stack in stacks]
    flat = unwrap_midnight(np.concatenate(values)) if tag in DAY_CLOCKS else np.concatenate(values)
    parts = np.split(flat, np.cumsum([len(v) for v in values])[:-1])
    return [part[np.argsort(n)] for part, n in zip(parts, numbers, strict=True)]


def _steps_back(stacks: list[list[Slice]], numbers: list[np.ndarray], clock: str) -> int:
    """Return how often a clock goes back from one frame to the next, in the slice where it does most."""
    return max(int(np.sum(np.diff(values) < 0)) for values in _in_order(stacks, numbers, clock))


def _runs_on(stacks: list[list[Slice]], numbers: list[np.ndarray], clock: str) -> bool:
    """Return whether every image has this clock and it advances from frame to frame."""
    if tag_values(stacks, clock) is None:
        return False
    return all(np.all(np.diff(values) > 0) for values in _in_order(stacks, numbers, clock))


def _complete_frames(
    stacks: list[list[Slice]], numbers: list[np.ndarray], name: str
) -> tuple[list[list[Slice]], np.ndarray, tuple[str, ...]]:
    """Return the frames that have all slices, their numbers, and sentences about the others.

    An incomplete frame at the end (an aborted scan) or begin is left out; between others, few are. Raises
    ``SeriesError`` if more are incomplete: then files got lost, which can be copied again.
    """
    images = {(int(t), z): s for z, stack in enumerate(stacks) for t, s in zip(numbers[z], stack, strict=True)}
    present = np.array(sorted({t for t, _ in images}))
    first, last = int(present[0]), int(present[-1])
    missing = {t: [z for z in range(len(stacks)) if (t, z) not in images] for t in present.tolist()}
    incomplete = [t for t, slices in missing.items() if slices]
    complete = np.array([t for t in present if not missing[t]], int)
    if not len(complete):
        raise SeriesError(f"No frame of {name} has all {len(stacks)} slices: copy the missing files.")
    inner = [t for t in incomplete if complete[0] < t < complete[-1]]
    if len(inner) > _LARGEST_LOSS * len(present) or len(incomplete) - len(inner) > 2:
        listing = "; ".join(f"frame {t - first} lacks {_slices_text(missing[t], len(stacks))}" for t in incomplete[:6])
        more = f"; and {len(incomplete) - 6} more" if len(incomplete) > 6 else ""
        raise SeriesError(
            f"{name} is incomplete: of frames 0 to {last - first}, {listing}{more}. Copy the missing files, or remove "
            "these frames."
        )
    notes = tuple(
        f"Frame {t - first} of the scan's frames 0 to {last - first} lacks {_slices_text(missing[t], len(stacks))} and "
        "is left out" + (" (an aborted scan)." if t == last else ", which leaves a gap." if t in inner else ".")
        for t in incomplete
    )
    frames = [[images[int(t), z] for z in range(len(stacks))] for t in complete]
    return frames, complete - complete[0], notes


def _slices_text(slices: list[int], count: int) -> str:
    if len(slices) > 3:
        return f"{len(slices)} of {count} slices"
    return f"slice{'s' * (len(slices) > 1)} {' and '.join(str(z + 1) for z in slices)} of {count}"


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
