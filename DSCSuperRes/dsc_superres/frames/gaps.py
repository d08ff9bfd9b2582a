"""Gaps in frame times: single steps that are longer than those around them."""

from __future__ import annotations

import numpy as np

GAP = 1.7
"""Ratio of a step to those around it from which frames are missing."""
LONGEST_BRIDGED = 6.0
"""s; over a longer gap, nothing is known of how a curve runs."""


def gaps_of(times: np.ndarray) -> np.ndarray:
    """Return the indices of the frames at times[t] (s) that a gap follows: int[k].

    >>> import numpy as np
    >>> gaps_of(np.array([0, 1.5, 3, 4.5, 12, 13.5, 15])).tolist()
    [3]
    """
    steps = np.diff(np.asarray(times, np.float64))
    if len(steps) < 4:
        return np.zeros(0, int)
    padded = np.pad(steps, 2, constant_values=0.0)
    around = np.max([padded[k : k + len(steps)] for k in (0, 1, 3, 4)], axis=0)
    return np.flatnonzero(steps > GAP * np.maximum(around, np.median(steps)))


def long_gaps(times: np.ndarray) -> np.ndarray:
    """Return the indices of the frames that a gap follows which is too long to be bridged by a line: int[k].

    >>> import numpy as np
    >>> long_gaps(np.array([0, 1.5, 4.5, 6, 7.5, 15, 16.5, 18])).tolist()
    [4]
    """
    gaps = gaps_of(times)
    return gaps[np.diff(times)[gaps] > LONGEST_BRIDGED]


def sampled_steps(times: np.ndarray) -> np.ndarray:
    """Return the steps between times[t] (s) as weights of integrals, float64[t - 1]: 0 in long gaps."""
    steps = np.diff(np.asarray(times, np.float64))
    steps[long_gaps(times)] = 0
    return steps
