"""The fine grid on which a head is built, and the random fields that vary it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from dsc_superres.geometry import Geometry

SLICES = 22
"""Slices of the head that is always built, so that a patient of few slices is the middle of the full one."""
LAYERS = 3
"""Thin layers of which a slice is the average: partial volume through the plane comes from them."""


@dataclass(frozen=True)
class HeadGrid:
    """Thin layers [z, y, x] of a head, oblique in patient space (LPS); spacing is x, y, layer in mm."""

    geometry: Geometry
    shape: tuple[int, int, int]

    @classmethod
    def draw(cls, rng: np.random.Generator, matrix: int, thickness: float = 5.0) -> HeadGrid:
        """A grid of ``SLICES`` slices, 220 to 240 mm wide, tilted a little, its centre near the head's."""
        pixel = 256 / matrix * rng.uniform(0.86, 0.94)
        spacing = np.array([pixel, pixel, thickness / LAYERS])
        shape = (SLICES * LAYERS, matrix, matrix)
        direction = rotation(np.radians(rng.uniform([-14, -4, -5], [6, 4, 5])))
        center = np.array([0.0, 16.0, 20.0]) + rng.uniform(-5, 5, 3)
        origin = center - direction @ (spacing * (np.array(shape[::-1]) - 1) / 2)
        return cls(Geometry(tuple(spacing), tuple(origin), tuple(map(tuple, direction))), shape)

    @property
    def steps(self) -> np.ndarray:
        """float64[3]: mm from voxel to voxel along z, y, x (the order of the arrays)."""
        return np.asarray(self.geometry.spacing)[::-1]

    def series_geometry(self, slices: int) -> Geometry:
        """The geometry of the ``slices`` middle slices."""
        nx, ny, nz = self.shape[::-1]
        whole = self.geometry.resized((nx, ny, nz), (nx, ny, nz // LAYERS))
        return whole.cropped((0, 0, (nz // LAYERS - slices) // 2))

    def patient_points(self) -> np.ndarray:
        """float32[3, z, y, x]: patient coordinates (LPS, mm) of every voxel, as x, y, z."""
        affine = self.geometry.affine.astype(np.float32)
        z, y, x = (np.arange(n, dtype=np.float32) for n in self.shape)
        axes = (x[None, None, :], y[None, :, None], z[:, None, None])
        return np.stack([sum(affine[i, j] * axes[j] for j in range(3)) + affine[i, 3] for i in range(3)])

    def index(self, points: np.ndarray) -> np.ndarray:
        """Fractional voxel indices (z, y, x) of patient points float[n, 3] (x, y, z; mm)."""
        inverse = np.linalg.inv(self.geometry.affine)
        return (points @ inverse[:3, :3].T + inverse[:3, 3])[:, ::-1]

    def field(self, rng: np.random.Generator, wavelength: float, bandwidth: float | None = None) -> np.ndarray:
        """A smooth random field float32[z, y, x] of mean 0 and standard deviation 1.

        ``wavelength`` in mm. Without ``bandwidth``: everything longer than about that. With it: only waves of
        about that length (the relative width of the band), which makes folds and labyrinths.
        """
        frequencies = [fft.fftfreq(n, d).astype(np.float32) for n, d in zip(self.shape, self.steps, strict=True)]
        frequencies[2] = np.abs(frequencies[2][: self.shape[2] // 2 + 1])
        highest = 3.7 if bandwidth is None else 1 + 3.7 * bandwidth
        block = [np.flatnonzero(np.abs(f) * wavelength < highest) for f in frequencies]
        kz, ky, kx = np.ix_(*(f[keep] * np.float32(wavelength) for f, keep in zip(frequencies, block, strict=True)))
        k = np.sqrt(kz**2 + ky**2 + kx**2)
        gain = np.exp(-0.5 * k**2) if bandwidth is None else np.exp(-0.5 * ((k - 1) / bandwidth) ** 2)
        gain[0, 0, 0] = 0
        noise = rng.standard_normal((2, *gain.shape), dtype=np.float32)
        spectrum = np.zeros((*self.shape[:2], self.shape[2] // 2 + 1), np.complex64)
        spectrum[np.ix_(*block)] = gain * (noise[0] + 1j * noise[1])
        field = fft.irfftn(spectrum, s=self.shape, overwrite_x=True)
        return field / field.std()


def coverage(level: np.ndarray) -> np.ndarray:
    """float32[z, y, x]: the fraction of each voxel where the smooth function ``level`` is positive.

    The step is as wide as a voxel, so edges are neither jagged in plane nor terraced between layers.
    """
    change = sum(np.square(difference) for difference in np.gradient(level))
    return np.clip(0.5 + level / np.sqrt(np.maximum(change, 1e-8)), 0, 1).astype(np.float32)


def rotation(angles: np.ndarray) -> np.ndarray:
    """float64[3, 3]: turns about x, then y, then z, by ``angles`` in radians."""
    cos, sin = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cos[0], -sin[0]], [0, sin[0], cos[0]]])
    about_y = np.array([[cos[1], 0, sin[1]], [0, 1, 0], [-sin[1], 0, cos[1]]])
    about_z = np.array([[cos[2], -sin[2], 0], [sin[2], cos[2], 0], [0, 0, 1]])
    return about_z @ about_y @ about_x
