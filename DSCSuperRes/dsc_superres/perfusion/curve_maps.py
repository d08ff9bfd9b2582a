"""Map values from concentration curves, by areas and SVD or by the Bayesian dictionary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.interpolate import PchipInterpolator

from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion import deconvolution
from dsc_superres.perfusion.area import area_ratio, integration_end
from dsc_superres.perfusion.arterial_input import ArterialInput
from dsc_superres.perfusion.bolus import Bolus, curve_noise
from dsc_superres.perfusion.continuous_aif import ContinuousInput, continuous_input
from dsc_superres.perfusion.frame_weights import FrameWeights, frame_weights
from dsc_superres.perfusion.options import MapOptions
from dsc_superres.perfusion.oscillation import delay_independent_osvd
from dsc_superres.perfusion.slice_offsets import at_common_times, groups
from dsc_superres.perfusion.spatial_prior import GRID_OF_MEASURED_AIF, model_error_in_images, with_spatial_prior

PUBLISHED_THRESHOLDS = {
    "ssvd": deconvolution.STANDARD_THRESHOLD,
    "csvd": deconvolution.CIRCULANT_THRESHOLD,
    "osvd": deconvolution.OSCILLATION_STEP,
}
"""Published thresholds by method; for oSVD, the step between the thresholds that are tried."""
NOISE_CURVES = 4000
"""Number of curves from which the typical noise is estimated."""
INPUT_CURVES = 7500
"""Number of curves among which those that help the arterial input are chosen."""


def curve_maps(
    curves: np.ndarray,
    times: np.ndarray,
    aif: ArterialInput,
    bolus: Bolus,
    options: MapOptions,
    echo_time: float = 0.03,
    *,
    mask: np.ndarray | None = None,
    frames: FrameWeights | None = None,
    artery: ContinuousInput | None = None,
    offsets: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Return map values, float32[n] by name, for concentration curves[t, n] (1/s) at times[t] (s).

    The names are cbv, cbf, mtt, ttp and tmax; with "bayes" also the standard deviations cbv_sd, cbf_sd, mtt_sd,
    tmax_sd. ``mask``, bool[z, y, x], tells where the curves lie: with it the Bayesian method has its spatial prior.
    ``frames`` is how the frames count there, all alike by default; ``artery`` is ``aif`` in continuous time, in the
    unit of attenuation, found by ``artery_between_samples`` unless it is given.
    ``offsets``, float64[n] in s, are the times of the curves after ``times``, which differ from slice to slice; none by
    default.
    """
    frames = frames or frame_weights(times)
    in_image = mask is not None and options.spatial_prior
    curves = np.asarray(curves, np.float32)
    offsets = np.zeros(curves.shape[1]) if offsets is None else offsets
    options = resolve_options(options, curves, times + np.mean(offsets), aif, bolus)
    if options.method == "bayes":
        common = times + np.mean(offsets)
        artery = artery or artery_between_samples(at_common_times(curves, times, offsets), common, aif, echo_time)
        solve = _bayes(aif, options, echo_time, frames, in_image, artery)
    else:
        solve = _svd(aif, bolus, options)
    values: dict[str, np.ndarray] = {}
    for offset, columns in groups(offsets):
        own_times = times + offset
        found = solve(curves[:, columns], own_times)
        found["ttp"] = time_to_peak(curves[:, columns], own_times, bolus)
        for name, value in found.items():
            values.setdefault(name, np.zeros(curves.shape[1], np.float32))[columns] = value
    values["mtt"] = mean_transit_time(values["cbv"], values["cbf"])
    if "mtt_sd" in values:
        values["mtt_sd"] = values["mtt_sd"] * values["mtt"]
        if in_image:
            values = with_spatial_prior(values, mask, len(aif.voxels) > 0)
            values["mtt"] = mean_transit_time(values["cbv"], values["cbf"])  # of the CBF that is rounded to float32
    return values


