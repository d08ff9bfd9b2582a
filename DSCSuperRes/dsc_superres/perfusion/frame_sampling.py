"""Uniform times on which residues are sought, and how curves there become samples at the frame times.

Deconvolution by singular values needs uniform times. Where frames are not evenly spaced, curves are not interpolated to
such times, since what was not acquired is no data: the residue is fitted to the frames that there are. All count alike:
weights by the time that a frame stands for raise the noise of residues.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from dsc_superres.frames.gaps import LONGEST_BRIDGED, gaps_of, long_gaps
from dsc_superres.perfusion.bolus import ARTERIAL_LEAD, Bolus

EVEN = 0.02
"""Share of a step by which evenly spaced times may vary."""
MOST_POINTS = 1000
"""Uniform times, unless a series has more than a quarter as many frames."""
SHORTEST_PASS = 10.0
"""Least time in s from the peak to the end of the first pass."""


@dataclass(frozen=True, eq=False)
class FrameSampling:
    """Where residues are sought and how frames sample it.

    Parameters
    ----------
    grid : array, [m]
        Uniform times in s.
    matrix : array, [t, m], or None
        Cubic interpolation of a curve on the grid to the frames; None where the frames lie on the grid.
    """

    grid: np.ndarray
    matrix: np.ndarray | None

    @property
    def step(self) -> float:
        """Step of the grid in s."""
        return float(self.grid[1] - self.grid[0])

    def rows(self, convolution: np.ndarray) -> np.ndarray:
        """Return the rows of a convolution[M, k] on the grid and its padding for frames[t]: [t + M - m, k]."""
        if self.matrix is None:
            return convolution
        length = len(self.grid)
        return np.vstack([self.matrix @ convolution[:length], convolution[length:]])


def frame_sampling(times: np.ndarray) -> FrameSampling:
    """Return how frames at times[t] (s) sample curves on uniform times.

    >>> import numpy as np
    >>> frame_sampling(np.array([0, 1.5, 3, 6, 7.5])).grid.tolist()
    [0.0, 1.5, 3.0, 4.5, 6.0, 7.5]
    """
    grid = uniform_grid(times)
    step = grid[1] - grid[0]
    if len(grid) == len(times) and np.allclose(grid, times, atol=EVEN * step):
        return FrameSampling(grid, None)
    return FrameSampling(grid, CubicSpline(grid, np.eye(len(grid)), bc_type="natural")(times))


def uniform_grid(times: np.ndarray) -> np.ndarray:
    """Return evenly spaced times from the first to the last of ``times`` (s), float64[m].

    Their number is the same if ``times`` are evenly spaced; otherwise, the step is the 10th percentile of the
    intervals, unless that are too many.
    """
    steps = np.diff(times)
    if np.ptp(steps) <= EVEN * np.median(steps):
        return np.linspace(times[0], times[-1], len(times))
    span = times[-1] - times[0]
    points = int(np.ceil(span / np.percentile(steps, 10) - 1e-6)) + 1
    return np.linspace(times[0], times[-1], min(points, max(MOST_POINTS, 4 * len(times))))


def first_pass_end(bolus: Bolus) -> float:
    """Return the time in s at which the first pass has about ended."""
    return bolus.peak + max(2 * (bolus.peak - bolus.arrival), SHORTEST_PASS)


def gaps_in_bolus(times: np.ndarray, bolus: Bolus, longer_than: float) -> list[tuple[float, float]]:
    """Return begin and end (s) of the gaps between times[t] that lie in the first pass."""
    begin, end = bolus.arrival - ARTERIAL_LEAD, first_pass_end(bolus)
    gaps = [(float(times[k]), float(times[k + 1])) for k in gaps_of(times)]
    return [(last, following) for last, following in gaps if _overlap(last, following, begin, end, longer_than)]


def _overlap(last: float, following: float, begin: float, end: float, longer_than: float) -> bool:
    return following - last > longer_than and following > begin and last < end


def frames_of_first_pass(times: np.ndarray, bolus: Bolus) -> slice:
    """Return the frames at times[t] (s) up to long gaps before and after the first pass.

    What follows such a gap says little of the residue, since the artery's course in it is not known.
    """
    inside = {last for last, _ in gaps_in_bolus(times, bolus, LONGEST_BRIDGED)}
    outside = [k for k in long_gaps(times) if times[k] not in inside]
    start = max((k + 1 for k in outside if times[k + 1] <= bolus.arrival), default=0)
    stop = min((k + 1 for k in outside if times[k] > bolus.arrival), default=len(times))
    return slice(int(start), int(stop))
