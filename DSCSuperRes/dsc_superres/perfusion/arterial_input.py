"""The arterial input function as a value, read from a file or averaged over chosen voxels."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from scipy.interpolate import PchipInterpolator

from dsc_superres.errors import PerfusionError
from dsc_superres.utils.small_files import read_text

CSV_COLUMNS = ("time_s", "delta_r2star")
"""Columns of a CSV file with an arterial input."""


@dataclass(frozen=True, eq=False)
class ArterialInput:
    """An arterial input function, checked when it is created.

    Parameters
    ----------
    times : array, [t]
        Times in s, strictly increasing.
    delta_r2star : array, [t]
        Delta R2* in 1/s.
    voxels : int array, [k, 3]
        Indices (z, y, x) of the voxels whose mean it is; empty if it comes from elsewhere.
    score : float or None
        Similarity to an artery from 0 to 1; None if it was not assessed.
    source : str
        Origin in words.
    warnings : tuple of str
        Sentences about partial volume, saturation and similar problems.
    scale : float
        Factor that was applied to the measured curve to correct partial volume.

    Raises
    ------
    PerfusionError
        If the curve cannot be an arterial input.
    """

    times: np.ndarray
    delta_r2star: np.ndarray
    voxels: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), int))
    score: float | None = None
    source: str = "given"
    warnings: tuple[str, ...] = ()
    scale: float = 1.0

    def __post_init__(self) -> None:
        times, curve = np.asarray(self.times, np.float64), np.asarray(self.delta_r2star, np.float64)
        if times.ndim != 1 or times.shape != curve.shape or len(times) < 4:
            raise PerfusionError("An arterial input needs the same number of times and values, at least four of each.")
        if not np.isfinite(times).all() or not np.isfinite(curve).all():
            raise PerfusionError("The arterial input contains values that are not finite numbers.")
        if np.any(np.diff(times) <= 0):
            raise PerfusionError("The times of the arterial input do not increase.")
        if curve.max() <= 0:
            raise PerfusionError("The arterial input never rises above zero, so it holds no bolus.")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "delta_r2star", curve)
        object.__setattr__(self, "voxels", np.asarray(self.voxels, int).reshape(-1, 3))

    def at(self, times: np.ndarray) -> np.ndarray:
        """Return the curve at other times (s), float64[m].

        Linear in between, 0 before the first time, constant after the last.
        """
        return np.interp(times, self.times, self.delta_r2star, left=0.0)

    def smoothly_at(self, times: np.ndarray) -> np.ndarray:
        """Return the curve at other times (s) by a monotone spline (PCHIP), else as ``at``, float64[m]."""
        times = np.asarray(times, np.float64)
        inside = np.clip(times, self.times[0], self.times[-1])
        return np.where(times < self.times[0], 0.0, PchipInterpolator(self.times, self.delta_r2star)(inside))


_LONGEST_LINE = 10_000
"""Letters in a line of a table."""


def read_aif_csv(path: str | Path) -> ArterialInput:
    """Read an arterial input from a CSV file with the columns ``time_s,delta_r2star`` (s, 1/s).

    Raises ``PerfusionError`` that names the invalid line.
    """
    path = Path(path)
    if not path.exists():
        raise PerfusionError(f"The arterial input {path.name} does not exist.")
    lines = read_text(path, f"The arterial input {path.name}", PerfusionError).splitlines()
    for number, line in enumerate(lines, start=1):
        if len(line) > _LONGEST_LINE:
            raise PerfusionError(f"Line {number} of the arterial input {path.name} is too long for two numbers.")
    header = [name.strip().lower() for name in next(csv.reader(lines[:1]), [])]
    if any(column not in header for column in CSV_COLUMNS):
        raise PerfusionError(
            f"The arterial input {path.name} needs a first line naming the columns {','.join(CSV_COLUMNS)}."
        )
    rows = []
    for number, row in enumerate(csv.reader(lines[1:]), start=2):
        if not any(cell.strip() for cell in row):
            continue
        try:
            rows.append([float(row[header.index(column)]) for column in CSV_COLUMNS])
        except (ValueError, IndexError):
            raise PerfusionError(
                f"Line {number} of the arterial input {path.name} does not hold two numbers."
            ) from None
    if len(rows) < 4:
        raise PerfusionError(f"The arterial input {path.name} has {len(rows)} time points; at least four are needed.")
    times, curve = np.array(rows).T
    return ArterialInput(times, curve, source="file")


def aif_from_voxels(delta_r2star: np.ndarray, times: np.ndarray, voxels: np.ndarray) -> ArterialInput:
    """Return the mean curve of delta_r2star[t, z, y, x] over ``voxels``: bool[z, y, x] or indices int[k, 3] (z, y, x).

    Raises ``PerfusionError`` for an empty region or voxels outside the series.
    """
    voxels = np.asarray(voxels)
    if voxels.dtype == bool:
        if voxels.shape != delta_r2star.shape[1:]:
            raise PerfusionError(
                f"The arterial region has the size {voxels.shape}, the series {delta_r2star.shape[1:]} (z, y, x)."
            )
        voxels = np.argwhere(voxels)
    voxels = np.asarray(voxels, int).reshape(-1, 3)
    if not len(voxels):
        raise PerfusionError("The arterial region is empty: mark at least one voxel.")
    if np.any(voxels < 0) or np.any(voxels >= delta_r2star.shape[1:]):
        raise PerfusionError("An arterial voxel lies outside the series.")
    curve = delta_r2star[:, voxels[:, 0], voxels[:, 1], voxels[:, 2]].mean(axis=1, dtype=np.float64)
    return ArterialInput(times, curve, voxels, source=f"{len(voxels)} chosen voxels")


def scaled_to_vein(aif: ArterialInput, venous: np.ndarray, times: np.ndarray) -> ArterialInput:
    """Return the arterial input scaled to the area of a large vein, as a correction of partial volume.

    Blood that enters through arteries leaves through veins, and large veins fill whole voxels. ``venous`` [t] is the
    vein's Delta R2* (1/s) at ``times`` [t] (s). An arterial input with a larger area is not changed. Raises
    ``PerfusionError`` if the vein shows no bolus.
    """
    area = np.trapezoid(venous, times)
    if not area > 0:
        raise PerfusionError("The venous region holds no bolus: mark voxels within a large vein.")
    scale = max(float(area / np.trapezoid(aif.at(times), times)), 1.0)
    return replace(
        aif, delta_r2star=scale * aif.delta_r2star, scale=scale, source=f"{aif.source}, scaled by {scale:.2f} to a vein"
    )
