"""What the maps were computed from: formulas, thresholds, OSIPI CAPLEX codes and units, as plain JSON values."""

from __future__ import annotations

from dsc_superres.perfusion import deconvolution
from dsc_superres.perfusion.arterial import ArterialInput
from dsc_superres.perfusion.bolus import Bolus
from dsc_superres.perfusion.options import MapOptions
from dsc_superres.series import Series

UNITS = {"cbv": "mL/100 g", "cbf": "mL/100 g/min", "mtt": "s", "ttp": "s", "tmax": "s"}
UNITS |= {f"{name}_sd": unit for name, unit in UNITS.items() if name != "ttp"} | {"k1": "1", "k2": "1/s"}
FORMULAS = {
    "delta_r2star": "-ln(S/S0)/TE [1/s], CAPLEX M.SM1.001, S0 = mean of the baseline, P.BL2.003",
    "cbv": "100 kH/rho area(tissue)/area(artery) [mL/100 g], CAPLEX Q.PH1.001",
    "cbf": "6000 kH/rho max(residue) [mL/100 g/min], CAPLEX Q.PH1.003",
    "mtt": "60 CBV/CBF [s], CAPLEX M.ID1.001",
    "ttp": "time of the largest delta_r2star minus bolus arrival [s], CAPLEX Q.CD1.010",
    "tmax": "time of the residue's maximum [s]",
}
METHODS = {
    "ssvd": "standard truncated SVD (Ostergaard 1996)",
    "csvd": "block-circulant truncated SVD (Wu 2003), CAPLEX G.DI1.002",
    "osvd": "block-circulant SVD limited by oscillation (Wu 2003), CAPLEX G.DI1.002",
    "bayes": "posterior over a dictionary of gamma transit-time residues and delays",
}


def provenance(
    series: Series,
    aif: ArterialInput,
    bolus: Bolus,
    options: MapOptions,
    candidates: tuple[ArterialInput, ...] = (),
) -> dict[str, object]:
    """A dictionary of plain values that JSON can hold."""
    defaults = {"ssvd": deconvolution.STANDARD_THRESHOLD, "csvd": deconvolution.CIRCULANT_THRESHOLD}
    return {
        "method": METHODS[options.method],
        "threshold": options.threshold or defaults.get(options.method),
        "oscillation_limit": options.oscillation if options.method == "osvd" else None,
        "leakage": options.leakage,
        "integration_end_s": options.integration_end,
        "kh_over_rho_ml_per_g": options.kh_over_rho,
        "units": dict(UNITS),
        "formulas": dict(FORMULAS),
        "echo_time_s": series.echo_time,
        "interval_s": series.interval,
        "baseline_frames": [bolus.baseline.start, bolus.baseline.stop - 1],
        "baseline_s": [float(series.times[bolus.baseline.start]), float(series.times[bolus.baseline.stop - 1])],
        "bolus_arrival_s": bolus.arrival,
        "bolus_peak_s": bolus.peak,
        "aif": _arterial(aif),
        "aif_candidates": [_arterial(candidate) for candidate in candidates],
    }


def _arterial(aif: ArterialInput) -> dict[str, object]:
    return {
        "source": aif.source,
        "voxels_zyx": aif.voxels.tolist(),
        "times_s": aif.times.tolist(),
        "delta_r2star": aif.delta_r2star.tolist(),
        "score": aif.score,
        "warnings": list(aif.warnings),
    }
