"""The range of an axis that fits curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

Curve = tuple[np.ndarray, np.ndarray]
"""Times in s and values, float64[t] both."""
OUTSIDE = 0.25
"""Distance from the range of all later values, in such ranges, from which a first value is an initial transient."""
LONGEST = 0.25
"""Of a curve, that an initial transient may last."""


def limits(columns: Iterable[np.ndarray], margin: float) -> tuple[float, float]:
    """Return the ends of an axis for all values, with a margin on both sides as a share of their range."""
    values = np.concatenate([np.asarray(column, float) for column in columns])
    values = values[np.isfinite(values)]
    if values.size == 0:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    space = margin * (high - low) or margin * abs(high) or margin
    return low - space, high + space


def steadyLimits(curves: Sequence[Curve], margin: float) -> tuple[float, float]:
    """Return the same for ``curves`` of one series without its initial transient, beside which a bolus would look flat.

    It ends where the first curve without it begins: what is interpolated decays from one acquired frame to the next.
    """
    start = max((_steadyStart(times, values) for times, values in curves), default=-np.inf)
    return limits([values[times >= start] for times, values in curves], margin)


def _steadyStart(times: np.ndarray, values: np.ndarray) -> float:
    """Return when the curve no longer lies far above or below everything that follows, s; -inf if it never does."""
    finite = np.isfinite(values)
    times, values = times[finite], values[finite]
    for start in range(int(LONGEST * len(values)) + 1):
        rest = values[start + 1 :]
        if not rest.size:
            break
        space = OUTSIDE * np.ptp(rest)
        if rest.min() - space <= values[start] <= rest.max() + space:
            return float(times[start]) if start else -np.inf
    return -np.inf
