"""Map values from concentration curves, by areas and SVD or by the Bayesian dictionary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from dsc_superres.errors import PerfusionError
from dsc_superres.frames.coarse_interval import COARSE_INTERVAL
from dsc_superres.frames.gaps import LONGEST_BRIDGED
from dsc_superres.perfusion import deconvolution
from dsc_superres.perfusion.area import area_ratio, integration_end
from dsc_superres.perfusion.arterial_input import ArterialInput
from dsc_superres.perfusion.bolus import Bolus, curve_noise
from dsc_superres.perfusion.continuous_aif import ContinuousInput, Curve, continuous_input, input_of_reconstruction
from dsc_superres.perfusion.frame_consistency import contradicts_measured_frames
from dsc_superres.perfusion.frame_sampling import frame_sampling, frames_of_first_pass, gaps_in_bolus
from dsc_superres.perfusion.frame_weights import FrameWeights, frame_weights
from dsc_superres.perfusion.options import MapOptions
from dsc_superres.perfusion.oscillation import delay_independent_osvd
from dsc_superres.perfusion.slice_offsets import at_common_times, groups
from dsc_superres.perfusion.spatial_prior import GRID_OF_MEASURED_AIF, model_error_in_images, with_spatial_prior
from dsc_superres.utils.pytorch import torch_problem

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
    unit of attenuation: both as found by ``artery_and_frames``, unless ``artery`` is given where it is needed: by the
    Bayesian method, and by the others where frames are missing in the bolus.
    ``offsets``, float64[n] in s, are the times of the curves after ``times``, which differ from slice to slice; none by
    default.
    """
    frames = frames or frame_weights(times)
    in_image = mask is not None and options.spatial_prior
    curves = np.asarray(curves, np.float32)
    offsets = np.zeros(curves.shape[1]) if offsets is None else offsets
    options = resolve_options(options, curves, times + np.mean(offsets), aif, bolus)
    if options.method == "bayes":
        if artery is None:
            common = at_common_times(curves, times, offsets)
            artery, frames = artery_and_frames(common, times + np.mean(offsets), aif, bolus, echo_time, frames)
        solve = _bayes(aif, bolus, options, echo_time, frames, in_image, artery)
    else:
        between = aif.smoothly_at if artery is None else lambda when: artery.at(when) / echo_time
        solve = _svd(aif, bolus, options, between)
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


