"""Where a voxel grid lies in patient space, and where two of them coincide."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dsc_superres.errors import SeriesError

GRID_TOLERANCE = 0.05
"""How far, in voxels, two grids may be apart anywhere and still count as the same grid."""

Size = tuple[int, int, int]
Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Geometry:
    """Where a voxel grid lies in patient space (LPS, mm), as DICOM and ITK state it.

    ``origin`` is the centre of voxel (0, 0, 0); ``spacing`` and the columns of ``direction`` follow the
    voxel axes x (fastest), y, z. Raises ``SeriesError`` for a zero spacing or axes that are not orthonormal.
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
        """float64[4, 4]: voxel index (x, y, z, 1) to patient LPS in mm."""
        affine = np.eye(4)
        affine[:3, :3] = np.asarray(self.direction) * np.asarray(self.spacing)
        affine[:3, 3] = self.origin
        return affine

    def resized(self, old: tuple[int, int, int], new: tuple[int, int, int]) -> Geometry:
        """The grid of ``new`` voxels (x, y, z) that covers exactly the box that ``old`` voxels of this one cover.

        The outer corners stay where they are, so the first voxel's centre moves by half the change in spacing.
        """
        ratio = np.asarray(old, float) / np.asarray(new, float)
        shift = np.append((ratio - 1) / 2, 1.0)
        return replace(self, spacing=tuple(np.asarray(self.spacing) * ratio), origin=tuple((self.affine @ shift)[:3]))

    def cropped(self, start: tuple[int, int, int]) -> Geometry:
        """The same grid when voxel ``start`` (x, y, z) becomes the first one."""
        return replace(self, origin=tuple((self.affine @ np.append(start, 1.0))[:3]))

    def as_dict(self) -> dict[str, object]:
        """spacing, origin and direction as plain values, as JSON files and ``Geometry(**...)`` take them."""
        return {"spacing": self.spacing, "origin": self.origin, "direction": self.direction}


def common_boxes(a: Geometry, a_size: Size, b: Geometry, b_size: Size, names: tuple[str, str]) -> tuple[Box, Box]:
    """Slices (z, y, x) of the voxels that grids ``a`` and ``b`` (sizes x, y, z) both hold, in each one's indices.

    The grids may be cropped differently, whole voxels apart, and an axis of ``a`` may run the other way (Slicer turns
    left-handed grids right-handed): its slice then runs backwards. Raises ``SeriesError``, which calls the grids by
    ``names``, where they are shifted, scaled or turned against each other, or do not overlap.
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
    """The slice of ``size`` voxels that takes the same ones counted from the end."""
    stop = size - 1 - box_slice.stop
    return slice(size - 1 - box_slice.start, stop if stop >= 0 else None, -1)


def _describe(geometry: Geometry, size: Size) -> str:
    return f"{' x '.join(map(str, size))} voxels of {' x '.join(f'{s:.4g}' for s in geometry.spacing)} mm"
