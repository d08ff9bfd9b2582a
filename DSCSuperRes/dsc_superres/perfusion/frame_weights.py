"""Weights of the frames of a series: how much each one adds to what the measured frames say.

Averages of frames that were never acquired are not independent data. A frame between two acquired ones shares the
errors of both and adds those of its estimate, so it counts less; and n frames from m acquired ones count as m: their
noise is multiplied by n/m in variance. Frames that add nothing, because they were interpolated or because the measured
ones contradict them (``frame_consistency``), count nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dsc_superres.errors import PerfusionError
from dsc_superres.series import SAME_TIME

WEIGHT_BETWEEN = 0.3
"""Weight of a frame between acquired ones, relative to these: maps of digital patients are best at 0.1 to 0.5."""


@dataclass(frozen=True, eq=False)
class FrameWeights:
    """How the frames of a series count.

    Parameters
    ----------
    weight : array, [t]
        Precision of each frame relative to an acquired one.
    frames_per_measurement : float
        Frames per independent one: 1 for a series as acquired.
    interval : float
        Median interval between measured frames in s.
    acquired : bool array, [t]
        Frames that were measured.
    """

    weight: np.ndarray
    frames_per_measurement: float
    interval: float
    acquired: np.ndarray

    @property
    def measured_alone(self) -> bool:
        """Whether there are frames that count nothing, since they were not measured."""
        return not self.weight.all()

    @property
    def weight_of_others(self) -> float | None:
        """Weight of the frames that were not measured, relative to those that were; None where there is none."""
        return None if self.acquired.all() else float(self.weight[~self.acquired].max())

    def of(self, frames: slice | np.ndarray) -> FrameWeights:
        """Return how ``frames`` of the series count."""
        return replace(self, weight=self.weight[frames], acquired=self.acquired[frames])

    def without_others(self) -> FrameWeights:
        """Return weights with which only the frames that were measured count."""
        return replace(self, weight=self.acquired.astype(float), frames_per_measurement=1.0)


def frame_weights(times: np.ndarray, acquired_times: np.ndarray | None = None) -> FrameWeights:
    """Return how the frames at times[t] count.

    Parameters
    ----------
    times : array, [t]
        Frame times in s.
    acquired_times : array, optional
        Times in s of the frames that were measured; all frames by default.

    Raises
    ------
    PerfusionError
        If fewer than two frames were acquired.

    Examples
    --------
    >>> import numpy as np
    >>> found = frame_weights(1.5 * np.arange(61), acquired_times=6.0 * np.arange(16))
    >>> found.interval, round(found.frames_per_measurement, 2)
    (6.0, 3.81)
    """
    times = np.asarray(times, np.float64)
    measured = times if acquired_times is None else np.unique(np.asarray(acquired_times, np.float64))
    measured = measured[(measured > times[0] - SAME_TIME) & (measured < times[-1] + SAME_TIME)]
    if len(measured) < 2:
        raise PerfusionError("Fewer than two of the acquired times lie within the series: check them.")
    acquired = np.abs(times[:, None] - measured[None]).min(axis=1) < SAME_TIME
    weight = np.where(acquired, 1.0, WEIGHT_BETWEEN)
    return FrameWeights(weight, max(len(times) / len(measured), 1.0), float(np.median(np.diff(measured))), acquired)