def artery_and_frames(
    curves: np.ndarray, times: np.ndarray, aif: ArterialInput, bolus: Bolus, echo_time: float, frames: FrameWeights
) -> tuple[ContinuousInput, FrameWeights]:
    """Return ``aif`` in continuous time as attenuation, with the help of curves[t, n] (1/s) at times[t] (s).

    ``frames`` says which of these were acquired: in a reconstruction others do not count like samples of the artery.
    Where the acquired ones contradict them, they count nothing, neither there nor in the weights that are returned.
    """
    some = echo_time * curves[:, :: max(1, curves.shape[1] // INPUT_CURVES)]
    artery = _artery_between_samples(some, times, aif, bolus, echo_time, frames)
    if frames.acquired.all() or frames.measured_alone:
        return artery, frames
    if contradicts_measured_frames(some, times, frames.acquired, artery.at):
        frames = frames.without_others()
        artery = _artery_between_samples(some, times, aif, bolus, echo_time, frames)
    return artery, frames


def _artery_between_samples(
    tissue: np.ndarray, times: np.ndarray, aif: ArterialInput, bolus: Bolus, echo_time: float, frames: FrameWeights
) -> ContinuousInput:
    """Return ``aif`` in continuous time, with the help of attenuations tissue[t, n]."""
    aif = measured_samples(aif, frames, bolus)
    arterial, arterial_times = echo_time * aif.delta_r2star, aif.times
    if frames.measured_alone:
        times, tissue = times[frames.acquired], _measured(tissue, frames, bolus)
    elif _sampled_in(aif, frames) and not frames.acquired.all():
        return input_of_reconstruction(arterial_times, arterial, frames.acquired, tissue)
    with_hole = bool(gaps_in_bolus(arterial_times, bolus, COARSE_INTERVAL))
    return continuous_input(arterial_times, arterial, times, tissue, with_hole)


def measured_samples(aif: ArterialInput, frames: FrameWeights, bolus: Bolus) -> ArterialInput:
    """Return an arterial input of the series without its samples in frames that count nothing."""
    if not frames.measured_alone or not _sampled_in(aif, frames):
        return aif
    return replace(aif, times=aif.times[frames.acquired], delta_r2star=_measured(aif.delta_r2star, frames, bolus))


def _sampled_in(aif: ArterialInput, frames: FrameWeights) -> bool:
    """Whether the arterial input is measured in voxels of the series, in all its frames."""
    return len(aif.voxels) > 0 and len(aif.times) == len(frames.weight)


def _measured(curves: np.ndarray, frames: FrameWeights, bolus: Bolus) -> np.ndarray:
    """Return the frames of curves[t, ...] that were measured, relative to the baseline of these alone."""
    inside = np.zeros(len(curves), bool)
    inside[bolus.baseline] = frames.acquired[bolus.baseline]
    measured = curves[frames.acquired]
    return measured - curves[inside].mean(axis=0) if inside.any() else measured


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
        used = frames_of_first_pass(times, bolus)
        some = curves[used, :: max(1, curves.shape[1] // NOISE_CURVES)]
        threshold = _adaptive_threshold(some, times[used], aif, circulant=options.method == "csvd")
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


Solve = Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]
"""From curves[t, n] (1/s) and their times[t] (s) to map values, float32[n] by name."""


def _svd(aif: ArterialInput, bolus: Bolus, options: MapOptions, artery: Curve) -> Solve:
    """Return what computes cbv, cbf and tmax by ratio of areas and SVD.

    ``artery`` is the input in continuous time (s), for frames that are not evenly spaced. Where the first pass has a
    long gap, areas are not known, and CBV is the area of the residue.
    """
    end = bolus.arrival + options.integration_end

    def solve(curves: np.ndarray, times: np.ndarray) -> dict[str, np.ndarray]:
        used = frames_of_first_pass(times, bolus)
        sampling = frame_sampling(times[used])
        arterial = aif.at(times[used]) if sampling.matrix is None else artery(sampling.grid)
        if options.method == "osvd":
            deconvolve = deconvolution.osvd if options.as_published else delay_independent_osvd
            limits: tuple[float, ...] = (options.oscillation, options.threshold)
        else:
            deconvolve = {"ssvd": deconvolution.ssvd, "csvd": deconvolution.csvd}[options.method]
            limits = (options.threshold,)
        residue = deconvolve(curves[used], arterial, sampling.step, *limits, sampling=sampling)
        if gaps_in_bolus(times, bolus, LONGEST_BRIDGED):
            area = np.maximum(residue.area, 0)
        else:
            area = area_ratio(curves, aif.at(times), times, bolus, end)
        cbv, cbf = 100 * options.kh_over_rho * area, 6000 * options.kh_over_rho * residue.peak
        return {"cbv": cbv.astype(np.float32), "cbf": cbf.astype(np.float32), "tmax": residue.time}

    return solve


def _adaptive_threshold(curves: np.ndarray, times: np.ndarray, aif: ArterialInput, circulant: bool) -> float:
    """Return the threshold that suits the noise of typical curves[t, n] at times[t] (s)."""
    noise = float(np.median(curve_noise(curves)) / max(np.median(curves.max(axis=0)), 1e-6))
    sampling = frame_sampling(times)
    arterial = aif.at(times) if sampling.matrix is None else aif.smoothly_at(sampling.grid)
    return deconvolution.adaptive_threshold(arterial, sampling.step, noise, circulant, sampling)


def _bayes(
    aif: ArterialInput,
    bolus: Bolus,
    options: MapOptions,
    echo_time: float,
    frames: FrameWeights,
    in_image: bool,
    artery: ContinuousInput,
) -> Solve:
    """Return what computes cbv, cbf, tmax and the standard deviations by the Bayesian dictionary."""
    problem = torch_problem()
    if problem is not None:
        raise PerfusionError(f"The Bayesian method needs PyTorch. {problem} Without it, choose csvd.")
    from dsc_superres.perfusion.arterial_uncertainty import with_input_uncertainty
    from dsc_superres.perfusion.bayes import MODEL_ERROR, posterior
    from dsc_superres.perfusion.dictionary import dictionary

    # With -ln(S/S0) instead of Delta R2*, nothing depends on the echo time and the noise of the signal is known.
    measured = len(aif.voxels) > 0
    model_error = model_error_in_images(frames.interval, measured) if in_image else MODEL_ERROR
    grid = GRID_OF_MEASURED_AIF if in_image and measured else None

    def solve(curves: np.ndarray, times: np.ndarray) -> dict[str, np.ndarray]:
        used: slice | np.ndarray = frames_of_first_pass(times, bolus)
        if frames.measured_alone:
            used = np.arange(len(times))[used][frames.acquired[used]]
        times, own = times[used], frames.of(used)
        atoms, how = dictionary(artery.at, times, grid), {"model_error": model_error, "frames": own, "scale": echo_time}
        curves = curves[used]
        estimate = posterior(curves, atoms, **how)
        estimate = with_input_uncertainty(estimate, artery, times, curves, grid=grid, **how)
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
