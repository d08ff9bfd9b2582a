"""The residues, transit times and delays that tissue is expected to have."""

from __future__ import annotations

import numpy as np

from dsc_superres.perfusion.dictionary import LORENTZIAN, residue

SHAPES = (0.5, 1.0, LORENTZIAN, 3.0, 50.0)
"""Of the gamma distribution of transit times, as in ``perfusion.dictionary``."""
SHAPE_PRIOR = (0.8, 2.5, 0.5, 2.0, 2.7)
MTT_CENTER, MTT_SPREAD = 5.0, 0.9
"""Log-normal prior of mean transit times: center in s, spread of the logarithm."""
DELAY_CENTER, DELAY_SPREAD, DELAY_TAIL = 1.0, 3.0, 0.1
"""Normal prior of delays in s, with a tail for late collateral flow and for veins."""


def cell_shares(shape: float, mtt: np.ndarray, step: float, count: int) -> np.ndarray:
    """Return the share of a residue's area in each of ``count`` cells of ``step`` s, float64[mtt, count]."""
    middle = step * (np.arange(count) + 0.5)
    values = residue(shape, middle / mtt[:, None])
    return values / values.sum(axis=1, keepdims=True)


def log_prior(mtt: np.ndarray, delays: np.ndarray) -> np.ndarray:
    """Return the logarithm of the prior up to a constant, float64[shapes, mtt, delays]."""
    transit = -0.5 * (np.log(mtt / MTT_CENTER) / MTT_SPREAD) ** 2
    delay = np.log(np.exp(-0.5 * ((delays - DELAY_CENTER) / DELAY_SPREAD) ** 2) + DELAY_TAIL)
    return np.log(SHAPE_PRIOR)[:, None, None] + transit[:, None] + delay
