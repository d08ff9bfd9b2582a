"""The initial transient: the first frame of a series, acquired before the magnetization is in steady state.

The first frame of a gradient-echo series is usually brighter than all others: the excess shrinks by cos(flip angle)
exp(-TR / T1) with every pulse, so that most of it is gone a second later. Interpolation from the first acquired frame
to the next one, several seconds later, would spread the excess over all frames in between.
"""

from __future__ import annotations

import numpy as np

from dsc_superres.frames.outlying_ends import outlying_ends

RELAXATION_TIME = 0.8
"""Time in which the excess falls to 1/e, s: in brain at 3 T and TR 1.5 s, 1.1 s at a flip angle of 35 degrees, 0.8 s
at 60 and none at 90."""
MOST_VOXELS = 20_000
"""Of the head, from which the signal of its frames is taken."""


def has_initial_transient(signal: np.ndarray) -> bool:
    """Whether the first frame of float[t, z, y, x] is outlying, by the rule of ``frames.outlying_ends``."""
    if len(signal) < 4:
        return False
    mean = signal[1:].mean(axis=0)
    head = np.flatnonzero(mean > mean.mean())
    if not head.size:
        return False
    head = head[:: max(1, head.size // MOST_VOXELS)]
    return outlying_ends(np.array([np.median(frame.ravel()[head]) for frame in signal])).start > 0


def remaining_excess(seconds: np.ndarray) -> np.ndarray:
    """The share of the first frame's excess that remains after ``seconds``."""
    return np.exp(-np.asarray(seconds, float) / RELAXATION_TIME)
