"""Slices that the scanner moved with the head from frame to frame (prospective motion correction).

Their positions differ from frame to frame, but they show the same anatomy: all frames lie on the grid of the first.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

import numpy as np

from dsc_superres.io.dicom_slice import Slice

_FARTHEST, _WIDEST = 15.0, 8.0
"""Movement of a head, mm and degrees; slices farther apart belong to different acquisitions."""
_SAME_PLACE = 0.1
"""Positions that differ by less, mm, are one."""
_TAGS = ("TemporalPositionIdentifier", "TemporalPositionIndex", "AcquisitionNumber")


def with_one_grid(slices: list[Slice]) -> tuple[list[Slice], tuple[str, ...]]:
    """Return the images with the positions of the first frame and a sentence, if all frames moved as a whole.

    Otherwise they are returned as they are.
    """
    if len(slices) < 2 or _lie_on_one_grid(slices):
        return slices, ()
    for keys in _possible_frames(slices):
        frames: dict[Hashable, list[Slice]] = {}
        for key, image in zip(keys, slices, strict=True):
            frames.setdefault(key, []).append(image)
        moved = _moved_back([_sorted(frame) for frame in sorted(frames.values(), key=_moment)])
        if moved is not None:
            return moved
    return slices, ()


def _lie_on_one_grid(slices: list[Slice]) -> bool:
    """Return whether the images are parallel and their places repeat exactly or are evenly spaced."""
    axes = np.array([s.axes for s in slices])
    if not np.allclose(axes, axes[0], atol=1e-3):
        return False
    positions = np.array([s.position for s in slices])
    normal = np.cross(*axes[0])
    in_plane = positions - np.outer(positions @ normal, normal)
    heights = np.sort(positions @ normal)
    gaps = np.diff(heights)[np.diff(heights) > 0.02]
    even = not len(gaps) or np.ptp(gaps) <= 0.02 * np.mean(gaps) + 0.02
    return bool(even and np.linalg.norm(in_plane - in_plane[0], axis=1).max() <= _SAME_PLACE)


def _possible_frames(slices: list[Slice]) -> list[list[Hashable]]:
    """Return what may tell the frame of each image: its file, or a tag."""
    found: list[list[Hashable]] = [[s.path for s in slices]]
    found += [[s.time_tags.get(tag) for s in slices] for tag in _TAGS if all(tag in s.time_tags for s in slices)]
    return [keys for keys in found if 1 < len(set(keys)) <= len(slices) // 2]


def _moment(frame: list[Slice]) -> tuple[float, ...]:
    """Return what sorts frames in time, as far as their numbers say."""
    return tuple(min(s.time_tags.get(tag, 0.0) for s in frame) for tag in (*_TAGS, "InstanceNumber"))


def _sorted(frame: list[Slice]) -> list[Slice]:
    normal = np.cross(*frame[0].axes)
    return sorted(frame, key=lambda s: (float(s.position @ normal), s.echo_time or 0.0, s.component))


def _moved_back(frames: list[list[Slice]]) -> tuple[list[Slice], tuple[str, ...]] | None:
    """Return the images on the grid of the first frame; None unless each frame is that, moved as a whole."""
    first = frames[0]
    if not _lie_on_one_grid(first):
        return None
    shifts, angles, moved = [], [], []
    for frame in frames:
        if len(frame) != len(first) or not _lie_on_one_grid(frame):
            return None
        turn = _frame_axes(frame) @ _frame_axes(first).T
        offsets = [
            s.position - frame[0].position - turn @ (f.position - first[0].position)
            for s, f in zip(frame, first, strict=True)
        ]
        if np.abs(offsets).max() > _SAME_PLACE:
            return None
        angles.append(np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))))
        shifts.append(np.linalg.norm(_center(frame) - _center(first)))
        moved += [replace(s, position=f.position, axes=f.axes) for s, f in zip(frame, first, strict=True)]
    if max(shifts) > _FARTHEST or max(angles) > _WIDEST:
        return None
    note = (
        f"The slices follow the head by up to {max(shifts):.1f} mm and {max(angles):.1f} degrees (prospective motion "
        "correction): all frames are read on the grid of the first."
    )
    return moved, (note,)


def _frame_axes(frame: list[Slice]) -> np.ndarray:
    row, column = frame[0].axes
    return np.column_stack([row, column, np.cross(row, column)])


def _center(frame: list[Slice]) -> np.ndarray:
    """Return the center of the images of a frame, mm."""
    (rows, columns), (width, height) = frame[0].shape, frame[0].spacing
    across = np.array([(columns - 1) / 2 * width, (rows - 1) / 2 * height]) @ frame[0].axes
    return np.mean([s.position for s in frame], axis=0) + across
