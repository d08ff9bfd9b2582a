"""Rigid transforms of a voxel grid, about its center and along its own axes, in mm and radians."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

PARAMETERS = 6
"""Rotations about x, y, z in radians, then translations along x, y, z in mm."""

LEAST_SLICES = 4
"""The support of a cubic B-spline: ITK reads beyond smaller images."""


def transform(parameters: np.ndarray) -> sitk.Euler3DTransform:
    """Return the transform of float64[6] (see ``PARAMETERS``), from the reference to the moved head."""
    result = sitk.Euler3DTransform()
    result.SetParameters([float(value) for value in parameters])
    return result


def composed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the parameters of ``second`` followed by ``first``, float64[6].

    >>> composed(np.array([0, 0, 0.1, 1, 2, 3]), np.zeros(6)).tolist()
    [0.0, 0.0, 0.1, 1.0, 2.0, 3.0]
    """
    a, b = transform(first), transform(second)
    rotation, other = (np.array(each.GetMatrix()).reshape(3, 3) for each in (a, b))
    translation = rotation @ np.array(b.GetTranslation()) + np.array(a.GetTranslation())
    result = sitk.Euler3DTransform()
    result.SetMatrix((rotation @ other).ravel().tolist(), 1e-6)
    result.SetTranslation(translation.tolist())
    return np.round(np.array(result.GetParameters()), 12) + 0.0


def inverse(parameters: np.ndarray) -> np.ndarray:
    """Return the parameters of the inverse transform, float64[6]."""
    matrix = np.array(transform(parameters).GetMatrix()).reshape(3, 3).T
    result = sitk.Euler3DTransform()
    result.SetMatrix(matrix.ravel().tolist(), 1e-6)
    result.SetTranslation((-matrix @ np.asarray(parameters)[3:]).tolist())
    return np.array(result.GetParameters())


def displacement(parameters: np.ndarray, points: np.ndarray) -> float:
    """Return the mean distance in mm by which a transform moves points[n, 3] (x, y, z, mm from the center)."""
    matrix = np.array(transform(parameters).GetMatrix()).reshape(3, 3)
    moved = points @ matrix.T + np.asarray(parameters)[3:]
    return float(np.linalg.norm(moved - points, axis=1).mean())


def image(volume: np.ndarray, spacing: tuple[float, float, float]) -> sitk.Image:
    """Return volume[z, y, x] with voxel spacing (x, y, z) in mm as an image whose center is the origin.

    The first and the last of fewer than ``LEAST_SLICES`` slices are repeated.
    """
    if len(volume) < LEAST_SLICES:
        volume = np.pad(volume, ((LEAST_SLICES, LEAST_SLICES), (0, 0), (0, 0)), mode="edge")
    result = sitk.GetImageFromArray(np.ascontiguousarray(volume, np.float32))
    result.SetSpacing([float(value) for value in spacing])
    result.SetOrigin([float(-(n - 1) / 2 * step) for n, step in zip(volume.shape[::-1], spacing, strict=True)])
    return result


def resampled(source: sitk.Image, parameters: np.ndarray, slices: int) -> np.ndarray:
    """Return ``source``, an ``image`` of so many ``slices``, moved back by a transform, float32[z, y, x].

    NaN where it has no data. Computed on one thread, for the same bits everywhere.
    """
    resampler = sitk.ResampleImageFilter()
    resampler.SetReferenceImage(source)
    resampler.SetTransform(transform(parameters))
    resampler.SetInterpolator(sitk.sitkBSpline)
    resampler.SetDefaultPixelValue(float("nan"))
    resampler.SetNumberOfThreads(1)
    volume = sitk.GetArrayFromImage(resampler.Execute(source))
    return volume[LEAST_SLICES:-LEAST_SLICES] if slices < LEAST_SLICES else volume
