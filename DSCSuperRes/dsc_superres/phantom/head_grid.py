"""The fine grid on which a head is built, and the random fields that vary it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from dsc_superres.geometry import Geometry

SLICES = 22
"""Slices of the head, all of which are built: a patient with fewer slices is the middle of the full one."""
LAYERS = 3
"""Thin layers per slice, which is their average; they cause partial volume through the plane."""


@dataclass(frozen=True)
class HeadGrid:
    """Thin layers [z, y, x] of a head, oblique in patient space (LPS); spacing is x, y, layer in mm."""

    geometry: Geometry
    shape: tuple[int, int, int]

    @classmethod
    def draw(cls, rng: np.random.Generator, matrix: int, thickness: float = 5.0) -> HeadGrid:
        """Draw a slightly tilted grid of ``SLICES`` slices, 220 to 240 mm wide, near the center of the head."""
        pixel = 256 / matrix * rng.uniform(0.86, 0.94)
        spacing = np.array([pixel, pixel, thickness / LAYERS])
        shape = (SLICES * LAYERS, matrix, matrix)
        direction = rotation(np.radians(rng.uniform([-14, -4, -5], [6, 4, 5])))
        center = np.array([0.0, 16.0, 20.0]) + rng.uniform(-5, 5, 3)
        origin = center - direction @ (spacing * (np.array(shape[::-1]) - 1) / 2)
        return cls(Geometry(tuple(spacing), tuple(origin), tuple(map(tuple, direction))), shape)

    @property
    def steps(self) -> np.ndarray:
        """Distance between voxels along z, y, x (the order of the arrays) in mm, float64[3]."""
        return np.asarray(self.geometry.spacing)[::-1]

    def series_geometry(self, slices: int) -> Geometry:
        """Return the geometry of the ``slices`` middle slices."""
        nx, ny, nz = self.shape[::-1]
        whole = self.geometry.resized((nx, ny, nz), (nx, ny, nz // LAYERS))
        return whole.cropped((0, 0, (nz // LAYERS - slices) // 2))

    def patient_points(self) -> np.ndarray:
        """Return the patient coordinates (LPS, mm) x, y, z of every voxel, float32[3, z, y, x]."""
        affine = self.geometry.affine.astype(np.float32)
        z, y, x = (np.arange(n, dtype=np.float32) for n in self.shape)
        axes = (x[None, None, :], y[None, :, None], z[:, None, None])
        return np.stack([sum(affine[i, j] * axes[j] for j in range(3)) + affine[i, 3] for i in range(3)])

    def index(self, points: np.ndarray) -> np.ndarray:
        """Return the fractional voxel indices (z, y, x) of patient points float[n, 3] (x, y, z; mm)."""
        inverse = np.linalg.inv(self.geometry.affine)
        return (points @ inverse[:3, :3].T + inverse[:3, 3])[:, ::-1]

    def field(self, rng: np.random.Generator, wavelength: float, bandwidth: float | None = None) -> np.ndarray:
        """Return a smooth random field, float32[z, y, x], with mean 0 and standard deviation 1.

        Without ``bandwidth``, it contains all wavelengths longer than about ``wavelength`` mm. With it, it contains
        only waves of about that length, with that relative bandwidth, which look like folds and labyrinths.
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
    """Return the fraction of each voxel in which the smooth function ``level`` is positive, float32[z, y, x].

    The transition is as wide as a voxel, so that edges are neither jagged in plane nor terraced between layers.
    """
    change = sum(np.square(difference) for difference in np.gradient(level))
    return np.clip(0.5 + level / np.sqrt(np.maximum(change, 1e-8)), 0, 1).astype(np.float32)


def rotation(angles: np.ndarray) -> np.ndarray:
    """Return the rotation about x, then y, then z, by ``angles`` in radians, float64[3, 3]."""
    cos, sin = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cos[0], -sin[0]], [0, sin[0], cos[0]]])
    about_y = np.array([[cos[1], 0, sin[1]], [0, 1, 0], [-sin[1], 0, cos[1]]])
    about_z = np.array([[cos[2], -sin[2], 0], [sin[2], cos[2], 0], [0, 0, 1]])
    return about_z @ about_y @ about_x
