"""Where training images get their shapes: random label maps, and slices of head volumes in any orientation."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

from dsc_superres.errors import FileError

PIXELS = (0.7, 2.0)
"""Pixel sizes of the scenes, mm."""


def smooth_noise(rng: np.random.Generator, size: int, sigma: float) -> np.ndarray:
    """float32[size, size]: Gaussian noise smoothed by ``sigma`` pixels, zero mean, unit variance."""
    margin = int(2 * sigma) + 1
    noise = rng.standard_normal((size + 2 * margin,) * 2, dtype=np.float32)
    noise = ndimage.gaussian_filter(noise, sigma, truncate=3)[margin:-margin, margin:-margin]
    return (noise - noise.mean()) / (noise.std() + 1e-6)


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def random_labels(rng: np.random.Generator, size: int) -> np.ndarray:
    """int[size, size]: regions with sharp edges: cells (arg-max of noise fields), folds (bands of one), or both."""
    labels = np.zeros((size, size), int)
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 0.5:
            count = rng.integers(2, 7)
            sigma = log_uniform(rng, 2, 12)
            fresh = np.argmax([smooth_noise(rng, size, sigma) for _ in range(count)], axis=0)
        else:
            field = smooth_noise(rng, size, log_uniform(rng, 2.5, 14))
            fresh = np.floor(field * rng.uniform(0.7, 2.5) + rng.uniform()).astype(int)
        where = smooth_noise(rng, size, log_uniform(rng, 6, 25)) > rng.uniform(-1.5, 0.7)
        labels = np.where(where, labels.max() + 1 + fresh - fresh.min(), labels)
    return np.unique(labels, return_inverse=True)[1].reshape(size, size)


def _load(path: str) -> tuple[np.ndarray, np.ndarray]:
    """A volume [x, y, z] as stored, turned to the patient's axes, and its voxel size in mm."""
    resolved = Path(os.path.expandvars(path))
    if path == "mni152":
        from nilearn.datasets import load_mni152_template

        image = load_mni152_template(resolution=1)
    elif resolved.is_file():
        image = nib.load(resolved)
    else:
        raise FileError(f"The training volume {path} is not there: set the variables it names, or take it out.")
    image = nib.as_closest_canonical(image)
    data = np.asarray(image.dataobj, np.float32)
    return data.mean(-1) if data.ndim == 4 else data, np.asarray(image.header.get_zooms()[:3], float)


def renumber(labels: np.ndarray) -> np.ndarray:
    """uint8: whole-numbered labels as 0, 1, 2, ... in ascending order; counted, which is far faster than sorted."""
    numbers = labels.astype(np.int64)
    numbers -= numbers.min()
    order = np.cumsum(np.bincount(numbers.ravel()) > 0) - 1
    return order.astype(np.uint8)[numbers]


