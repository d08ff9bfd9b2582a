"""Errors of one reconstruction against the ground truth of its case: images and perfusion maps."""

from __future__ import annotations

import numpy as np

from dsc_superres.benchmark.image_quality.benchmark_cases import MAP_OPTIONS, BenchmarkCase
from dsc_superres.metrics import nmse, psnr, ssim_frames
from dsc_superres.series import Series

LEAST_VOXELS = 50
"""Smallest number of voxels of a region whose median error is stated."""


def measure(case: BenchmarkCase, recon: Series, time: int) -> dict[str, float]:
    """Return all measures of one reconstruction; perfusion errors only if there is a bolus."""
    return image_errors(case, recon, time) | (perfusion_errors(case, recon) if case.maps else {})


def image_errors(case: BenchmarkCase, recon: Series, time: int) -> dict[str, float]:
    """Return PSNR (dB), NMSE (%) and SSIM in the brain, over all frames, against the stored series.

    NMSE and SSIM are also measured over the frames that were not acquired and over those of the bolus, if any. PSNR of
    these frames, and after the first interval (which the initial transient distorts), is against the noise-free series
    if that is known.
    """
    truth, clean, image, mask = case.truth.signal, case.clean.signal, recon.signal, case.mask
    peak = float(clean.max())
    chosen = {"between": np.arange(recon.frames) % time != 0} | ({"bolus": case.bolus} if case.maps else {})
    ssim_whole, ssim_brain = ssim_frames(image, truth, mask)
    found = {
        "psnr": psnr(image, truth, mask),
        "psnr_whole": psnr(image, truth),
        "nmse": 100 * nmse(image, truth, mask),
        "nmse_whole": 100 * nmse(image, truth),
        "ssim": float(ssim_brain.mean()),
        "ssim_whole": float(ssim_whole.mean()),
    }
    for name, frames in chosen.items():
        found[f"nmse_{name}"] = 100 * nmse(image[frames], truth[frames], mask)
        found[f"ssim_{name}"] = float(ssim_brain[frames].mean())
    if case.noise_free:
        found["psnr_clean"] = psnr(image, clean, mask, peak)
    for name, frames in (chosen | {"settled": np.arange(recon.frames) >= time}).items():
        found[f"psnr_{name}"] = psnr(image[frames], clean[frames], mask, peak)
    return found


def perfusion_errors(case: BenchmarkCase, recon: Series) -> dict[str, float]:
    """Return median errors over the brain, and those of CBV and CBF also over each known kind of tissue.

    They are relative to the values of the noise-free series, in %; Tmax in s.
    """
    from dsc_superres.perfusion import compute_maps, delta_r2star

    maps, mask = case.maps, case.mask
    found = compute_maps(recon, aif=maps.aif, mask=mask, options=MAP_OPTIONS)
    peak, true_peak = (
        delta_r2star(series.signal[:, mask], series.echo_time, maps.baseline).max(axis=0)
        for series in (recon, case.clean)
    )
    errors = {"peak": _median(relative_error(peak, true_peak))}
    for name in ("cbv", "cbf", "mtt"):
        error = relative_error(getattr(found, name)[mask], getattr(maps, name)[mask])
        errors[name] = _median(error)
        for region, where in (case.regions or {}).items() if name != "mtt" else ():
            within = error[where[mask]]
            if np.isfinite(within).sum() >= LEAST_VOXELS:
                errors[f"{name}_{region}"] = _median(within)
    late = np.abs(found.tmax - maps.tmax)[mask]
    perfused = np.isfinite(relative_error(found.cbf[mask], maps.cbf[mask]))
    return errors | {"tmax": float(np.median(late[perfused]))}


def relative_error(values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return |value / truth - 1|, float64[n]; NaN if the truth is below a tenth of its median."""
    error = np.full(truth.shape, np.nan)
    counted = truth > 0.1 * np.median(truth[truth > 0])
    error[counted] = np.abs(values[counted] / truth[counted] - 1)
    return error


def _median(error: np.ndarray) -> float:
    return 100 * float(np.nanmedian(error))
