"""Deterministic k-means that starts at given centers and tolerates empty clusters."""

from __future__ import annotations

import numpy as np
from scipy.cluster.vq import vq


def k_means(points: np.ndarray, seeds: np.ndarray, iterations: int = 10) -> np.ndarray:
    """Return the centers [c, d] of Lloyd's clusters of points[n, d] that start at seeds[c, d].

    The centers of empty clusters stay in place.
    """
    centers = seeds.copy()
    for _ in range(iterations):
        nearest, _ = vq(points, centers)
        occupied = np.unique(nearest)
        centers[occupied] = [points[nearest == k].mean(axis=0) for k in occupied]
    return centers
