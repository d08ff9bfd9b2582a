"""The number of the frame that each image of a DICOM series belongs to, from one tag of its header."""

from __future__ import annotations

import numpy as np

from dsc_superres.io.dicom_slice import Slice

SORT_TAGS = (
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "TemporalPositionTimeOffset",
    "RealTimeTimer",
    "TriggerTime",
    "DynamicScanBeginTime",
    "FrameAcquisitionDateTime",
    "FrameReferenceDateTime",
    "AcquisitionTime",
    "AcquisitionNumber",
    "FrameAcquisitionNumber",
    "InstanceNumber",
    "ContentTime",
)
"""Tags that may number the frames, in order of preference."""
_FRAME_COUNTERS = (
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "AcquisitionNumber",
    "FrameAcquisitionNumber",
)
"""Tags that have one value in all slices of a frame."""
DAY_CLOCKS = ("FrameAcquisitionDateTime", "FrameReferenceDateTime", "AcquisitionTime")
"""Clocks of the day at acquisition, which start again at midnight and may be set while a scan runs."""
_SECONDS_PER_DAY = 86_400.0
_LEAST_FILLED = 0.75
"""Share of all frames and slices that must be there for a counter to be one of frames."""
_WHOLE_SECOND = 1.0
_UNEVEN = 0.2
"""Largest deviation of a clock that runs evenly, as a share of its steps."""


def frame_numbers(stacks: list[list[Slice]], tag: str) -> list[np.ndarray] | None:
    """Return the frame of each image, int[image] for each slice, counted from 0; None if ``tag`` does not say."""
    values = tag_values(stacks, tag)
    if values is None or any(len(np.unique(v)) < len(v) for v in values):
        return None
    if tag in _FRAME_COUNTERS:
        return _counted(values)
    if tag == "InstanceNumber":
        return _parallel(values, is_clock=False) or _enumerated(values)
    if tag in (*DAY_CLOCKS, "ContentTime"):
        values = _split_like(unwrap_midnight(np.concatenate(values)), values)
    return _parallel(values, is_clock=True) or _regular(values)


def tag_values(stacks: list[list[Slice]], tag: str) -> list[np.ndarray] | None:
    """Return the values of a tag, float[image] for each slice; None if an image lacks it."""
    if any(tag not in s.time_tags for stack in stacks for s in stack):
        return None
    return [np.array([s.time_tags[tag] for s in stack]) for stack in stacks]


def unwrap_midnight(seconds: np.ndarray) -> np.ndarray:
    """Return times that continue through midnight where the date is missing or does not change with it.

    >>> unwrap_midnight(np.array([86399.0, 0.5, 2.0]))
    array([86399. , 86400.5, 86402. ])
    """
    begin = np.floor(seconds.min() / _SECONDS_PER_DAY) * _SECONDS_PER_DAY
    wraps = np.ptp(seconds) > _SECONDS_PER_DAY / 2 and seconds.max() < begin + _SECONDS_PER_DAY
    return seconds + _SECONDS_PER_DAY * (seconds < begin + _SECONDS_PER_DAY / 2) if wraps else seconds


def _split_like(flat: np.ndarray, groups: list[np.ndarray]) -> list[np.ndarray]:
    """Return the concatenated values as groups again."""
    return np.split(flat, np.cumsum([len(group) for group in groups])[:-1])


def _counted(values: list[np.ndarray]) -> list[np.ndarray] | None:
    """Return the numbers of a counter that is the same in all slices of a frame; it may skip frames."""
    counts = np.unique(np.concatenate(values))
    if sum(map(len, values)) < _LEAST_FILLED * len(counts) * len(values):
        return None
    step = _usual(np.diff(counts)) if len(counts) > 1 else 1.0
    numbers = (counts - counts[0]) / step
    if np.any(numbers % 1):  # no counter of even steps: only its order counts
        numbers = np.arange(len(counts))
    return [numbers[np.searchsorted(counts, v)].astype(int) for v in values]


