"""The rigid motion of each frame of a series, found on a copy with larger pixels.

Each frame is compared with the mean of the baseline: their difference is explained, by robust least squares, by the
gradients of a rigid motion and by changes of brightness (smooth in space, or depending on the signal), and the frame
is resampled and compared again. This needs no more than a few steps and is accurate to some hundredths of a millimeter,
except that contrast agent, too, looks a little like motion: its edges are those of the tissues that it fills. That
part follows the bolus (``without_bolus_part``).

Mutual information, the usual metric, errs by 0.3 to 0.5 mm at the peak of the bolus of a digital patient.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from dsc_superres.frames.outlying_ends import outlying_ends
from dsc_superres.motion.bolus_part import without_bolus_part
from dsc_superres.motion.rigid import composed, displacement, image, inverse, resampled
from dsc_superres.series import Series
from dsc_superres.utils.parallel import do_all
from dsc_superres.utils.progress import IsCancelled, Progress, never, no_progress
from dsc_superres.utils.scratch_memory import release

PIXEL = 3.0
WIDTHS = (10.0, 4.0)
"""About how large pixels are in the copy, mm, and full widths at half maximum of the filters in plane with which a
frame is compared, one after the other, mm."""
QUICK_PIXEL = 5.0
QUICK_WIDTHS = (10.0,)
"""The same for an estimate that is only to tell whether a head moves: about a fifth of the time."""
STEPS = 8
"""Most comparisons at each width."""
SMALLEST = 8
"""Pixels along rows and columns of a copy in which motion can be found."""
SMALL_STEP = 0.003
"""mm, after which a frame is not compared again."""
ROBUST_ROUNDS = 3
"""Of least squares at each comparison, the first one with all voxels alike."""
ROBUST_LIMIT = 4.0
"""Standard deviations from which a voxel does not count (Tukey's biweight)."""
HEAD_SHARE = 0.12
"""Of the brightest voxels, above which a voxel belongs to the head."""
LEAST_EXTENT = 40.0
"""mm of slices from which motion through them can be found; in fewer, contrast agent looks more like it than motion
does, and only motion in plane is looked for."""
LENGTH = 100.0
"""mm, to which positions are scaled in the smooth changes of brightness."""
POINTS = 400
"""Of the head, about how many displacements are the mean of."""


@dataclass(frozen=True, eq=False)
class HeadMotion:
    """The motion of the head in each frame against its position in the reference.

    parameters    float64[t, 6], as in ``rigid``
    displacement  float64[t], mean over the head, mm
    in_plane      whether only motion in plane was looked for
    """

    parameters: np.ndarray
    displacement: np.ndarray
    in_plane: bool

    @property
    def rotation(self) -> np.ndarray:
        """The angle of each frame's rotation, degrees, float64[t]."""
        return np.degrees(np.linalg.norm(self.parameters[:, :3], axis=1))


def head_motion(
    series: Series, *, quick: bool = False, progress: Progress = no_progress, cancelled: IsCancelled = never
) -> HeadMotion | None:
    """Return the motion of the head in ``series``; None where it is too small or too dark to see motion.

    The frames are worked on in parallel, with the same result. ``quick`` is to tell whether a head moves, in about a
    fifth of the time. Raises ``Cancelled``.
    """
    small, spacing = _smaller(series, QUICK_PIXEL if quick else PIXEL)
    curve = small.reshape(len(small), -1).mean(axis=1, dtype=np.float64)
    if min(small.shape[2:]) < SMALLEST or len(small) < 4 or curve.max() <= 0:
        return None
    baseline = steady_baseline(curve)
    in_plane = small.shape[1] * spacing[2] < LEAST_EXTENT
    levels = [_Level(small, baseline, spacing, width, in_plane) for width in (QUICK_WIDTHS if quick else WIDTHS)]
    parameters = np.zeros((len(small), 6))

    def estimate(frame: int) -> Iterator[int]:
        found = np.zeros(6)
        for level in levels:
            found = level.motion(small[frame], found)
        parameters[frame] = found
        yield frame

    usable = np.flatnonzero(curve > HEAD_SHARE * np.median(curve))
    do_all(
        estimate,
        usable.tolist(),
        cancelled=cancelled,
        report=lambda done: progress(done / len(usable), "Looking for motion"),
    )
    for frame in np.setdiff1d(np.arange(len(small)), usable):
        parameters[frame] = parameters[usable[np.abs(usable - frame).argmin()]]
    points = levels[-1].points
    parameters = without_bolus_part(parameters, levels[-1].mean_curve(small), baseline, points)
    reference = inverse(np.median(parameters[baseline], axis=0))
    parameters = np.array([composed(one, reference) for one in parameters])
    return HeadMotion(parameters, np.array([displacement(one, points) for one in parameters]), in_plane)


def _smaller(series: Series, pixel: float) -> tuple[np.ndarray, tuple[float, float, float]]:
    """Return the signal with pixels averaged to about ``pixel`` mm, float32[t, z, y, x], and its spacing (x, y, z)."""
    spacing = series.geometry.spacing
    fx, fy = (max(1, round(pixel / step)) for step in spacing[:2])
    rows, columns = series.size[1] // fy, series.size[0] // fx
    small = np.empty((series.frames, series.size[2], rows, columns), np.float32)
    for target, frame in zip(small, series.signal, strict=True):
        blocks = frame[:, : rows * fy, : columns * fx].reshape(-1, rows, fy, columns, fx)
        target[:] = blocks.mean(axis=(2, 4), dtype=np.float32)
        release(series.signal)
    return small, (fx * spacing[0], fy * spacing[1], spacing[2])


def steady_baseline(curve: np.ndarray) -> slice:
    """Return steady frames before the signal curve[t] of the whole image falls."""
    ends = outlying_ends(curve)
    inside = curve[ends]
    trough = 1 + int(np.argmin(inside[1:])) if len(inside) > 2 else len(inside) - 1
    level = np.median(np.sort(inside[: trough + 1])[-max(1, (trough + 1) // 2) :])
    high = np.flatnonzero(inside[: trough + 1] >= level - 0.1 * (level - inside[trough]))
    last = ends.start + (int(high[-1]) if high.size else 0)
    return slice(min(ends.start + (last - ends.start) // 3, last), last + 1)


class _Level:
    """The reference at one smoothness, and what its difference from a frame is made of."""

    def __init__(
        self,
        small: np.ndarray,
        baseline: slice,
        spacing: tuple[float, float, float],
        width: float,
        in_plane: bool,
    ) -> None:
        self._spacing, self._sigma = spacing, [0, *(width / 2.355 / step for step in spacing[1::-1])]
        self._free = [2, 3, 4] if in_plane else list(range(6))
        reference = self._smooth(np.median(small[baseline], axis=0))
        self._scale = float(np.percentile(reference, 98)) or 1.0
        self._reference = reference / self._scale
        self._head = self._reference > HEAD_SHARE
        z, y, x = (each.ravel()[self._head.ravel()] for each in _positions(reference.shape, spacing))
        inside = np.flatnonzero(self._head)
        self.points = np.stack([x, y, z], axis=1)[:: max(1, len(inside) // POINTS)]
        gradients = [self._gradient(axis)[self._head] for axis in (2, 1, 0)]
        self._design = np.stack([*_motion_columns(gradients, (x, y, z)), *self._brightness((x, y))], axis=1)

    def motion(self, frame: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Return the parameters float64[6] of the motion of frame[z, y, x], from those of a first guess."""
        moved = image(self._smooth(frame) / self._scale, self._spacing)
        found = start
        for _ in range(STEPS):
            difference = (resampled(moved, found, len(frame)) - self._reference)[self._head]
            if not np.isfinite(difference).any():  # moved out of the image, by values that are those of no head
                return start
            step = np.zeros(6)
            step[self._free] = self._robust_step(difference)
            found = composed(found, -step)
            if displacement(step, self.points) < SMALL_STEP:
                break
        return found

    def mean_curve(self, small: np.ndarray) -> np.ndarray:
        """Return the mean signal of the head in small[t, z, y, x], float64[t]."""
        return np.array([frame[self._head].mean(dtype=np.float64) for frame in small])

    def _robust_step(self, difference: np.ndarray) -> np.ndarray:
        """Return the motion that explains difference[n] best, float64[k]. NaN counts as no data; there are some."""
        known = np.isfinite(difference)
        columns = [*self._free, *range(6, self._design.shape[1])]
        design, target = self._design[:, columns], np.where(known, difference, 0.0)
        weight = known.astype(np.float64)
        for _ in range(ROBUST_ROUNDS):
            weighted = design * weight[:, None]
            normal = weighted.T @ design
            normal += 1e-9 * np.trace(normal) / len(normal) * np.eye(len(normal))
            solution = np.linalg.solve(normal, weighted.T @ target)
            residual = target - design @ solution
            spread = 1.4826 * np.median(np.abs(residual[known])) + 1e-6
            weight = known * np.clip(1 - (residual / (ROBUST_LIMIT * spread)) ** 2, 0, None) ** 2
        return solution[: len(self._free)]

    def _smooth(self, volume: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(np.asarray(volume, np.float64), self._sigma)

    def _gradient(self, axis: int) -> np.ndarray:
        """Return the gradient of the reference along an axis (z, y, x) per mm; 0 along axes of a single voxel."""
        if self._reference.shape[axis] < 2:
            return np.zeros_like(self._reference)
        return np.gradient(self._reference, self._spacing[2 - axis], axis=axis)

    def _brightness(self, position: tuple[np.ndarray, np.ndarray]) -> list[np.ndarray]:
        """Return the changes that contrast agent, drift and coils make: of the signal, smooth in plane."""
        signal, (x, y) = self._reference[self._head], (each / LENGTH for each in position)
        return [signal, signal**2, *(signal * field for field in (x, y, x * x, y * y, x * y))]


def _positions(shape: tuple[int, ...], spacing: tuple[float, float, float]) -> list[np.ndarray]:
    """Return the coordinates z, y, x of the voxels in mm from the center, each float64[z, y, x]."""
    axes = [(np.arange(n) - (n - 1) / 2) * step for n, step in zip(shape, spacing[::-1], strict=True)]
    return np.meshgrid(*axes, indexing="ij")


def _motion_columns(
    gradients: list[np.ndarray], position: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> list[np.ndarray]:
    """Return the changes of the signal for a unit of each parameter of ``rigid``, from its gradients along x, y, z."""
    (gx, gy, gz), (x, y, z) = gradients, position
    return [gz * y - gy * z, gx * z - gz * x, gy * x - gx * y, gx, gy, gz]
