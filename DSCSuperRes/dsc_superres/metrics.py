"""How far a reconstruction is from the ground truth: NMSE, PSNR and SSIM, per frame and over the series.

Arrays are ``[t, z, y, x]``; a mask is ``bool[z, y, x]``. Every measure comes over the whole image and, with a
mask, over the brain alone. The peak of PSNR and the dynamic range of SSIM are the maximum of the ground truth
over all its frames and voxels, so that frames and regions share one scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dsc_superres.errors import SeriesError
from dsc_superres.geometry import Geometry, common_boxes
from dsc_superres.series import Series
from dsc_superres.utils.scratch_memory import release, scratch

SSIM_WINDOW = 11
"""Pixels across the Gaussian window (sigma 1.5) of SSIM; smaller slices have no SSIM (NaN)."""


@dataclass(frozen=True)
class Scores:
    """One region's measures: a number for the series and ``float64[t]`` for its frames.

    ``nmse`` and ``psnr`` (dB) pool all frames; ``ssim`` is the mean over the frames.
    """

    nmse: float
    psnr: float
    ssim: float
    frame_nmse: np.ndarray
    frame_psnr: np.ndarray
    frame_ssim: np.ndarray

    def to_dict(self) -> dict[str, object]:
        """Plain numbers for JSON; what is not finite (PSNR of identical frames) becomes None."""
        return {name: _json_value(value) for name, value in vars(self).items()}


@dataclass(frozen=True)
class Aligned:
    """The frames and voxels that two series have in common.

    recon, truth   float32[t, z, y, x] on the same grid at the same times
    times          float64[t], s
    recon_frames, truth_frames   int[t]: where each frame sits in its own series
    geometry       of the common voxels
    truth_box      slices (z, y, x) that cut the common voxels out of the truth
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
    """What ``compare`` found. ``brain`` is None without a mask; ``notes`` say in words what was left out."""

    aligned: Aligned
    whole: Scores
    brain: Scores | None
    notes: tuple[str, ...]

    @property
    def difference(self) -> np.ndarray:
        """float32[t, z, y, x]: reconstruction minus ground truth."""
        difference = scratch(self.aligned.truth.shape)
        for frame, recon, truth in zip(difference, self.aligned.recon, self.aligned.truth, strict=True):
            np.subtract(recon, truth, out=frame)
            release(difference), release(recon), release(truth)
        return difference

    def to_dict(self) -> dict[str, object]:
        """Everything but the images, as plain values for JSON."""
        return {
            "frames": self.aligned.times.size,
            "times_s": _json_value(self.aligned.times),
            "reconstruction_frames": self.aligned.recon_frames.tolist(),
            "truth_frames": self.aligned.truth_frames.tolist(),
            "notes": list(self.notes),
            "whole": self.whole.to_dict(),
            "brain": self.brain.to_dict() if self.brain else None,
        }