def _parallel(values: list[np.ndarray], *, is_clock: bool) -> list[np.ndarray] | None:
    """Return numbers by rank within the slice if the values of all slices run in parallel, from frame to frame.

    Without a missing image the k-th value of each slice belongs to frame k. If images are missing at several frames,
    the distance between slices changes there.
    """
    if len({len(v) for v in values}) > 1:
        return None
    stacked = np.sort(np.array(values).T, axis=0)
    steps = np.diff(stacked, axis=0)
    if not np.all(steps == steps[:, :1]):
        gaps = stacked[1:].min(axis=1) - stacked[:-1].max(axis=1)
        if not np.all(gaps >= 0 if is_clock else gaps > 0) or not _keep_distance(stacked, steps, is_clock):
            return None
    ranks = [np.argsort(np.argsort(v)) for v in values]
    return ranks if is_clock else _with_gaps(stacked, ranks)


def _keep_distance(stacked: np.ndarray, steps: np.ndarray, is_clock: bool) -> bool:
    """Return whether the distance between slices stays the same over the frames, but for what the clock rounds."""
    distances = stacked - stacked[:, :1]
    drift = np.abs(distances - np.median(distances, axis=0)).max()
    rounding = _WHOLE_SECOND if is_clock and not np.any(stacked % 1) else 0.0
    return bool(drift <= max(0.5 * float(np.median(steps)), rounding))


def _with_gaps(stacked: np.ndarray, ranks: list[np.ndarray]) -> list[np.ndarray]:
    """Return the ranks with the frames added that a running number skips: all slices jump by whole frames."""
    steps = np.diff(stacked, axis=0)
    usual = _usual(steps.ravel()) if steps.size else 1.0
    skipped = steps / usual
    if np.any(skipped % 1) or np.any(steps != steps[:, :1]):
        return ranks
    numbers = np.concatenate([[0], np.cumsum(skipped[:, 0])]).astype(int)
    return [numbers[rank] for rank in ranks]


def _regular(values: list[np.ndarray]) -> list[np.ndarray] | None:
    """Return the numbers by a clock that runs evenly in every slice, also if images are missing."""
    usual = float(np.median(np.concatenate([np.diff(np.sort(v)) for v in values])))
    least = min(float(v.min()) for v in values)
    if not usual > 0:
        return None
    counts = [np.rint((v - v.min()) / usual) for v in values]
    uneven = max(np.abs(v - v.min() - usual * n).max() for v, n in zip(values, counts, strict=True))
    if uneven > _UNEVEN * usual or any(len(np.unique(n)) < len(n) for n in counts):
        return None
    numbers = [
        (np.floor((v.min() - least) / usual + 0.01) + n).astype(int) for v, n in zip(values, counts, strict=True)
    ]
    frames = len(np.unique(np.concatenate(numbers)))
    return numbers if sum(map(len, values)) >= _LEAST_FILLED * frames * len(values) else None


def _enumerated(values: list[np.ndarray]) -> list[np.ndarray] | None:
    """Return the numbers of images that were counted frame after frame, also if some are missing.

    Counting starts at a multiple of the images in a frame, or else with the first image that is there; the start that
    leaves fewer frames incomplete is taken.
    """
    steps = np.concatenate([np.diff(np.sort(v)) for v in values])
    usual = _usual(steps) if steps.size else 0.0
    if usual < len(values):
        return None
    least = min(float(v.min()) for v in values)
    starts = (least - (least - 1) % usual, least)
    candidates = [[((v - start) // usual).astype(int) for v in values] for start in starts]
    candidates = [
        c for c in candidates if all(len(np.unique(n)) == len(n) for n in c) and _same_places(values, c, usual)
    ]
    if not candidates:
        return None
    best = min(candidates, key=_incomplete_frames)
    count = len(np.unique(np.concatenate(best)))
    return best if sum(map(len, values)) >= _LEAST_FILLED * count * len(values) else None


def _same_places(values: list[np.ndarray], numbers: list[np.ndarray], usual: float) -> bool:
    """Return whether each slice has the same place in the counting of every frame."""
    return all(np.ptp(v - usual * n) == 0 for v, n in zip(values, numbers, strict=True))


def _incomplete_frames(numbers: list[np.ndarray]) -> int:
    _, counts = np.unique(np.concatenate(numbers), return_counts=True)
    return int(np.sum(counts < len(numbers)))


def _usual(steps: np.ndarray) -> float:
    """Return the most frequent step."""
    values, counts = np.unique(steps, return_counts=True)
    return float(values[np.argmax(counts)])
