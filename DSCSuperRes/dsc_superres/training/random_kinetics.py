"""Random bolus kinetics for training scenes: Delta R2* curves per unit of blood volume, by transit time."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from dsc_superres.training.random_anatomy import log_uniform

TABLE_STEP = 0.1
"""s, between the times of a table."""
DURATION = 180.0
"""s"""
TRANSIT_TIMES = np.geomspace(0.5, 24, 14)
"""s"""


def random_arterial_input(rng: np.random.Generator, arrival: float) -> np.ndarray:
    """float64[time] on the table's clock: gamma-variate first pass of unit area, recirculation, tail."""
    time = np.arange(0, DURATION, TABLE_STEP)
    alpha, beta = rng.uniform(1.3, 5), log_uniform(rng, 0.6, 2.6)
    since = np.maximum(time - arrival, 0)
    first = since**alpha * np.exp(-since / beta)
    first /= first.sum() * TABLE_STEP
    lag = int(rng.uniform(6, 18) / TABLE_STEP)
    spread = np.exp(-time / log_uniform(rng, 4, 40))
    spread /= spread.sum()
    later = np.convolve(first, spread)[: time.size]
    later = np.concatenate([np.zeros(lag), later])[: time.size]
    tail = np.cumsum(first) * TABLE_STEP / 60
    return first + rng.uniform(0, 0.7) * later + rng.uniform(0, 0.5) * tail


def residue(rng: np.random.Generator, transit: float) -> np.ndarray:
    """float64[time]: a transit-time density of mean ``transit`` s (exponential, gamma or nearly box residue)."""
    time = np.arange(0, min(DURATION, 8 * transit + 2), TABLE_STEP) + TABLE_STEP / 2
    order = rng.choice([1, 1, 2, 4])
    density = time ** (order - 1) * np.exp(-time * order / transit)
    remaining = np.cumsum(density[::-1])[::-1]
    return remaining / (remaining.sum() * TABLE_STEP)


def concentration_table(rng: np.random.Generator, arrival: float) -> np.ndarray:
    """float32[transit, time]: tissue Delta R2* per unit blood volume, the first row being the artery itself."""
    arterial = random_arterial_input(rng, arrival)
    dispersion = rng.uniform(0, 1.5) if rng.random() < 0.3 else 0.0
    rows = [arterial]
    for transit in TRANSIT_TIMES:
        row = np.convolve(arterial, residue(rng, transit))[: arterial.size] * TABLE_STEP
        rows.append(ndimage.gaussian_filter1d(row, dispersion / TABLE_STEP) if dispersion else row)
    return np.asarray(rows, np.float32)


def sample_table(table: np.ndarray, transit: np.ndarray, delay: np.ndarray, times: np.ndarray) -> np.ndarray:
    """float32[t, y, x]: the table at each pixel's mean transit time (s; 0 for arteries) and ``times`` - delay (s)."""
    row = np.interp(np.log(np.maximum(transit, TRANSIT_TIMES[0])), np.log(TRANSIT_TIMES), np.arange(1.0, 15.0))
    row = np.where(transit <= 0, 0, row)
    column = (times[:, None, None] - delay) / TABLE_STEP
    rows = np.broadcast_to(row, column.shape)
    return ndimage.map_coordinates(table, [rows, column], order=1, mode="nearest", prefilter=False)
