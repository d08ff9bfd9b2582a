"""The start of a series, before the magnetisation has settled.

The first frame of a gradient-echo series is brighter than all others: the excess shrinks by cos(flip angle)
exp(-TR / T1) with every pulse, so that a second later most of it is gone. An interpolator that joins the first acquired
frame to the next one, several seconds later, spreads the excess over all frames in between.
"""

from __future__ import annotations

import numpy as np

RELAXATION_TIME = 0.8
"""s, in which the excess falls to 1/e: brain at 3 T and TR 1.5 s has 1.1 s at a flip angle of 35 degrees, 0.8 s at 60,
and settles at once at 90."""


def has_initial_transient(signal: np.ndarray) -> bool:
    """Whether the first frame of float[t, z, y, x] stands above the second and the next two agree.

    That is what tells it from a bolus that arrives at once: its signal would go on falling, or rise again.
    """
    if len(signal) < 4:
        return False
    mean = signal[1:].mean(axis=0)
    head = mean > mean.mean()
    if not head.any():
        return False
    first, second, third = (float(np.median(frame[head])) for frame in signal[:3])
    excess = first - second
    return excess > 0.03 * abs(second) and abs(second - third) < 0.2 * excess


def remaining_excess(seconds: np.ndarray) -> np.ndarray:
    """The share of the first frame's excess that is left after ``seconds``."""
    return np.exp(-np.asarray(seconds, float) / RELAXATION_TIME)