class LabelVolumes:
    """Segmented heads, whose slices are random contrasts with the true shapes and sharp edges of tissues."""

    def __init__(self, paths: list[str]) -> None:
        self.volumes = []
        for path in paths:
            data, zooms = _load(path)
            self.volumes.append((renumber(data), zooms))

    def slice(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """uint8[2 size, 2 size]: labels, 0 outside, in a random plane, twice as fine as pixels of ``PIXELS`` mm."""
        for _ in range(8):
            labels, zooms = self.volumes[rng.integers(len(self.volumes))]
            plane, _, _ = _random_plane(rng, labels.shape, zooms, size, PIXELS)
            points = (plane / zooms).round().astype(int)
            inside = np.all((points >= 0) & (points < labels.shape), axis=-1)
            image = np.where(inside, labels[tuple(np.where(inside[..., None], points, 0).transpose(2, 0, 1))], 0)
            if (image > 0).mean() > 0.3:
                break
        return image


class HeadVolumes:
    """Head volumes, from which slices are cut at any place, orientation and zoom.

    pixels   least and greatest pixel size, mm
    """

    def __init__(self, paths: list[str], pixels: tuple[float, float] = PIXELS) -> None:
        self.volumes, self.pixels = [], pixels
        for path in paths:
            data, zooms = _load(path)
            self.volumes.append((np.clip(data / np.percentile(data[data > 0], 99.5), 0, 1.5), zooms))

    def slice(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """float32[size, size] in 0..1.5: a slab of 1 to 5 mm cut in a random plane."""
        for _ in range(8):
            image = self._cut(rng, size)
            if (image > 0.1).mean() > 0.25:
                break
        return image

    def _cut(self, rng: np.random.Generator, size: int) -> np.ndarray:
        data, zooms = self.volumes[rng.integers(len(self.volumes))]
        # Finer than the pixels and averaged, so that a pixel holds a mixture as a real one does.
        plane, normal, finer = _random_plane(rng, data.shape, zooms, size, self.pixels)
        slab = rng.uniform(1, 5)
        layers = np.linspace(-0.5, 0.5, 3) * slab
        total = np.zeros((finer * size, finer * size), np.float32)
        for layer in layers:
            points = ((plane + layer * normal) / zooms).transpose(2, 0, 1)
            total += ndimage.map_coordinates(data, points, order=1, prefilter=False)
        return (total / len(layers)).reshape(size, finer, size, finer).mean((1, 3))


def _random_plane(
    rng: np.random.Generator, shape: tuple[int, ...], zooms: np.ndarray, size: int, pixels: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, int]:
    """float64[finer size, finer size, 3], mm from the first voxel: points of a plane; its normal; ``finer``.

    That is how many points there are along a pixel: 2, or 4 where pixels are larger than 2 mm.
    """
    normal = _random_normal(rng, zooms)
    across = np.cross(normal, rng.standard_normal(3))
    across /= np.linalg.norm(across)
    down = np.cross(normal, across)
    least = max(pixels[0], 0.7 * np.sort(zooms)[1])  # finer pixels would only interpolate
    pixel, extent = rng.uniform(least, pixels[1]), np.asarray(shape) * zooms
    finer = 2 if pixel <= 2 else 4
    center = extent / 2 + rng.uniform(-0.28, 0.28, 3) * extent
    grid = (np.arange(finer * size) - finer * size / 2 + 0.5) * pixel / finer
    return center + grid[:, None, None] * down + grid[None, :, None] * across, normal, finer


def _random_normal(rng: np.random.Generator, zooms: np.ndarray) -> np.ndarray:
    """Mostly one of the volume's axes, tilted; the finest-cut plane only where slices are thick."""
    axis = int(np.argmax(zooms)) if zooms.max() > 2 * zooms.min() else int(rng.choice(3, p=[0.15, 0.15, 0.7]))
    normal = np.eye(3)[axis] + rng.normal(0, 0.03 if zooms.max() > 2 * zooms.min() else 0.25, 3)
    return normal / np.linalg.norm(normal)


def contrast_curve(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """``image`` (0..1.5) through a random smooth curve that mostly keeps zero at zero: another sequence's contrast."""
    knots = np.linspace(0, 1.5, rng.integers(4, 9))
    values = rng.uniform(0.1, 1.2, knots.size)
    if rng.random() < 0.8:
        values[0] = 0
    curve = ndimage.gaussian_filter1d(np.interp(np.linspace(0, 1.5, 151), knots, values), 3, mode="nearest")
    return np.interp(image, np.linspace(0, 1.5, 151), curve).astype(np.float32)


def natural_contrast(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """``image`` (0..1.5) much as it is, lighter or darker in its middle grays, or a negative of the same head."""
    curved = image ** np.exp(rng.uniform(-0.5, 0.5))
    if rng.random() < 0.5:
        tissue = np.clip(image / rng.uniform(0.1, 0.3), 0, 1)
        curved = tissue * np.maximum(rng.uniform(1.1, 1.6) - curved, 0.05)
    return curved.astype(np.float32)
