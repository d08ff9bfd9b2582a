"""Voxel grids in patient space."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dsc_superres.errors import SeriesError

GRID_TOLERANCE = 0.05
"""Largest distance, in voxels, between corresponding points of two grids that count as the same grid."""

Size = tuple[int, int, int]
"""Number of voxels along x, y, z."""
Box = tuple[slice, slice, slice]
"""Slices along z, y, x."""


@dataclass(frozen=True)
class Geometry:
    """Position and orientation of a voxel grid in patient space (LPS, mm), as in DICOM and ITK.

    Parameters
    ----------
    spacing : tuple of 3 floats
        Voxel size along the voxel axes x (fastest), y, z in mm.
    origin : tuple of 3 floats
        Center of voxel (0, 0, 0) in mm.
    direction : 3 x 3 tuple of floats
        Unit vectors of the voxel axes as columns.

    Raises
    ------
    SeriesError
        If a spacing is not positive or the axes are not orthonormal.

    Examples
    --------
    >>> grid = Geometry(spacing=(2.0, 2.0, 5.0), origin=(-10.0, 0.0, 40.0))
    >>> grid.affine @ (1, 0, 0, 1)
    array([-8.,  0., 40.,  1.])
    >>> grid.resized(old=(8, 8, 3), new=(16, 16, 3)).spacing
    (1.0, 1.0, 5.0)
    """

    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: tuple[tuple[float, float, float], ...] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

    def __post_init__(self) -> None:
        spacing = np.asarray(self.spacing, float)
        origin = np.asarray(self.origin, float)
        direction = np.asarray(self.direction, float)
        if spacing.shape != (3,) or not np.all(np.isfinite(spacing)) or np.any(spacing <= 0):
            raise SeriesError(f"The voxel spacing {tuple(self.spacing)} mm is not three positive numbers.")
        if origin.shape != (3,) or not np.all(np.isfinite(origin)):
            raise SeriesError(f"The image origin {tuple(self.origin)} mm is not three finite numbers.")
        if direction.shape != (3, 3) or not np.allclose(direction.T @ direction, np.eye(3), atol=1e-3):
            raise SeriesError("The image axes are not at right angles to each other: resample the series first.")
        object.__setattr__(self, "spacing", tuple(map(float, spacing)))
        object.__setattr__(self, "origin", tuple(map(float, origin)))
        object.__setattr__(self, "direction", tuple(tuple(map(float, row)) for row in direction))

    @property
    def affine(self) -> np.ndarray:
        """Matrix float64[4, 4] from voxel indices (x, y, z, 1) to LPS coordinates in mm."""
        affine = np.eye(4)
        affine[:3, :3] = np.asarray(self.direction) * np.asarray(self.spacing)
        affine[:3, 3] = self.origin
        return affine

    def resized(self, old: tuple[int, int, int], new: tuple[int, int, int]) -> Geometry:
        """Return the grid of ``new`` voxels (x, y, z) that covers the same box as ``old`` voxels of this grid.

        The outer corners stay in place, so the center of the first voxel moves by half the change in spacing.
        """
        ratio = np.asarray(old, float) / np.asarray(new, float)
        shift = np.append((ratio - 1) / 2, 1.0)
        return replace(self, spacing=tuple(np.asarray(self.spacing) * ratio), origin=tuple((self.affine @ shift)[:3]))

    def cropped(self, start: tuple[int, int, int]) -> Geometry:
        """Return the same grid with voxel ``start`` (x, y, z) as its first voxel."""
        return replace(self, origin=tuple((self.affine @ np.append(start, 1.0))[:3]))

    def as_dict(self) -> dict[str, object]:
        """Return spacing, origin and direction as plain values, from which ``Geometry(**values)`` restores it."""
        return {"spacing": self.spacing, "origin": self.origin, "direction": self.direction}


def common_boxes(a: Geometry, a_size: Size, b: Geometry, b_size: Size, names: tuple[str, str]) -> tuple[Box, Box]:
    """Return the slices (z, y, x) of the voxels that two grids share, in the indices of each grid.

    The grids may be cropped differently by whole voxels. An axis of ``a`` may point in the opposite direction (Slicer
    makes left-handed grids right-handed); its slice then has a negative step.

    Parameters
    ----------
    a, b : Geometry
    a_size, b_size : tuple of 3 ints
        Number of voxels along x, y, z.
    names : tuple of 2 strs
        Names of the grids for messages.

    Raises
    ------
    SeriesError
        If the grids are shifted by part of a voxel, scaled or rotated against each other, or do not overlap.
    """
    to_b = np.linalg.inv(b.affine) @ a.affine
    reversed_axes = np.diagonal(to_b)[:3] < 0
    flip = np.diag([*np.where(reversed_axes, -1.0, 1.0), 1.0])
    flip[:3, 3] = np.where(reversed_axes, np.array(a_size) - 1, 0)
    to_b = to_b @ flip
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in a_size], (1,), indexing="ij")).reshape(4, -1)
    shifts = ((to_b - np.eye(4)) @ corners)[:3]
    offset = np.rint(shifts[:, 0]).astype(int)
    if np.abs(shifts - offset[:, None]).max() > GRID_TOLERANCE:
        raise SeriesError(
            f"{names[0]} ({_describe(a, a_size)}) and {names[1]} ({_describe(b, b_size)}) do not lie on the same voxel "
            "grid: use images with the same voxel size and orientation, whole voxels apart."
        )
    a_start, b_start = np.maximum(-offset, 0), np.maximum(offset, 0)
    length = np.minimum(np.array(a_size) - a_start, np.array(b_size) - b_start)
    if np.any(length < 1):
        raise SeriesError(f"{names[0]} and {names[1]} do not overlap in patient space: choose images that do.")
    a_box = tuple(
        _reversed_slice(box_slice, size) if is_reversed else box_slice
        for box_slice, size, is_reversed in zip(_box(a_start, length), a_size[::-1], reversed_axes[::-1], strict=True)
    )
    return a_box, _box(b_start, length)


def _box(start: np.ndarray, length: np.ndarray) -> Box:
    return tuple(slice(int(a), int(a + n)) for a, n in zip(start[::-1], length[::-1], strict=True))


def _reversed_slice(box_slice: slice, size: int) -> slice:
    """Return the slice with step -1 that selects the same voxels counted from the end of an axis of ``size`` voxels."""
    stop = size - 1 - box_slice.stop
    return slice(size - 1 - box_slice.start, stop if stop >= 0 else None, -1)


def _describe(geometry: Geometry, size: Size) -> str:
    """Return number and size of the voxels in words."""
    return f"{' x '.join(map(str, size))} voxels of {' x '.join(f'{s:.4g}' for s in geometry.spacing)} mm"
