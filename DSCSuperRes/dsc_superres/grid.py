"""Where two voxel grids coincide in patient space."""

from __future__ import annotations

import numpy as np

from dsc_superres.errors import SeriesError
from dsc_superres.series import Geometry

TOLERANCE = 0.05
"""How far, in voxels, two grids may be apart anywhere and still count as the same grid."""

Size = tuple[int, int, int]
Box = tuple[slice, slice, slice]


def common_boxes(a: Geometry, a_size: Size, b: Geometry, b_size: Size, names: tuple[str, str]) -> tuple[Box, Box]:
    """Slices (z, y, x) of the voxels that grids ``a`` and ``b`` (sizes x, y, z) both hold, in each one's indices.

    The grids may be cropped differently, whole voxels apart, and an axis of ``a`` may run the other way (Slicer turns
    left-handed grids right-handed): its slice then runs backwards. Raises ``SeriesError``, which calls the grids by
    ``names``, where they are shifted, scaled or turned against each other, or do not overlap.
    """
    to_b = np.linalg.inv(b.affine) @ a.affine
    backwards = np.diagonal(to_b)[:3] < 0
    turned = np.diag([*np.where(backwards, -1.0, 1.0), 1.0])
    turned[:3, 3] = np.where(backwards, np.array(a_size) - 1, 0)
    to_b = to_b @ turned
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in a_size], (1,), indexing="ij")).reshape(4, -1)
    shifts = ((to_b - np.eye(4)) @ corners)[:3]
    offset = np.rint(shifts[:, 0]).astype(int)
    if np.abs(shifts - offset[:, None]).max() > TOLERANCE:
        raise SeriesError(
            f"{names[0]} ({_describe(a, a_size)}) and {names[1]} ({_describe(b, b_size)}) do not lie on the same voxel "
            "grid: use images with the same voxel size and orientation, whole voxels apart."
        )
    a_start, b_start = np.maximum(-offset, 0), np.maximum(offset, 0)
    length = np.minimum(np.array(a_size) - a_start, np.array(b_size) - b_start)
    if np.any(length < 1):
        raise SeriesError(f"{names[0]} and {names[1]} do not overlap in patient space: choose images that do.")
    a_box = tuple(
        _backwards(span, size) if turn else span
        for span, size, turn in zip(_box(a_start, length), a_size[::-1], backwards[::-1], strict=True)
    )
    return a_box, _box(b_start, length)


def _box(start: np.ndarray, length: np.ndarray) -> Box:
    return tuple(slice(int(a), int(a + n)) for a, n in zip(start[::-1], length[::-1], strict=True))


def _backwards(span: slice, size: int) -> slice:
    """The slice of ``size`` voxels that takes the same ones counted from the end."""
    stop = size - 1 - span.stop
    return slice(size - 1 - span.start, stop if stop >= 0 else None, -1)


def _describe(geometry: Geometry, size: Size) -> str:
    return f"{' x '.join(map(str, size))} voxels of {' x '.join(f'{s:.4g}' for s in geometry.spacing)} mm"
