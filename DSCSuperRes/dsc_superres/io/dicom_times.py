"""Frame times and slice times of a DICOM series: all that its headers state, cross-checked.

The time of each frame comes from the first of the following clocks that advances from frame to frame:
TemporalPositionTimeOffset, FrameAcquisitionDateTime, FrameReferenceDateTime, GE's timer (0021,105E), AcquisitionTime
with fractions of a second, TriggerTime, Philips' (2005,10A0), AcquisitionTime in whole seconds with the rounding
undone. A clock of the day that jumps where a clock of the scan does not is not used.

Without such a clock there is an interval: of TemporalResolution, ContentTime if it advances evenly, and RepetitionTime
in 2D echo-planar imaging, the longest one, because a frame may take several excitations (see ``io.frame_timing``).
Frames that are missing are counted. The time of a frame is that of its earliest slice, and the first frame is at 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from dsc_superres.errors import SeriesError
from dsc_superres.io.dicom_numbering import DAY_CLOCKS, unwrap_midnight
from dsc_superres.io.dicom_order import SCAN_CLOCKS, SortedFrames
from dsc_superres.io.dicom_values import group_of, number
from dsc_superres.io.frame_timing import PLAUSIBLE_INTERVAL, TOLERANCE, Stated, choose
from dsc_superres.series import MISSING

_CLOCKS = {
    "TemporalPositionTimeOffset": 1.0,
    "FrameAcquisitionDateTime": 1.0,
    "FrameReferenceDateTime": 1.0,
    "RealTimeTimer": 1.0,
    "AcquisitionTime": 1.0,
    "TriggerTime": 1e-3,
    "DynamicScanBeginTime": 1.0,
}
"""Tags that contain a time, with their unit in s; the most reliable first."""
_DURATION = "DICOM AcquisitionDuration / frames"
_NAMES = {"RealTimeTimer": "(0021,105E)", "DynamicScanBeginTime": "(2005,10A0)"}
"""How clocks in private tags are named."""
_OLD_TIMER_UNIT = 1e-4
"""Unit of GE's timer in old software, s."""
_EVEN = 0.15
"""Largest deviation of a step of an even clock, as a share of the usual step."""


@dataclass(frozen=True)
class DicomTimes:
    """The time of each frame, s, or None; its source; the slices' times after that, s, or None; sentences."""

    times: np.ndarray | None
    source: str
    slice_times: np.ndarray | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Clock:
    """Times of frames and slices by one tag, s."""

    tag: str
    times: np.ndarray  # [t]
    slice_times: np.ndarray | None  # [z]
    is_rounded: bool = False

    @property
    def interval(self) -> float:
        return float(np.median(np.diff(self.times)))

    @property
    def source(self) -> str:
        return f"DICOM {_NAMES.get(self.tag, self.tag)}"


def find_times(sorted_frames: SortedFrames, header: Dataset, name: str, *, is_given: bool) -> DicomTimes:
    """Return the times of a series' frames and slices.

    ``header`` is that of any file. With ``is_given`` True the user gives the frame interval, so that what the headers
    state may be impossible and needs no sentence. Raises ``SeriesError`` otherwise.
    """
    if len(sorted_frames.frames) < 2:
        return DicomTimes(None, MISSING)
    repetition = repetition_time(header)
    clocks = [clock for tag, unit in _CLOCKS.items() if (clock := _clock(sorted_frames, tag, unit)) is not None]
    slice_times = next((c.slice_times for c in clocks if c.slice_times is not None), None)
    stated = _mosaic_slice_times(sorted_frames)
    slice_times = stated if stated is not None else slice_times
    if clocks:
        believed, notes = _believed(clocks)
        times, source = believed.times, believed.source
        if believed.is_rounded:
            times, source = _undo_rounding(believed, repetition, sorted_frames.numbers)
        interval = float(np.median(np.diff(times)))
        notes += _contradicted(interval, source, _statements(sorted_frames, header, content=False))
    else:
        times, source, notes = _counted_times(sorted_frames, header, name, is_given)
    if slice_times is not None and times is not None and slice_times.max() > 1.02 * np.median(np.diff(times)):
        slice_times = None
    notes = () if is_given else (*_clock_note(sorted_frames, source), *notes)
    return DicomTimes(times, source, slice_times, notes)


