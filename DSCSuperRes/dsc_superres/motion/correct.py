"""The frames of a series moved back to where the head was before the bolus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np

from dsc_superres.errors import Cancelled
from dsc_superres.motion.head_motion import HeadMotion
from dsc_superres.motion.rigid import image, resampled
from dsc_superres.series import Series
from dsc_superres.utils.parallel import parallel_map
from dsc_superres.utils.progress import IsCancelled, Progress, never, no_progress
from dsc_superres.utils.scratch_memory import release, scratch

LEAST_MOTION = 0.3
"""mm. A series whose frames all lie closer to the reference stays as it is: this much is noise, or invisible."""
LEAST_FRAME_MOTION = 0.1
"""mm. A frame of another series that lies closer stays as it is, too."""


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

    def move(frame: int) -> Iterator[int]:
        volume = series.signal[frame]
        moved = resampled(image(volume, series.geometry.spacing), motion.parameters[frame], len(volume))
        outside[frame] = np.isnan(moved)
        signal[frame] = np.where(outside[frame], series.signal[frame], np.maximum(moved, lowest))
        release(signal)
        yield frame

    with closing(parallel_map(move, frames.tolist())) as moved_frames:
        for done, _ in enumerate(moved_frames):
            progress(done / frames.size, "Correcting motion")
            if cancelled():
                raise Cancelled
    return series.with_signal(signal), outside
