"""A reconstruction beside its ground truth: the frames and voxels that both contain, and the measures on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsc_superres.errors import SeriesError
from dsc_superres.geometry import Geometry, common_boxes
from dsc_superres.metrics import Scores, json_value, scores
from dsc_superres.series import Series
from dsc_superres.utils.scratch_memory import release, scratch


@dataclass(frozen=True)
class Aligned:
    """The frames and voxels that a reconstruction and a ground truth share.

    recon, truth   float32[t, z, y, x] on the same grid at the same times
    times          float64[t], s
    recon_frames, truth_frames   int[t]: index of each frame in its own series
    geometry       of the common voxels
    truth_box      slices (z, y, x) of the common voxels in the truth
    """

    recon: np.ndarray
    truth: np.ndarray
    times: np.ndarray
    recon_frames: np.ndarray
    truth_frames: np.ndarray
    geometry: Geometry
    truth_box: tuple[slice, slice, slice]


@dataclass(frozen=True)
class Comparison:
    """Result of ``compare``.

    aligned   the common frames and voxels
    whole     scores over the whole image
    brain     scores in the mask; None without a mask
    notes     sentences about frames and voxels without a counterpart
    """

    aligned: Aligned
    whole: Scores
    brain: Scores | None
    notes: tuple[str, ...]

    @property
    def difference(self) -> np.ndarray:
        """Reconstruction minus ground truth, float32[t, z, y, x]."""
        difference = scratch(self.aligned.truth.shape)
        for frame, recon, truth in zip(difference, self.aligned.recon, self.aligned.truth, strict=True):
            np.subtract(recon, truth, out=frame)
            release(difference), release(recon), release(truth)
        return difference

    def to_dict(self) -> dict[str, object]:
        """Return everything except the images as plain values for JSON."""
        return {
            "frames": self.aligned.times.size,
            "times_s": json_value(self.aligned.times),
            "reconstruction_frames": self.aligned.recon_frames.tolist(),
            "truth_frames": self.aligned.truth_frames.tolist(),
            "notes": list(self.notes),
            "whole": self.whole.to_dict(),
            "brain": self.brain.to_dict() if self.brain else None,
        }


def align(recon: Series, truth: Series, tolerance: float | None = None) -> Aligned:
    """Return the frames and voxels that two series share, matched by patient space and time.

    Grids may be cropped differently by whole voxels but not shifted or scaled. Frames match if their times differ by at
    most ``tolerance`` s, by default 5 % of the truth's interval.

    Raises ``SeriesError`` if the series have no frame or voxel in common.
    """
    recon_box, truth_box = common_boxes(
        recon.geometry, recon.size, truth.geometry, truth.size, (recon.name, truth.name)
    )
    recon_frames, truth_frames = _common_frames(recon, truth, tolerance)
    start = tuple(part.start for part in reversed(truth_box))
    return Aligned(
        recon=recon.signal[(_slice_or_indices(recon_frames), *recon_box)],
        truth=truth.signal[(_slice_or_indices(truth_frames), *truth_box)],
        times=truth.times[truth_frames],
        recon_frames=recon_frames,
        truth_frames=truth_frames,
        geometry=truth.geometry.cropped(start),
        truth_box=truth_box,
    )


def compare(
    recon: Series, truth: Series, mask: np.ndarray | None = None, *, tolerance: float | None = None
) -> Comparison:
    """Measure a reconstruction against the ground truth on the frames and voxels that both contain.

    Parameters
    ----------
    recon, truth : Series
        See ``align`` for the grids and times that are accepted.
    mask : bool array, [z, y, x], optional
        Brain mask on the grid of ``truth``.
    tolerance : float, optional
        Largest difference in s between the times of matching frames; 5 % of the truth's interval by default.

    Returns
    -------
    Comparison

    Raises
    ------
    SeriesError
        If the series have nothing in common or the mask does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> truth = Series(np.full((4, 1, 12, 12), 10.0), times=[0, 1, 2, 3])
    >>> result = compare(truth.with_signal(truth.signal + 1), truth)
    >>> print(f"{result.whole.psnr:.1f} dB, NMSE {result.whole.nmse:.2f}")
    20.0 dB, NMSE 0.01
    """
    aligned = align(recon, truth, tolerance)
    if mask is not None:
        if mask.shape != truth.signal.shape[1:]:
            raise SeriesError(
                f"The mask has {mask.shape} voxels (slice, row, column) but {truth.name} has {truth.signal.shape[1:]}: "
                "draw it on the ground truth's grid."
            )
        mask = np.asarray(mask)[aligned.truth_box] > 0
        if not mask.any():
            raise SeriesError(f"The mask is empty where {recon.name} and {truth.name} overlap: choose another mask.")
    whole, brain = scores(aligned.recon, aligned.truth, mask)
    return Comparison(aligned, whole, brain, _notes(aligned, recon, truth))


def _common_frames(recon: Series, truth: Series, tolerance: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the matching frames in both series, one to one."""
    tolerance = 0.05 * truth.interval if tolerance is None else tolerance
    nearest = np.abs(truth.times[:, None] - recon.times).argmin(axis=0)
    recon_frames = np.flatnonzero(np.abs(truth.times[nearest] - recon.times) <= tolerance)
    truth_frames, first = np.unique(nearest[recon_frames], return_index=True)
    if truth_frames.size == 0:
        raise SeriesError(
            f"No frame of {recon.name} ({_times_text(recon)}) has the time of a frame of {truth.name} "
            f"({_times_text(truth)}): reconstruct at the ground truth's frame times."
        )
    return recon_frames[first], truth_frames


def _slice_or_indices(frames: np.ndarray) -> slice | np.ndarray:
    """Return contiguous frame indices as a slice, which selects a view instead of a copy."""
    contiguous = frames[-1] - frames[0] + 1 == frames.size
    return slice(frames[0], frames[-1] + 1) if contiguous else frames


def _notes(aligned: Aligned, recon: Series, truth: Series) -> tuple[str, ...]:
    notes = []
    for frames, series in ((aligned.recon_frames, recon), (aligned.truth_frames, truth)):
        if frames.size < series.frames:
            notes.append(f"{frames.size} of {series.frames} frames of {series.name} have a partner in time")
    voxels = aligned.truth.shape[1:]
    for series in (recon, truth):
        if voxels != series.signal.shape[1:]:
            notes.append(
                f"{_size_text(voxels[::-1])} of {_size_text(series.size)} voxels of {series.name} have a partner"
            )
    return tuple(notes)


def _size_text(size: tuple[int, ...]) -> str:
    return " x ".join(map(str, size))


def _times_text(series: Series) -> str:
    return f"{series.times[0]:.4g} to {series.times[-1]:.4g} s, every {series.interval:.4g} s"