def repetition_time(header: Dataset) -> float | None:
    """Return the repetition time in s if it may be the time between frames, as in single-shot 2D EPI; else None."""
    sequence = header.get("ScanningSequence") or ""
    is_epi = "EP" in ([sequence] if isinstance(sequence, str) else sequence)
    if not (is_epi or header.get("EchoPlanarPulseSequence") == "YES") or header.get("MRAcquisitionType") != "2D":
        return None
    shared = (header.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    frame = (header.get("PerFrameFunctionalGroupsSequence") or [Dataset()])[0]
    timing = group_of(frame, shared, "MRTimingAndRelatedParametersSequence")
    value = number(header, "RepetitionTime") or number(timing, "RepetitionTime")
    return value / 1000 if value else None


def _values(sorted_frames: SortedFrames, tag: str) -> np.ndarray:
    """Return the values of a tag, float[t, z]; NaN where an image lacks it."""
    return np.array([[s.time_tags.get(tag, np.nan) for s in frame] for frame in sorted_frames.frames])


def _clock(sorted_frames: SortedFrames, tag: str, unit: float) -> _Clock | None:
    """Return the times by one tag; None if it does not advance from frame to frame by a credible interval."""
    values = _values(sorted_frames, tag)
    if np.isnan(values).mean() > 0.5 or (np.isnan(values).any() and tag != "RealTimeTimer"):
        return None
    if tag in DAY_CLOCKS:
        values = unwrap_midnight(values)
    is_rounded = tag in DAY_CLOCKS and not np.any(values % 1)
    values = (values - np.nanmin(values)) * unit
    times = _frame_times(values)
    if tag == "RealTimeTimer" and np.median(np.diff(times)) > PLAUSIBLE_INTERVAL[1]:
        values, times = values * _OLD_TIMER_UNIT, times * _OLD_TIMER_UNIT
    low, high = PLAUSIBLE_INTERVAL
    if not np.all(np.diff(times) > 0) or not 0.2 * low <= np.median(np.diff(times)) <= 2 * high:
        return None
    return _Clock(tag, np.round(times - times[0], 6), None if is_rounded else _slice_times(values, times), is_rounded)


def _frame_times(values: np.ndarray) -> np.ndarray:
    """Return the time of the earliest slice of each frame, [t]; slices without one are estimated from other frames."""
    if not np.isnan(values).any():
        return values.min(axis=1)
    delays = np.nanmedian(values - np.nanmedian(values, axis=1, keepdims=True), axis=0)
    if np.isnan(delays).any():
        return np.zeros(len(values))
    for _ in range(3):  # frames and delays in turn
        frames = np.nanmedian(values - delays, axis=1)
        delays = np.nanmedian(values - frames[:, None], axis=0)
    return frames + delays.min()


def _slice_times(values: np.ndarray, times: np.ndarray) -> np.ndarray | None:
    """Return the time of each slice after its frame, s, [z]; None if it is the same for all, or varies over frames."""
    after = values - times[:, None]
    delays = np.nanmedian(after, axis=0)
    drift = np.nanmax(np.abs(after - delays))
    interval = float(np.median(np.diff(times)))
    if np.ptp(delays) <= 0 or drift > 0.1 * interval or delays.max() >= 1.02 * interval:
        return None
    return np.round(np.maximum(delays - delays.min(), 0), 6)


def _mosaic_slice_times(sorted_frames: SortedFrames) -> np.ndarray | None:
    """Return the slice times that mosaics state, s, [z]: of a frame in the middle, because the first may be wrong."""
    frame = sorted_frames.frames[len(sorted_frames.frames) // 2]
    if any(s.slice_time is None for s in frame):
        return None
    times = np.array([s.slice_time for s in frame])
    return np.round(times - times.min(), 6)


def _believed(clocks: list[_Clock]) -> tuple[_Clock, tuple[str, ...]]:
    """Return the clock to use, and sentences about others that run differently."""
    exact = [clock for clock in clocks if not clock.is_rounded]
    believed = (exact or clocks)[0]
    if believed.tag in DAY_CLOCKS:
        steady = next((c for c in exact if c.tag in SCAN_CLOCKS and _jumps(believed, c)), None)
        if steady is not None:
            return steady, (
                f"The frame times are those of {steady.source}, which runs from the begin of the scan, because "
                f"{believed.tag} jumps during it.",
            )
    others = [Stated(clock.interval, clock.source) for clock in clocks if clock is not believed]
    return believed, _contradicted(believed.interval, believed.source, others, "which is the more reliable clock")


def _jumps(clock: _Clock, steady: _Clock) -> bool:
    """Return whether single steps of a clock differ from those of a steadier one that runs as fast."""
    difference = np.abs(np.diff(clock.times) - np.diff(steady.times))
    alike = abs(clock.interval - steady.interval) <= TOLERANCE * steady.interval
    return bool(alike and difference.max() > max(TOLERANCE * steady.interval, 0.1))


def _statements(sorted_frames: SortedFrames, header: Dataset, *, content: bool) -> list[Stated]:
    """Return the frame intervals that are stated without a time of each frame."""
    found = []
    if resolution := number(header, "TemporalResolution"):
        found.append(Stated(resolution / 1000, "DICOM TemporalResolution"))
    repetition = repetition_time(header)
    if content and (clock := _content_clock(sorted_frames, repetition)) is not None:
        found.append(Stated(clock.interval, "DICOM ContentTime"))
    if repetition:
        found.append(Stated(repetition, "DICOM RepetitionTime (2D EPI)"))
    return found


def _content_clock(sorted_frames: SortedFrames, repetition: float | None) -> _Clock | None:
    """Return the times of ContentTime if it advances as evenly as an acquisition, and no faster than excitations.

    It is the time of reconstruction on some scanners, where frames may come in bursts.
    """
    values = _values(sorted_frames, "ContentTime")
    if np.isnan(values).any():
        return None
    values = unwrap_midnight(values)
    times = values.min(axis=1) - values.min()
    steps, numbers = np.diff(times), np.diff(sorted_frames.numbers)
    interval = float(times[-1]) / float(sorted_frames.numbers[-1])
    rounding = 1.0 if not np.any(values % 1) else 0.0
    if not interval > 0 or np.any(np.abs(steps - interval * numbers) > max(_EVEN * interval, rounding)):
        return None
    if repetition is not None and interval < (1 - TOLERANCE) * repetition:
        return None
    return _Clock("ContentTime", interval * sorted_frames.numbers, None)


def _counted_times(
    sorted_frames: SortedFrames, header: Dataset, name: str, is_given: bool
) -> tuple[np.ndarray | None, str, tuple[str, ...]]:
    """Return times from an interval, its source, and sentences about others. Raises ``SeriesError``."""
    statements = _statements(sorted_frames, header, content=True)
    frames, numbers = len(sorted_frames.frames), sorted_frames.numbers
    duration = number(header, "AcquisitionDuration")
    if not statements and duration and "PerFrameFunctionalGroupsSequence" in header:
        planned = max(number(header, "NumberOfTemporalPositions") or 0.0, frames)
        statements = [Stated(duration / planned, _DURATION)]
    try:
        found = choose(name, frames, len(sorted_frames.frames[0]), [], statements)
    except SeriesError:
        if not is_given:
            raise
        found = None
    if found is None:
        return None, MISSING, ()
    notes = found.notes
    if found.source.startswith(_DURATION):
        notes += (
            f"The frame interval, {found.times[1]:.4g} s, is that of the whole acquisition, which may have begun "
            "before the first frame: give it if you know it (--tr SECONDS).",
        )
    return found.times[1] * numbers, found.source, notes


def _undo_rounding(clock: _Clock, repetition: float | None, count: np.ndarray) -> tuple[np.ndarray, str]:
    """Undo the rounding of a clock to whole seconds if evenly spaced times explain it, preferably spaced by TR.

    ``count`` are the numbers of the frames in the scan, some of which may be missing.
    """
    source = f"{clock.source} in whole seconds"
    for interval, words in ((repetition, "and RepetitionTime"), (clock.times[-1] / count[-1], "evened out")):
        if interval and np.all(np.abs(clock.times - interval * count) <= 1):
            return interval * count, f"{source} {words}"
    return clock.times, source


def _contradicted(
    interval: float, source: str, others: list[Stated], reason: str = "which states the time of each frame"
) -> tuple[str, ...]:
    """Return a sentence for each of ``others`` that differs from the interval that is believed."""
    return tuple(
        f"The frame interval is {interval:.4g} s ({source}), not {each.seconds:.4g} s ({each.source}), {reason}; "
        "if that is wrong, give it (--tr SECONDS)."
        for each in others
        if abs(each.seconds - interval) > TOLERANCE * min(each.seconds, interval)
    )


def _clock_note(sorted_frames: SortedFrames, source: str) -> tuple[str, ...]:
    """Return a sentence if a clock of the day goes back during the scan."""
    for tag in DAY_CLOCKS:
        values = _values(sorted_frames, tag)
        if np.isnan(values).any():
            continue
        steps = np.diff(unwrap_midnight(values).min(axis=1))
        if np.any(steps < 0):
            back = int(np.argmin(steps)) + 1
            return (f"{tag} goes back at frame {back}, so that it was set; the frame times are those of {source}.",)
    return ()
