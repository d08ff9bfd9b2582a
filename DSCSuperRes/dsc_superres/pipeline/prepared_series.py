"""A series as the work begins with it: without the frames to leave out, without unusable samples, motion seen to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsc_superres.frames.excluded import without_frames
from dsc_superres.motion.correct import corrected
from dsc_superres.motion.head_motion import HeadMotion, head_motion
from dsc_superres.motion.motion_words import motion_notes, motion_record
from dsc_superres.perfusion.usable_samples import usable_series
from dsc_superres.pipeline.case_options import FrameOptions
from dsc_superres.series import Series
from dsc_superres.utils.progress import IsCancelled, Progress, never, no_progress, part


@dataclass(frozen=True, eq=False)
class PreparedSeries:
    """A series and what became of its frames.

    series    with notes about the frames and samples that do not count, and about motion
    times     float64[t], s: of the frames in ``motion``
    motion    of the head in each frame; None where it was not looked for or cannot be seen
    choice    what was asked for: "off", "warn" or "correct"
    changed   whether the series lacks frames, or has other samples than it was read with
    """

    series: Series
    times: np.ndarray
    motion: HeadMotion | None = None
    choice: str = "off"
    changed: bool = False

    @property
    def record(self) -> dict[str, object]:
        """Frames and motion as plain values for JSON."""
        return {
            "signal_changed": self.changed,
            "missing_times_s": self.series.missing_times.tolist(),
            "motion": motion_record(self.motion, self.times, self.choice),
        }


def prepared_series(
    series: Series, options: FrameOptions, progress: Progress = no_progress, cancelled: IsCancelled = never
) -> PreparedSeries:
    """Return ``series`` as the ``options`` say. Raises ``SeriesError`` and ``Cancelled``.

    A series in which no frame is left out, all samples are usable and nothing moves comes back as it is.
    Reconstructions are not looked at for motion: that was to be done before.
    """
    given, series = series, without_frames(series, options.exclude)
    choice = "off" if series.reconstructed is not None else options.motion
    motion, outside, times = None, None, series.times
    correct = choice == "correct"
    if choice != "off":
        motion = head_motion(series, quick=not correct, progress=part(progress, 0.0, 0.6), cancelled=cancelled)
    if motion is not None and correct:
        series, outside = corrected(series, motion, part(progress, 0.6, 1.0), cancelled)
    notes = motion_notes(motion, correct)
    series = usable_series(series, outside=outside, spikes=series.reconstructed is None)
    changed = series is not given
    if notes:
        series = series.described(notes=(*series.notes, *notes))
    return PreparedSeries(series, times, motion, choice, changed)
