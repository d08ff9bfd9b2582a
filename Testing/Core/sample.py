"""A small oblique series with a bolus, of odd size, that reads and computes in a moment."""

import math

import numpy as np

from dsc_superres.geometry import Geometry
from dsc_superres.series import Series

ANGLE = math.radians(12)
OBLIQUE = Geometry(
    spacing=(3.5, 3.5, 5.0),
    origin=(-60.0, -55.0, 20.0),
    direction=((1, 0, 0), (0, math.cos(ANGLE), -math.sin(ANGLE)), (0, math.sin(ANGLE), math.cos(ANGLE))),
)


def bolus_series(frames: int = 33, bolus: bool = True, size: tuple[int, int, int] = (41, 37, 2)) -> Series:
    """Two tissues and an artery in an ellipse; TR 1.5 s, TE 30 ms; ``size`` along x, y, z."""
    width, height, depth = size
    times = 1.5 * np.arange(frames)
    y, x = np.indices((height, width), dtype=float)
    radius = np.hypot((x - width / 2) / (0.42 * width), (y - height / 2) / (0.42 * height))
    s0 = np.where(radius < 1, np.where(radius < 0.6, 600.0, 800.0), 0.0)
    volume = np.where(radius < 1, np.where(radius < 0.6, 0.5, 1.0), 0.0)
    artery = np.hypot(x - 0.3 * width, y - 0.5 * height) < 2

    def change(delay: float, spread: float, peak: float) -> np.ndarray:
        t = np.maximum(times - 15 - delay, 0) / spread
        return peak * (t / 3) ** 3 * np.exp(3 - t)

    tissue = change(1.5, 2.2, 12.0)[:, None, None] * volume
    delta = np.where(artery, change(0.0, 1.4, 45.0)[:, None, None], tissue) if bolus else 0 * tissue
    rng = np.random.default_rng(5)
    signal = (s0 * np.exp(-0.03 * delta))[:, None].repeat(depth, axis=1)
    signal = np.hypot(signal + rng.normal(0, 6, signal.shape), rng.normal(0, 6, signal.shape))
    return Series(signal, times, OBLIQUE, echo_time=0.03, name="sample")
