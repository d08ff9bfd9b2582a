"""k-means from given seeds: deterministic, and content with clusters that lose their points."""

from __future__ import annotations

import numpy as np
from scipy.cluster.vq import vq


def k_means(points: np.ndarray, seeds: np.ndarray, rounds: int = 10) -> np.ndarray:
    """[c, d]: centres of Lloyd's clusters of points[n, d] from seeds[c, d]; a cluster without points stays put."""
    centres = seeds.copy()
    for _ in range(rounds):
        nearest, _ = vq(points, centres)
        filled = np.unique(nearest)
        centres[filled] = [points[nearest == k].mean(axis=0) for k in filled]
    return centres