def nmse(recon: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Normalised mean squared error ||recon - truth||^2 / ||truth||^2 over all frames, in the mask if given."""
    return _ratio(*map(np.sum, _squared_norms(recon, truth, mask)))


def psnr(recon: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None, peak: float | None = None) -> float:
    """Peak signal-to-noise ratio 20 log10(peak / RMSE) in dB; infinite where both agree exactly.

    ``peak`` is the maximum of the whole truth unless given, also when a mask restricts the error.
    """
    peak = _peak(truth) if peak is None else peak
    return _psnr_of(_squared_norms(recon, truth, mask)[0].mean() / _voxel_count(truth, mask), peak)


def ssim_frames(
    recon: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None, peak: float | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Structural similarity (Wang et al. 2004) of each frame: float64[t] whole, and in the mask if given.

    Slice by slice with the 11-pixel Gaussian window of sigma 1.5. The whole image leaves out the border where
    the window overhangs; the masked value is the mean of the similarity map over the mask.
    NaN where the slices are smaller than the window.
    """
    from skimage.metrics import structural_similarity

    frames, slices, rows, columns = truth.shape
    if min(rows, columns) < SSIM_WINDOW:
        missing = np.full(frames, np.nan)
        return missing, None if mask is None else missing
    peak = _peak(truth) if peak is None else peak
    whole, inside = np.zeros((frames, slices)), np.zeros((frames, slices))
    for t, z in np.ndindex(frames, slices):
        whole[t, z], similarity = structural_similarity(
            truth[t, z].astype(np.float64),
            recon[t, z].astype(np.float64),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=peak,
            full=True,
        )
        if mask is not None:
            inside[t, z] = similarity[mask[z]].sum()
        release(recon), release(truth)
    return whole.mean(axis=1), None if mask is None else inside.sum(axis=1) / np.count_nonzero(mask)


def ssim(recon: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None, peak: float | None = None) -> float:
    """Mean of ``ssim_frames`` over the frames: in the mask if given, else over the whole image."""
    whole, inside = ssim_frames(recon, truth, mask, peak)
    return float(np.mean(whole if mask is None else inside))


def scores(recon: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> tuple[Scores, Scores | None]:
    """All measures of ``recon`` against ``truth``, both float[t, z, y, x]: over the whole image, and in the mask."""
    peak = _peak(truth)
    frame_ssim, frame_ssim_inside = ssim_frames(recon, truth, mask, peak)
    whole = _region_scores(recon, truth, None, peak, frame_ssim)
    return whole, None if mask is None else _region_scores(recon, truth, mask, peak, frame_ssim_inside)


def align(recon: Series, truth: Series, tolerance: float | None = None) -> Aligned:
    """The frames and voxels that ``recon`` shares with ``truth``, found by patient space and time.

    Grids may be cropped differently (whole voxels apart) but not shifted or scaled. Frames pair up when their
    times differ by at most ``tolerance`` s, by default a twentieth of the truth's interval.
    Raises ``SeriesError`` when nothing is in common.
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
    """Measure ``recon`` against ``truth`` where both have frames and voxels; see ``align``.

    ``mask`` is bool[z, y, x] on the grid of ``truth``. Raises ``SeriesError`` when the series have nothing in
    common or the mask does not fit.
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


def peak_change_error(
    recon: np.ndarray, truth: np.ndarray, mask: np.ndarray, baseline: slice, echo_time: float = 1.0
) -> tuple[float, float]:
    """Error of the largest Delta R2* that each voxel of ``mask`` reaches, of float[t, z, y, x] series.

    Both series share the ``baseline`` frames. Returns the mean absolute error in 1/s, and the same as a share of the
    truth's mean peak, which does not depend on ``echo_time`` (s).
    """
    from dsc_superres.perfusion import delta_r2star

    peak, true_peak = (delta_r2star(x[:, mask], echo_time, baseline).max(axis=0) for x in (recon, truth))
    error = float(np.abs(peak - true_peak).mean(dtype=np.float64))
    return error, _ratio(error, float(true_peak.mean(dtype=np.float64)))


def map_error(values: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> dict[str, float | None]:
    """How far a map[z, y, x] is from its truth in ``mask``, as plain numbers.

    ``mean_absolute`` and ``bias`` in the map's unit; ``relative`` is sum |error| / sum |truth|, which voxels of little
    blood cannot inflate; ``correlation`` is Pearson's.
    """
    values, truth = values[mask].astype(np.float64), truth[mask].astype(np.float64)
    error = values - truth
    both_vary = values.std() > 0 and truth.std() > 0
    measures = {
        "mean_absolute": np.abs(error).mean(),
        "relative": _ratio(np.abs(error).sum(), np.abs(truth).sum()),
        "bias": error.mean(),
        "correlation": np.corrcoef(values, truth)[0, 1] if both_vary else math.nan,
    }
    return {name: _json_value(value) for name, value in measures.items()}


def _region_scores(
    recon: np.ndarray, truth: np.ndarray, mask: np.ndarray | None, peak: float, frame_ssim: np.ndarray
) -> Scores:
    error, energy = _squared_norms(recon, truth, mask)
    voxels = _voxel_count(truth, mask)
    return Scores(
        nmse=_ratio(error.sum(), energy.sum()),
        psnr=_psnr_of(error.mean() / voxels, peak),
        ssim=float(np.mean(frame_ssim)),
        frame_nmse=np.array([_ratio(*pair) for pair in zip(error, energy, strict=True)]),
        frame_psnr=np.array([_psnr_of(squared_error / voxels, peak) for squared_error in error]),
        frame_ssim=frame_ssim,
    )


def _common_frames(recon: Series, truth: Series, tolerance: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the frames that both series hold, one to one."""
    tolerance = 0.05 * truth.interval if tolerance is None else tolerance
    nearest = np.abs(truth.times[:, None] - recon.times).argmin(axis=0)
    recon_frames = np.flatnonzero(np.abs(truth.times[nearest] - recon.times) <= tolerance)
    truth_frames, first = np.unique(nearest[recon_frames], return_index=True)
    if truth_frames.size == 0:
        raise SeriesError(
            f"No frame of {recon.name} ({_times_text(recon)}) has the time of a frame of {truth.name} ({_times_text(truth)}): "
            "reconstruct at the ground truth's frame times."
        )
    return recon_frames[first], truth_frames


def _slice_or_indices(frames: np.ndarray) -> slice | np.ndarray:
    """The same frames as a slice where nothing is left out between them: a view instead of a copy."""
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


def _squared_norms(recon: np.ndarray, truth: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """float64[t], float64[t]: ||recon - truth||^2 and ||truth||^2 of each frame, one frame in memory at a time."""
    norms = np.empty((2, len(truth)))
    for frame, (recon_frame, true_frame) in enumerate(zip(recon, truth, strict=True)):
        recon_frame, true_frame = (recon_frame, true_frame) if mask is None else (recon_frame[mask], true_frame[mask])
        norms[:, frame] = _squared_norm(recon_frame - true_frame), _squared_norm(true_frame)
        release(recon), release(truth)
    return norms[0], norms[1]


def _voxel_count(truth: np.ndarray, mask: np.ndarray | None) -> int:
    return math.prod(truth.shape[1:]) if mask is None else np.count_nonzero(mask)


def _squared_norm(values: np.ndarray) -> float:
    return float(np.square(values, dtype=np.float64).sum())


def _psnr_of(mean_square: float, peak: float) -> float:
    return 10 * math.log10(peak**2 / mean_square) if mean_square > 0 else math.inf


def _ratio(error: float, energy: float) -> float:
    if energy > 0:
        return error / energy
    return 0.0 if error == 0 else math.inf


def _peak(truth: np.ndarray) -> float:
    peak = float(np.max(truth))
    if not peak > 0:
        raise SeriesError("The ground truth has no positive value, so PSNR and SSIM have no scale: check the series.")
    return peak


def _json_value(value: float | np.ndarray) -> float | list[float | None] | None:
    if isinstance(value, np.ndarray):
        return [_json_value(item) for item in value.tolist()]
    return float(value) if math.isfinite(value) else None
