"""The share of an image in which networks compute: the box of the head with a margin. Imports no torch."""

from __future__ import annotations

import numpy as np

from dsc_superres.models import AIR_MARGIN, AIR_SIGNAL


def signal_extents(image: np.ndarray) -> np.ndarray:
    """Return the rows and columns that the head takes in each slice of image[z, y, x], int[z, 2]; 0 where all is air.

    It is found as networks find it in the mean over the series (``networks.signal_region``); a few frames suffice.
    """
    low, high = np.percentile(image, (1, 99))
    signal = image > low + AIR_SIGNAL * (high - low)
    return np.stack([_extents(signal.any(axis=2)), _extents(signal.any(axis=1))], axis=1)


def signal_share(extents: np.ndarray, size: tuple[int, int], space: int = 1) -> float:
    """Return the mean share of slices of ``size`` (rows, columns) in which networks compute.

    ``extents`` are those of a series that is under-sampled by ``space`` before.
    """
    margin = (AIR_MARGIN + 1) * space  # signal counts within a coarse pixel
    boxes = np.where(extents > 0, np.minimum(extents + 2 * margin, size), 0)
    return float(np.mean(np.prod(boxes / np.asarray(size, float), axis=1)))


def _extents(signal: np.ndarray) -> np.ndarray:
    """Return the number of pixels from the first to the last that is True, of each row of bool[z, n]; 0 for none."""
    last = signal.shape[1] - np.argmax(signal[:, ::-1], axis=1)
    return np.where(signal.any(axis=1), last - np.argmax(signal, axis=1), 0)
