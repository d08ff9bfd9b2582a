"""Brain mask by threshold and shape, for skull-stripped series and for whole heads with noise."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from dsc_superres.errors import PerfusionError
from dsc_superres.series import Series
from dsc_superres.utils.scratch_memory import release

OPENING_RADIUS = 4.0
"""Radius of the opening in mm: structures thinner than twice this (scalp, bridges at the skull base) are not brain."""
THRESHOLD_SHARE = 0.35
"""Threshold as share of the median head signal: below shaded brain, above air and skull."""


def brain_mask(series: Series) -> np.ndarray:
    """Return the voxels of ``series`` that are brain, bool[z, y, x].

    A threshold on the mean image, an in-plane opening by ``OPENING_RADIUS`` that removes the scalp, the large
    components that remain, and filled holes. Raises ``PerfusionError`` if nothing remains.
    """
    # The first frame is often far from steady state and would overweight the fat of the scalp.
    total = np.zeros(series.signal.shape[1:], np.float32)
    for frame in series.signal[1:]:
        total += frame
        release(frame)
    return brain_mask_of_image(total / np.float32(series.frames - 1), series.geometry.spacing)


def brain_mask_of_image(image: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """Return the brain in a mean image[z, y, x] with voxel spacing (x, y, z) in mm, bool[z, y, x]."""
    head = image > head_threshold(image)
    sampling = (spacing[1], spacing[0])
    radius = min(OPENING_RADIUS, 0.1 * min(image.shape[2] * spacing[0], image.shape[1] * spacing[1]))
    core = _large_components(in_plane_distance(head, sampling) > radius)
    if not core.any():
        raise PerfusionError("No brain was found in the mean image: give a mask (--mask FILE, or none).")
    brain = head & (_within_distance(core, sampling, radius))
    return np.stack([ndimage.binary_fill_holes(plane) for plane in brain]) & (image > 0)


def head_threshold(image: np.ndarray) -> float:
    """Return ``THRESHOLD_SHARE`` of the median signal above Otsu's threshold."""
    clipped = np.minimum(image, np.percentile(image[image > 0], 90) if np.any(image > 0) else 1.0)
    foreground = clipped[clipped > otsu_threshold(clipped)]
    return THRESHOLD_SHARE * float(np.median(foreground)) if foreground.size else 0.0


def otsu_threshold(values: np.ndarray, bins: int = 256) -> float:
    """Return the threshold with the largest variance between the two classes of ``values`` (Otsu 1979)."""
    values = np.asarray(values, np.float64)  # float32 could not tell the edges of bins apart where values hardly differ
    if np.ptp(values) <= 1e-9 * np.abs(values).max():
        return float(values.min())
    count, edges = np.histogram(values, bins=bins)
    center = (edges[1:] + edges[:-1]) / 2
    below, above = np.cumsum(count), np.cumsum(count[::-1])[::-1]
    mean_below = np.cumsum(count * center) / np.maximum(below, 1)
    mean_above = np.cumsum((count * center)[::-1])[::-1] / np.maximum(above, 1)
    variance = below[:-1] * above[1:] * (mean_below[:-1] - mean_above[1:]) ** 2
    return float(edges[1:-1][np.argmax(variance)])


def in_plane_distance(mask: np.ndarray, sampling: tuple[float, float], border: bool = False) -> np.ndarray:
    """Return the in-plane distance to the nearest voxel outside ``mask`` in mm: slices are thick and may have gaps."""
    padded = np.pad(mask, ((0, 0), (1, 1), (1, 1)), constant_values=border)
    planes = [ndimage.distance_transform_edt(plane, sampling=sampling) for plane in padded]
    return np.stack(planes)[:, 1:-1, 1:-1]


def _within_distance(core: np.ndarray, sampling: tuple[float, float], radius: float) -> np.ndarray:
    """Return the voxels within ``radius`` (mm, in plane) of ``core``; slices without a core stay empty."""
    near = in_plane_distance(~core, sampling, border=True) <= radius * 1.01
    return near & core.any(axis=(1, 2), keepdims=True)


def _large_components(mask: np.ndarray, share: float = 0.03) -> np.ndarray:
    """Return the connected components with at least ``share`` of the size of the largest."""
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return (sizes >= share * sizes.max())[labels]
