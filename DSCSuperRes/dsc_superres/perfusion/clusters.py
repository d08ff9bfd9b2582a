"""k-means from given seeds: deterministic, and content with clusters that lose their points."""

from __future__ import annotations

import numpy as np
from scipy.cluster.vq import vq


def k_means(points: np.ndarray, seeds: np.ndarray, iterations: int = 10) -> np.ndarray:
    """[c, d]: centres of Lloyd's clusters of points[n, d] from seeds[c, d]; a cluster without points stays put."""
    centers = seeds.copy()
    for _ in range(iterations):
        nearest, _ = vq(points, centers)
        occupied = np.unique(nearest)
        centers[occupied] = [points[nearest == k].mean(axis=0) for k in occupied]
    return centers
