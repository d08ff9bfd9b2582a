"""The initial transient: the first frame of a series, acquired before the magnetization is in steady state.

The first frame of a gradient-echo series is brighter than all others: the excess shrinks by cos(flip angle)
exp(-TR / T1) with every pulse, so that most of it is gone a second later. Interpolation from the first acquired frame
to the next one, several seconds later, would spread the excess over all frames in between.
"""

from __future__ import annotations

import numpy as np

RELAXATION_TIME = 0.8
"""Time in which the excess falls to 1/e, s: in brain at 3 T and TR 1.5 s, 1.1 s at a flip angle of 35 degrees, 0.8 s
at 60 and none at 90."""
LEAST_EXCESS = 0.03
"""Of the first frame over the second, as a share of the second, from which it is a transient."""
GREATEST_CHANGE = 0.2
"""Of the second frame to the third, as a share of that excess, up to which it is a transient."""


def has_initial_transient(signal: np.ndarray) -> bool:
    """Whether the first frame of float[t, z, y, x] is brighter than the second and the next two are alike.

    That distinguishes it from an early bolus, where the signal would go on falling or rise again.
    """
    if len(signal) < 4:
        return False
    mean = signal[1:].mean(axis=0)
    head = mean > mean.mean()
    if not head.any():
        return False
    first, second, third = (float(np.median(frame[head])) for frame in signal[:3])
    excess = first - second
    return excess > LEAST_EXCESS * abs(second) and abs(second - third) < GREATEST_CHANGE * excess


def remaining_excess(seconds: np.ndarray) -> np.ndarray:
    """The share of the first frame's excess that remains after ``seconds``."""
    return np.exp(-np.asarray(seconds, float) / RELAXATION_TIME)