def artery_between_samples(
    curves: np.ndarray, times: np.ndarray, aif: ArterialInput, echo_time: float
) -> ContinuousInput:
    """Return ``aif`` in continuous time as attenuation, with the help of curves[t, n] (1/s) at times[t] (s)."""
    some = curves[:, :: max(1, curves.shape[1] // INPUT_CURVES)]
    return continuous_input(aif.times, echo_time * aif.delta_r2star, times, echo_time * some)


def resolve_options(
    options: MapOptions, curves: np.ndarray, times: np.ndarray, aif: ArterialInput, bolus: Bolus
) -> MapOptions:
    """Return the options with a number for the threshold and for the end of the integration (s after the arrival).

    Options that leave the choice to the series are computed from it. The Bayesian method needs neither.
    """
    if options.method == "bayes":
        return options
    arterial, end, threshold = aif.at(times), options.integration_end, options.threshold
    if end is None:
        end = integration_end(curves, arterial, times, bolus) - bolus.arrival
    if threshold is None:
        threshold = PUBLISHED_THRESHOLDS[options.method]
    elif threshold == "adaptive":
        uniform, artery, dt = resample_uniformly(curves[:, :: max(1, curves.shape[1] // NOISE_CURVES)], arterial, times)
        threshold = _adaptive_threshold(uniform, artery, dt, circulant=options.method == "csvd")
    return replace(options, threshold=threshold, integration_end=float(end))


def mean_transit_time(cbv: np.ndarray, cbf: np.ndarray) -> np.ndarray:
    """Return 60 CBV/CBF in s where both are positive, else 0; float32[n]. Central volume theorem, CAPLEX M.ID1.001."""
    cbv, cbf = np.asarray(cbv, np.float32), np.asarray(cbf, np.float32)
    positive = (cbv > 0) & (cbf > 0)
    return np.where(positive, 60 * cbv / np.where(positive, cbf, 1), 0).astype(np.float32)


def time_to_peak(curves: np.ndarray, times: np.ndarray, bolus: Bolus) -> np.ndarray:
    """Return the time of the maximum of curves[t, n] minus the arrival of the bolus in s, float32[n]. CAPLEX Q.CD1.010.

    The maximum is that of the parabola through the highest frame and its neighbors.
    """
    peak_times = np.empty(curves.shape[1], np.float32)
    for i in range(0, curves.shape[1], deconvolution.VOXELS_PER_BLOCK):
        peak_times[i : i + deconvolution.VOXELS_PER_BLOCK] = _peak_time(
            curves[:, i : i + deconvolution.VOXELS_PER_BLOCK], times
        )
    return np.maximum(peak_times - np.float32(bolus.arrival), 0)


def _peak_time(curves: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return the time in s of the maximum of curves[t, n], between the frames."""
    peak_frame = np.clip(curves.argmax(axis=0), 1, len(times) - 2)
    columns = np.arange(curves.shape[1])
    before, peak, after = (curves[peak_frame + k, columns].astype(np.float64) for k in (-1, 0, 1))
    left, right = times[peak_frame] - times[peak_frame - 1], times[peak_frame + 1] - times[peak_frame]
    rise, fall = (peak - before) / left, (peak - after) / right
    curvature = rise / left + fall / right
    shift = np.where(
        curvature > 0, 0.5 * (rise * right / left - fall * left / right) / np.where(curvature > 0, curvature, 1), 0
    )
    return times[peak_frame] + np.clip(shift, -left, right)


def resample_uniformly(
    curves: np.ndarray, arterial: np.ndarray, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return curves[m, n] and arterial[m] on uniform times, and their step (s); unchanged if the times are uniform.

    Irregular frames are interpolated by monotone splines (PCHIP), which do not overshoot.
    """
    grid = deconvolution.uniform_grid(times)
    if len(grid) != len(times) or not np.allclose(grid, times, atol=0.02 * (grid[1] - grid[0])):
        curves = PchipInterpolator(times, curves, axis=0)(grid).astype(np.float32)
        arterial = PchipInterpolator(times, arterial)(grid)
    return curves, arterial, float(grid[1] - grid[0])


Solve = Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]
"""From curves[t, n] (1/s) and their times[t] (s) to map values, float32[n] by name."""


def _svd(aif: ArterialInput, bolus: Bolus, options: MapOptions) -> Solve:
    """Return what computes cbv, cbf and tmax by ratio of areas and SVD."""
    end = bolus.arrival + options.integration_end

    def solve(curves: np.ndarray, times: np.ndarray) -> dict[str, np.ndarray]:
        arterial = aif.at(times)
        cbv = 100 * options.kh_over_rho * area_ratio(curves, arterial, times, bolus, end)
        uniform, artery, dt = resample_uniformly(curves, arterial, times)
        if options.method == "osvd":
            deconvolve = deconvolution.osvd if options.as_published else delay_independent_osvd
            residue = deconvolve(uniform, artery, dt, options.oscillation, options.threshold)
        else:
            deconvolve = {"ssvd": deconvolution.ssvd, "csvd": deconvolution.csvd}[options.method]
            residue = deconvolve(uniform, artery, dt, options.threshold)
        cbf = 6000 * options.kh_over_rho * residue.peak
        return {"cbv": cbv.astype(np.float32), "cbf": cbf.astype(np.float32), "tmax": residue.time}

    return solve


def _adaptive_threshold(curves: np.ndarray, arterial: np.ndarray, dt: float, circulant: bool) -> float:
    """Return the threshold that suits the noise of typical curves[t, n]."""
    noise = float(np.median(curve_noise(curves)) / max(np.median(curves.max(axis=0)), 1e-6))
    return deconvolution.adaptive_threshold(arterial, dt, noise, circulant=circulant)


def _bayes(
    aif: ArterialInput,
    options: MapOptions,
    echo_time: float,
    frames: FrameWeights,
    in_image: bool,
    artery: ContinuousInput,
) -> Solve:
    """Return what computes cbv, cbf, tmax and the standard deviations by the Bayesian dictionary."""
    try:
        import torch  # noqa: F401
    except ImportError:
        raise PerfusionError("The Bayesian method needs PyTorch, which is not installed: choose csvd.") from None
    from dsc_superres.perfusion.arterial_uncertainty import with_input_uncertainty
    from dsc_superres.perfusion.bayes import MODEL_ERROR, posterior
    from dsc_superres.perfusion.dictionary import dictionary

    # With -ln(S/S0) instead of Delta R2*, nothing depends on the echo time and the noise of the signal is known.
    measured = len(aif.voxels) > 0
    model_error = model_error_in_images(frames.interval, measured) if in_image else MODEL_ERROR
    grid = GRID_OF_MEASURED_AIF if in_image and measured else None

    def solve(curves: np.ndarray, times: np.ndarray) -> dict[str, np.ndarray]:
        attenuation = np.multiply(curves.T, np.float32(echo_time), order="C").T  # memory layout of the products
        estimate = posterior(attenuation, dictionary(artery.at, times, grid), model_error=model_error, frames=frames)
        estimate = with_input_uncertainty(estimate, artery, times, attenuation, model_error, frames, grid)
        cbv, cbf = 100 * options.kh_over_rho * estimate.cbv, 6000 * options.kh_over_rho * estimate.cbf
        return {
            "cbv": cbv,
            "cbf": cbf,
            "tmax": estimate.delay,
            "cbv_sd": cbv * estimate.cbv_sd,
            "cbf_sd": cbf * estimate.cbf_sd,
            "mtt_sd": estimate.mtt_sd,
            "tmax_sd": estimate.delay_sd,
        }

    return solve
