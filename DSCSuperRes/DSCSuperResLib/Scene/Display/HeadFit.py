"""The zoom of a view that fits the head, with margins for the legend beside it and its title above."""

from __future__ import annotations

import numpy as np
import slicer
import vtk

from ..Volumes import frameArray

LEGEND_SHARE = 0.25
"""Share of the width of a view, at its right, that is kept free for the legend where the window allows it."""
TITLE_SHARE = 0.09
"""Share of the height of a view, at its top, that is kept free for the title of the legend where the window allows."""
MARGIN = 1.05
"""The part of the image that is fitted, in sizes of the head."""
FEWEST = 0.05
"""A row belongs to the head if it has this share of the bright voxels of the fullest row."""


def headCorners(frame: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    """Return the corners of the box around the head in ``frame``, float64[8, 3] (RAS, mm); of all of it without a head.

    The head is what is brighter than the mean of all voxels; single bright voxels far away do not count.
    """
    signal = frameArray(frame)
    bright = signal > signal.mean()
    box = [(0, signal.shape[0] - 1)]
    for axis in (1, 2):
        rows = bright.sum(axis=tuple(other for other in range(3) if other != axis))
        found = np.flatnonzero(rows >= max(FEWEST * rows.max(), 1))
        box.append((found[0], found[-1]) if found.size else (0, signal.shape[axis] - 1))
    (z0, z1), (y0, y1), (x0, x1) = [(low - 0.5, high + 0.5) for low, high in box]
    corners = np.array([(x, y, z, 1.0) for x in (x0, x1) for y in (y0, y1) for z in (z0, z1)])
    matrix = vtk.vtkMatrix4x4()
    frame.GetIJKToRASMatrix(matrix)
    affine = np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(3)])
    return corners @ affine.T


def fitHead(view: slicer.vtkMRMLSliceNode, corners: np.ndarray) -> None:
    """Zoom ``view`` to the box with these ``corners`` (RAS, mm), beside and below the room of a legend."""
    width, height, _depth = view.GetDimensions()
    if min(width, height) < 2:
        return  # the view was not laid out yet
    plane = view.GetSliceToRAS()
    axes = np.array([[plane.GetElement(row, column) for row in range(3)] for column in range(3)])
    center = np.array([plane.GetElement(row, 3) for row in range(3)])
    across, down = (corners - center) @ axes[0], (corners - center) @ axes[1]
    size = MARGIN * np.array([np.ptp(across), np.ptp(down)])
    pixel = max(size[0] / ((1 - LEGEND_SHARE) * width), size[1] / ((1 - TITLE_SHARE) * height))
    field = pixel * np.array([width, height])
    right, up = np.maximum(0.0, np.array([LEGEND_SHARE, TITLE_SHARE]) * field - (field - size) / 2)
    middle = np.array([across.min() + across.max(), down.min() + down.max()]) / 2 + (right, up)
    center = center + middle @ axes[:2]
    view.SetFieldOfView(*map(float, field), view.GetFieldOfView()[2])
    for row in range(3):
        plane.SetElement(row, 3, float(center[row]))
    view.UpdateMatrices()
