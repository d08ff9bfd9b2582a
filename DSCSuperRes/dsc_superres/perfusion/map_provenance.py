"""Provenance of perfusion maps as plain JSON values: formulas, thresholds, OSIPI CAPLEX codes and units."""

from __future__ import annotations

from dsc_superres.perfusion.arterial_input import ArterialInput
from dsc_superres.perfusion.bayes import MODEL_SD, SD_FACTORS, SHARPNESS
from dsc_superres.perfusion.bolus import Bolus
from dsc_superres.perfusion.dictionary import DISPERSED, DISPERSION, LORENTZIAN, AtomGrid
from dsc_superres.perfusion.frame_weights import FrameWeights
from dsc_superres.perfusion.map_units import EXTRA_UNITS, UNITS
from dsc_superres.perfusion.options import MapOptions
from dsc_superres.perfusion.spatial_prior import RADII, model_error_in_images
from dsc_superres.perfusion.spatial_prior import SD_FACTORS as SD_FACTORS_IN_IMAGES
from dsc_superres.series import Series

FORMULAS = {
    "delta_r2star": "-ln(S/S0)/TE [1/s], CAPLEX M.SM1.001, S0 = mean of the baseline, P.BL2.003",
    "cbv": "100 kH/rho area(tissue)/area(artery) [mL/100 g], CAPLEX Q.PH1.001",
    "cbf": "6000 kH/rho max(residue) [mL/100 g/min], CAPLEX Q.PH1.003",
    "rcbv, rcbf": "CBV and CBF over their medians in the reference, normal-appearing white matter [1]",
    "mtt": "60 CBV/CBF [s], CAPLEX M.ID1.001",
    "ttp": "time of the largest delta_r2star minus bolus arrival [s], CAPLEX Q.CD1.010",
    "tmax": "time of the residue's maximum [s]; for the Bayesian method the delay, CAPLEX Q.PH1.007",
    "kh": "(1 - Hct_artery)/(1 - Hct_capillary) = (1 - 0.45)/(1 - 0.25), CAPLEX M.ID1.006; rho 1.04 g/mL",
    "aif": "mean curve of its voxels; automatic ones by clusters (Mouridsen 2006), CAPLEX P.AE2.004",
}
"""Formulas and OSIPI CAPLEX codes by quantity."""
METHODS = {
    "ssvd": "standard truncated SVD (Ostergaard 1996)",
    "csvd": "block-circulant truncated SVD (Wu 2003), CAPLEX G.DI1.002",
    "osvd": "block-circulant SVD limited by oscillation (Wu 2003), CAPLEX G.DI1.002",
    "bayes": "posterior over a dictionary of gamma transit-time residues and delays",
}
"""Deconvolution methods in words."""
DELAY_INDEPENDENT = (
    "; index all round and between the frames, interpolated between thresholds, so that delay does not matter"
)
"""Addition to the description of oSVD unless it is used as published."""
LEAKAGE = {
    "none": "none",
    "bsw": "bsw (Boxerman, Schmainda and Weisskoff), CAPLEX M.LC1.001",
    "bidirectional": "bidirectional (Leu 2016), CAPLEX M.LC1.002",
}
"""Leakage corrections in words."""


NOT_COMPUTED = "0 where mask.nii.gz is 0, and the MTT of voxels without flow; in DICOM the pixel padding value"
"""What files of maps hold where there is no value: many readers cannot handle NaN."""


