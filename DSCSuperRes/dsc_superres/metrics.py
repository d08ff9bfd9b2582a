"""Distance of a reconstruction from the ground truth: NMSE, PSNR and SSIM per frame and over the series.

Arrays are [t, z, y, x], masks bool[z, y, x]. Each measure is computed over the whole image and, with a mask, over the
brain. The peak of PSNR and the dynamic range of SSIM are the maximum of the ground truth over all frames and voxels, so
that all frames and regions share one scale.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import numpy as np

from dsc_superres.errors import SeriesError
from dsc_superres.utils.parallel import do_all, thread_count
from dsc_superres.utils.scratch_memory import release

SSIM_WINDOW = 11
"""Width in pixels of the Gaussian window (sigma 1.5) of SSIM; smaller slices have no SSIM (NaN)."""


@dataclass(frozen=True)
class Scores:
    """Measures of one region, for the series and for each frame (float64[t]).

    ``nmse`` and ``psnr`` (dB) pool all frames; ``ssim`` is the mean over the frames.
    """

    nmse: float
    psnr: float
    ssim: float
    frame_nmse: np.ndarray
    frame_psnr: np.ndarray
    frame_ssim: np.ndarray

    def to_dict(self) -> dict[str, object]:
        """Return plain numbers for JSON; infinite and undefined values become None."""
        return {name: json_value(value) for name, value in vars(self).items()}


def nmse(recon: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Return the normalized mean squared error ||recon - truth||^2 / ||truth||^2, in the mask if given."""
    return _ratio(*map(np.sum, _squared_norms(recon, truth, mask)))


def psnr(recon: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None, peak: float | None = None) -> float:
    """Return the peak signal-to-noise ratio 20 log10(peak / RMSE) in dB; infinite for identical series.

    ``peak`` defaults to the maximum of the whole truth, even if a mask restricts the error.
    """
    peak = _peak(truth) if peak is None else peak
    return _psnr_of(_squared_norms(recon, truth, mask)[0].mean() / _voxel_count(truth, mask), peak)


def ssim_frames(
    recon: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None, peak: float | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the structural similarity (Wang et al. 2004) of each frame, float64[t]: whole image, and mask or None.

    Computed slice by slice with an 11-pixel Gaussian window (sigma 1.5). The value of the whole image excludes the
    border where the window extends beyond the image; the value in the mask is the mean of the similarity map over the
    mask. NaN if the slices are smaller than the window.
    """
    from skimage.metrics import structural_similarity

    frames, slices, rows, columns = truth.shape
    if min(rows, columns) < SSIM_WINDOW:
        missing = np.full(frames, np.nan)
        return missing, None if mask is None else missing
    peak = _peak(truth) if peak is None else peak
    whole, inside = np.zeros((frames, slices)), np.zeros((frames, slices))

    def compare_slice(place: tuple[int, int]) -> None:
        t, z = place
        whole[place], similarity = structural_similarity(
            truth[t, z].astype(np.float64),
            recon[t, z].astype(np.float64),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=peak,
            full=True,
        )
        if mask is not None:
            inside[place] = similarity[mask[z]].sum()
        release(recon), release(truth)

    places = np.ndindex(frames, slices)
    # On the threads of a reconstruction, if there was one: PyTorch's import alone would take longer than they save.
    threads = thread_count() if "torch" in sys.modules else 1
    if threads > 1:
        do_all(lambda place: [compare_slice(place)], places, threads)
    else:
        for place in places:
            compare_slice(place)
    return whole.mean(axis=1), None if mask is None else inside.sum(axis=1) / np.count_nonzero(mask)


def ssim(recon: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None, peak: float | None = None) -> float:
    """Return the mean of ``ssim_frames`` over the frames, in the mask if given."""
    whole, inside = ssim_frames(recon, truth, mask, peak)
    return float(np.mean(whole if mask is None else inside))


def scores(recon: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> tuple[Scores, Scores | None]:
    """Return all measures of ``recon`` against ``truth``, both float[t, z, y, x]: whole image, and mask or None."""
    peak = _peak(truth)
    frame_ssim, frame_ssim_inside = ssim_frames(recon, truth, mask, peak)
    whole = _region_scores(recon, truth, None, peak, frame_ssim)
    return whole, None if mask is None else _region_scores(recon, truth, mask, peak, frame_ssim_inside)


def peak_change_error(
    recon: np.ndarray, truth: np.ndarray, mask: np.ndarray, baseline: slice, echo_time: float = 1.0
) -> tuple[float, float]:
    """Return the mean absolute error of each voxel's largest Delta R2* in ``mask``, in 1/s and relative.

    Both series are float[t, z, y, x] and share the ``baseline`` frames. The relative error refers to the mean peak of
    the truth and does not depend on ``echo_time`` (s).
    """
    from dsc_superres.perfusion import delta_r2star

    peak, true_peak = (delta_r2star(x[:, mask], echo_time, baseline).max(axis=0) for x in (recon, truth))
    error = float(np.abs(peak - true_peak).mean(dtype=np.float64))
    return error, _ratio(error, float(true_peak.mean(dtype=np.float64)))


def map_error(values: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> dict[str, float | None]:
    """Return the error of a map [z, y, x] against its truth in ``mask`` as plain numbers.

    ``mean_absolute`` and ``bias`` are in the unit of the map. ``relative`` is sum |error| / sum |truth|, which voxels
    of low blood volume cannot dominate. ``correlation`` is Pearson's coefficient. None for values that are not defined.
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
    return {name: json_value(value) for name, value in measures.items()}


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


def _squared_norms(recon: np.ndarray, truth: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return ||recon - truth||^2 and ||truth||^2 of each frame, float64[t], with one frame in memory at a time."""
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


def json_value(value: float | np.ndarray) -> float | list[float | None] | None:
    """Return plain numbers for JSON; infinite and undefined values become None."""
    if isinstance(value, np.ndarray):
        return [json_value(item) for item in value.tolist()]
    return float(value) if math.isfinite(value) else None
