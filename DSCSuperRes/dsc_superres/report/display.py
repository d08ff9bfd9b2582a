"""Display of slices: radiological orientation, in millimeters, cropped to the head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsc_superres.geometry import Geometry
from dsc_superres.series import Series

AXIS_LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))
"""Letters of the two ends of each patient axis (LPS), the negative one first."""

# What points right and down on the screen, as (patient axis, sign), by the axis across the slice:
# sagittal slices show anterior left and superior up; coronal and axial ones show the patient's right on the left.
_SCREEN_AXES = {0: ((1, 1), (2, -1)), 1: ((0, 1), (2, -1)), 2: ((0, 1), (1, 1))}


@dataclass(frozen=True)
class View:
    """Display of a slice: the voxels of [y, x] that are shown, their orientation and their size."""

    rows: slice
    columns: slice
    transposed: bool
    flipped: tuple[bool, bool]
    size_mm: tuple[float, float]
    letters: tuple[str, str, str, str]

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the image [y, x] with rows from top to bottom and columns from left to right of the screen."""
        image = image[self.rows, self.columns]
        image = image.T if self.transposed else image
        return image[:: -1 if self.flipped[0] else 1, :: -1 if self.flipped[1] else 1]

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top in mm, for ``imshow``."""
        width, height = self.size_mm
        return 0.0, width, height, 0.0


def head_view(geometry: Geometry, mask: np.ndarray, multiple: int = 1, margin_mm: float = 12.0) -> View:
    """Return the view of axial, coronal or sagittal slices that shows ``mask`` (bool[y, x]) with a margin.

    The crop begins and ends at multiples of ``multiple`` voxels, so that coarse pixels are not cut.
    """
    direction = np.asarray(geometry.direction)
    across = int(np.abs(direction[:, 2]).argmax())
    right, down = _SCREEN_AXES[across]
    transposed = int(np.abs(direction[:, 0]).argmax()) != right[0]
    horizontal, vertical = (1, 0) if transposed else (0, 1)
    flip_columns = direction[right[0], horizontal] * right[1] < 0
    flip_rows = direction[down[0], vertical] * down[1] < 0
    rows = _span(mask.any(axis=1), margin_mm / geometry.spacing[1], multiple)
    columns = _span(mask.any(axis=0), margin_mm / geometry.spacing[0], multiple)
    size = (
        (columns.stop - columns.start) * geometry.spacing[0],
        (rows.stop - rows.start) * geometry.spacing[1],
    )
    left, end = _end_letters(right)
    top, bottom = _end_letters(down)
    return View(
        rows,
        columns,
        transposed,
        (bool(flip_rows), bool(flip_columns)),
        size[::-1] if transposed else size,
        (left, end, top, bottom),
    )


def _span(used: np.ndarray, margin: float, multiple: int) -> slice:
    """Return the range of indices that are used, with a margin, at multiples of ``multiple``."""
    inside = np.flatnonzero(used)
    first, last = (inside[0], inside[-1]) if inside.size else (0, used.size - 1)
    start = int(max(first - margin, 0)) // multiple * multiple
    stop = -(-int(min(last + 1 + margin, used.size)) // multiple) * multiple
    return slice(start, min(stop, used.size))


def _end_letters(axis: tuple[int, int]) -> tuple[str, str]:
    letters = AXIS_LETTERS[axis[0]]
    return letters if axis[1] > 0 else letters[::-1]


def time_text(series: Series, time: float) -> str:
    """Return a frame time in words: seconds, or the frame number if the times are unknown."""
    return f"{time:.1f} s" if series.has_times else f"frame {time:.4g}"


def time_axis_label(series: Series) -> str:
    """Return the label of an axis of frame times."""
    return "time (s)" if series.has_times else "frame"