def provenance(
    series: Series,
    aif: ArterialInput,
    bolus: Bolus,
    requested: MapOptions,
    resolved: MapOptions,
    candidates: tuple[ArterialInput, ...] = (),
    warnings: tuple[str, ...] = (),
    frames: FrameWeights | None = None,
) -> dict[str, object]:
    """Return how maps were computed, as plain values for JSON.

    ``requested`` are the options as passed by the user, ``resolved`` the same with the numbers that were used.
    """
    return {
        "method": METHODS[resolved.method]
        + (DELAY_INDEPENDENT if resolved.method == "osvd" and not resolved.as_published else ""),
        "threshold": resolved.threshold,
        "threshold_choice": _threshold_choice(requested),
        "oscillation_limit": resolved.oscillation if resolved.method == "osvd" else None,
        "dictionary": _dictionary() if resolved.method == "bayes" else None,
        "spatial_prior": _spatial_prior(aif, frames) if resolved.method == "bayes" and resolved.spatial_prior else None,
        "measured_interval_s": None if frames is None else frames.interval,
        "weight_of_computed_frames": frames.weight_of_others if frames and resolved.method == "bayes" else None,
        "frames_per_measurement": None if frames is None else round(frames.frames_per_measurement, 3),
        "leakage": LEAKAGE[resolved.leakage],
        "integration_end_s": resolved.integration_end,
        "integration_end_choice": _integration_end_choice(requested),
        "kh_over_rho_ml_per_g": resolved.kh_over_rho,
        "units": UNITS | EXTRA_UNITS,
        "not_computed": NOT_COMPUTED,
        "formulas": dict(FORMULAS),
        "series": dict(series.provenance) or None,
        "sources": dict(series.sources),
        "echo_time_s": series.echo_time,
        "echo_time_assumed": series.sources["echo_time"] == "assumed",
        "interval_s": series.interval,
        "slice_times_s": None if series.slice_times is None else series.slice_times.tolist(),
        "baseline_frames": [bolus.baseline.start, bolus.baseline.stop - 1],
        "baseline_s": [float(series.times[bolus.baseline.start]), float(series.times[bolus.baseline.stop - 1])],
        "bolus_arrival_s": bolus.arrival,
        "bolus_peak_s": bolus.peak,
        "aif": _aif_record(aif),
        "aif_candidates": [_aif_record(candidate) for candidate in candidates],
        "warnings": list(warnings),
    }


def _threshold_choice(requested: MapOptions) -> str | None:
    """Return how the threshold of an SVD was chosen."""
    if requested.method == "bayes":
        return None
    return {None: "as published", "adaptive": "adapted to interval and noise"}.get(requested.threshold, "given")


def _integration_end_choice(requested: MapOptions) -> str:
    """Return how the end of the integration was chosen."""
    if requested.method == "bayes":
        return "none: the model is fitted to all frames"
    return "given" if requested.integration_end else "of least error for noise and tail"


def _spatial_prior(aif: ArterialInput, frames: FrameWeights | None) -> dict[str, object]:
    """Return the numbers of the spatial prior."""
    measured = len(aif.voxels) > 0
    return {
        "quantities": "ln MTT and delay; CBF follows",
        "strength": "variogram of each map at one and two voxels",
        "radii_voxels": list(RADII),
        "model_error": model_error_in_images(frames.interval if frames else 0.0, measured),
        "factor_on_sd_of_cbv_ln_mtt_delay": list(SD_FACTORS_IN_IMAGES["measured" if measured else "given"]),
    }


def _dictionary() -> dict[str, object]:
    """Return the grid, the priors and the errors of the Bayesian method."""
    grid = AtomGrid()
    special = {LORENTZIAN: "Lorentzian", DISPERSED: f"exponential, artery dispersed by {DISPERSION:g} s"}
    return {
        "estimate": f"mean of the posterior to the power {SHARPNESS}, near its median; sd of the posterior itself",
        "residue_shapes": [special.get(float(shape), float(shape)) for shape in grid.shapes],
        "prior_of_shapes": [float(value) for value in grid.shape_prior],
        "prior_of_mtt": f"log-normal around {grid.mtt_center:g} s, sd of the logarithm {grid.mtt_spread:g}",
        "prior_of_delay": f"normal around {grid.delay_center:g} s, sd {grid.delay_spread:g} s, and a flat tail",
        "mtt_s": [float(grid.mtt[0]), float(grid.mtt[-1]), len(grid.mtt)],
        "delay_s": [float(grid.delays[0]), float(grid.delays[-1]), len(grid.delays)],
        "factor_on_sd_of_ln_cbv_ln_cbf_ln_mtt_delay": list(SD_FACTORS),
        "model_sd_of_ln_cbv_ln_cbf_ln_mtt_delay": list(MODEL_SD),
    }


def _aif_record(aif: ArterialInput) -> dict[str, object]:
    """Return an arterial input as plain values."""
    return {
        "source": aif.source,
        "voxels_zyx": aif.voxels.tolist(),
        "times_s": aif.times.tolist(),
        "delta_r2star": aif.delta_r2star.tolist(),
        "score": aif.score,
        "partial_volume_correction": aif.scale,
        "warnings": list(aif.warnings),
    }
