"""The frames of a series moved back to where the head was before the bolus."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dsc_superres.motion.head_motion import HEAD_SHARE, HeadMotion, steady_baseline
from dsc_superres.motion.rigid import image, inverse, resampled
from dsc_superres.series import Series
from dsc_superres.utils.parallel import do_all
from dsc_superres.utils.progress import IsCancelled, Progress, never, no_progress
from dsc_superres.utils.scratch_memory import release, scratch

LEAST_MOTION = 0.3
"""mm. A series whose frames all lie closer to the reference stays as it is: this much is noise, or invisible."""
LEAST_FRAME_MOTION = 0.1
"""mm. A frame of another series that lies closer stays as it is, too."""
HEAD_RADIUS, SAME_POSE, MOST_ALIKE = 70.0, 0.1, 8
"""mm; mm; frames. Frames that lie so close to each other lose the same sharpness, which is computed once."""
MOST_GAIN = 1.5
"""By which the loss of sharpness of an interpolation is made up for, and its inverse."""


def moving_frames(motion: HeadMotion) -> np.ndarray:
    """Return the frames that a correction moves, int[k]."""
    if motion.displacement.max() < LEAST_MOTION:
        return np.zeros(0, int)
    return np.flatnonzero(motion.displacement > LEAST_FRAME_MOTION)


def corrected(
    series: Series, motion: HeadMotion, progress: Progress = no_progress, cancelled: IsCancelled = never
) -> tuple[Series, np.ndarray | None]:
    """Return ``series`` with its moving frames moved back, and where these have no data, bool[t, z, y, x] or None.

    Frames are interpolated by cubic B-splines. Voxels without data keep the value of the frame as acquired. The series
    itself is returned where nothing moves. Raises ``Cancelled``.
    """
    frames = moving_frames(motion)
    if not frames.size:
        return series, None
    signal, outside = scratch(series.signal.shape), np.zeros(series.signal.shape, bool)
    signal[:] = series.signal
    lowest = 0.0 if series.signal.min() >= 0 else -np.inf
    still = _still_image(series, motion)

    def move(alike: list[int]) -> Iterator[int]:
        gain = sharpness_gain(still, motion.parameters[alike[0]], series.geometry.spacing)
        for frame in alike:
            volume = series.signal[frame]
            moved = resampled(image(volume, series.geometry.spacing), motion.parameters[frame], len(volume))
            outside[frame] = np.isnan(moved)
            moved = np.maximum(moved * gain, lowest)
            signal[frame] = np.where(outside[frame], series.signal[frame], moved)
            release(signal)
            yield frame

    do_all(
        move,
        _alike(frames, motion.parameters),
        cancelled=cancelled,
        report=lambda done: progress(done / frames.size, "Correcting motion"),
    )
    return series.with_signal(signal), outside


def _still_image(series: Series, motion: HeadMotion) -> np.ndarray:
    """Return the mean of the frames before the bolus that do not move, float32[z, y, x]."""
    curve = np.array([frame.mean(dtype=np.float64) for frame in series.signal])
    frames = np.arange(series.frames)[steady_baseline(curve)]
    still = frames[motion.displacement[frames] <= np.median(motion.displacement[frames]) + LEAST_FRAME_MOTION]
    return np.mean(series.signal[still], axis=0, dtype=np.float64).astype(np.float32)


def _alike(frames: np.ndarray, parameters: np.ndarray) -> list[list[int]]:
    """Return groups of consecutive frames that lie within ``SAME_POSE`` of their first one, at most ``MOST_ALIKE``."""
    groups: list[list[int]] = []
    for frame in frames.tolist():
        if groups and len(groups[-1]) < MOST_ALIKE:
            apart = np.abs(parameters[frame] - parameters[groups[-1][0]])
            if max(HEAD_RADIUS * apart[:3].max(), apart[3:].max()) < SAME_POSE:
                groups[-1].append(frame)
                continue
        groups.append([frame])
    return groups


def sharpness_gain(still: np.ndarray, parameters: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """Return what makes up for the sharpness that interpolation takes from a frame, a factor float32[z, y, x].

    It is the still image[z, y, x] over itself, moved with the head and back.
    """
    there = resampled(image(still, spacing), inverse(parameters), len(still))
    back = resampled(image(np.where(np.isnan(there), still, there), spacing), parameters, len(still))
    least = HEAD_SHARE * float(np.percentile(still, 98))
    gain = np.ones_like(still)
    inside = (still > least) & (np.nan_to_num(back) > least)
    gain[inside] = np.clip(still[inside] / back[inside], 1 / MOST_GAIN, MOST_GAIN)
    return gain
