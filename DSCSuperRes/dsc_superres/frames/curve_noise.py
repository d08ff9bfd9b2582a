"""The noise of smooth curves."""

from __future__ import annotations

import numpy as np


def curve_noise(curve: np.ndarray) -> np.ndarray:
    """Estimate the standard deviation of white noise on smooth curves[t, ...] by median absolute second differences."""
    second = np.diff(np.asarray(curve, np.float64), n=2, axis=0)
    return np.median(np.abs(second), axis=0) / (0.6745 * np.sqrt(6.0))
