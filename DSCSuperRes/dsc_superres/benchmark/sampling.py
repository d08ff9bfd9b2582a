"""Perfusion from samples every 6 s, refined to every 1.5 s by each model, compared with both samplings as they are.

The standard object is drawn as a movie, a block of pixels for each curve and one for the artery, with the bolus at
twelve phases of the sampling. Only time is refined. The arterial input is read off the same movie as the tissue, and in
further rows known: where signals are interpolated, the curve of an artery, which is far deeper, loses more of its area.
Then the same in digital patients, where space is refined as well.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from scipy.interpolate import PchipInterpolator
from tqdm import tqdm

from dsc_superres.benchmark.measured_models import CLASSIC, labels, shipped, shipped_networks
from dsc_superres.benchmark.perfusion_objects.map_errors import errors, values
from dsc_superres.benchmark.perfusion_objects.reference_objects import ReferenceObject, grid_cases
from dsc_superres.benchmark.shared.documents import add_destinations, deliver
from dsc_superres.benchmark.shared.one_thread import one_thread
from dsc_superres.benchmark.shared.text_tables import TextTable
from dsc_superres.benchmark.sparse_sampling.sampling_object import (
    FACTOR,
    FINE_INTERVAL,
    SamplingObject,
    artery_pixels,
    sampling_object,
)
from dsc_superres.benchmark.sparse_sampling.sampling_patients import patient_records, patients_table
from dsc_superres.perfusion.arterial_input import ArterialInput
from dsc_superres.perfusion.frame_weights import FrameWeights, frame_weights
from dsc_superres.series import Series

METHODS: dict[str, dict[str, object]] = {
    "csvd": {},
    "osvd": {"oscillation": 0.095, "as_published": True},
    "bayes": {},
}
"""The methods and their settings: those of the published table that this continues."""
TITLES = {"csvd": "cSVD 0.1", "osvd": "oSVD 0.095", "bayes": "Bayesian"}
NATIVE = f"every {FINE_INTERVAL:g} s"
SPARSE = f"every {FINE_INTERVAL * FACTOR:g} s"
CURVES = "pchip of ΔR2*"
KNOWN = ", artery known"
TYPICAL = ("exp", 4.0, 4.0, 0.0)
"""The curve whose CBF is followed over the phases: residue, CBV, MTT and delay."""


def phase_records(phase: float, snr: float, models: Sequence[str]) -> list[dict]:
    """Return errors and each curve's CBF over truth by sampling or model and method, at one phase (s) and noise."""
    from dsc_superres.reconstruction.reconstruct import reconstruct

    made, names = sampling_object(phase, snr), labels(models)
    rows = {NATIVE: made.movie, SPARSE: made.coarse, CURVES: _between_curves(made)}
    for model in models:
        rows[names[model]] = reconstruct(made.coarse, space=1, time=FACTOR, model=model, device="cpu")
    acquired = made.coarse.times
    found = {row: made.curves(series, series.times if row == NATIVE else acquired) for row, series in rows.items()}
    found |= {f"{names[model]}{KNOWN}": replace(found[names[model]], arterial=made.made.arterial) for model in models}
    counted = {row: frame_weights(curves.times, None if row == NATIVE else acquired) for row, curves in found.items()}
    for row in (CURVES, *(f"{names[model]}{known}" for model in models if model in CLASSIC for known in ("", KNOWN))):
        counted[row] = counted[row].without_others()  # as ``compute_maps`` has it of a series that was interpolated
    return [
        {"phase": phase, "snr": snr, "row": row, "method": method}
        | _measured(curves, method, counted[row], known=row.endswith(KNOWN))
        for row, curves in found.items()
        for method in METHODS
    ]


def _between_curves(made: SamplingObject) -> Series:
    """The acquired frames joined by pchip of the logarithm of the signal, which is that of Delta R2*."""
    coarse = made.coarse
    logarithm = PchipInterpolator(coarse.times, np.log(np.maximum(coarse.signal, 1)), axis=0)
    return coarse.with_signal(np.exp(logarithm(made.movie.times)).astype(np.float32), times=made.movie.times)


def _measured(curves: ReferenceObject, method: str, frames: FrameWeights, known: bool) -> dict[str, object]:
    voxels = () if known else artery_pixels()
    aif = ArterialInput(curves.times, curves.arterial, voxels)
    maps = values(curves, method, aif=aif, frames=frames, **METHODS[method])
    ratio = (maps["cbf"] / curves.truth["cbf"]).reshape(len(grid_cases()), -1).mean(axis=1)
    found = errors(maps, curves, curves.residue == "exp")
    return {"errors": [float(value) for value in found], "cbf": [round(float(value), 4) for value in ratio]}


def tables(records: list[dict]) -> list[TextTable]:
    """Errors for each noise, mean over the phases; and for the series without noise the spread over the phases."""
    found = []
    for snr in dict.fromkeys(record["snr"] for record in records):
        own = [record for record in records if record["snr"] == snr]
        noise = "without noise" if np.isinf(snr) else f"signal-to-noise {snr:g}"
        title = f"Standard object, {noise}: median error of CBV / CBF / MTT in %, mean error of Tmax in s"
        found.append(_table(title, own, _errors_text))
        if np.isinf(snr):
            title = (
                "CBF over the phases of sampling, without noise: least to greatest of its truth (CBV 4, MTT 4 s); "
                f"median of greatest − least over all curves; median difference from {NATIVE}, %"
            )
            found.append(_table(title, own, partial(_spread_text, native=_native(own))))
    return found


def _table(title: str, records: list[dict], cell: Callable[[list[dict]], str]) -> TextTable:
    rows = [
        (
            row,
            *(cell([r for r in records if r["row"] == row and r["method"] == method]) for method in METHODS),
        )
        for row in dict.fromkeys(record["row"] for record in records)
    ]
    return TextTable(title, ("samples", *(TITLES[method] for method in METHODS)), tuple(rows))


def _errors_text(records: list[dict]) -> str:
    cbv, cbf, mtt, tmax = np.mean([record["errors"] for record in records], axis=0)
    return f"{cbv:.1f} / {cbf:.1f} / {mtt:.1f} / {tmax:.2f}"


def _native(records: list[dict]) -> dict[tuple[float, str], np.ndarray]:
    """CBF over truth of every curve from all frames, by phase and method."""
    return {(r["phase"], r["method"]): np.array(r["cbf"]) for r in records if r["row"] == NATIVE}


def _spread_text(records: list[dict], native: dict[tuple[float, str], np.ndarray]) -> str:
    ratios = np.array([record["cbf"] for record in records])
    typical = ratios[:, grid_cases().index(TYPICAL)]
    apart = [np.abs(r["cbf"] / native[r["phase"], r["method"]] - 1) for r in records]
    spread, apart = np.median(np.ptp(ratios, axis=0)), 100 * np.median(apart)
    return f"{typical.min():.2f} to {typical.max():.2f}; {spread:.2f}; {apart:.0f}"


def run(arguments: Sequence[str]) -> None:
    """``dsc-superres benchmark sampling``: prints the tables."""
    from dsc_superres.phantom import VALIDATION_SEEDS

    parser = argparse.ArgumentParser(prog="dsc-superres benchmark sampling", description=__doc__)
    models = [*shipped("linear", "pchip"), *shipped_networks()]
    parser.add_argument("--models", nargs="+", default=models, help="names or .safetensors files")
    parser.add_argument("--phases", type=int, default=12, help="phases of the sampling, spread evenly over 6 s")
    parser.add_argument("--patients", type=int, default=0, help="digital patients as well, one slice each")
    parser.add_argument("--snr", type=float, nargs="+", default=[np.inf], help="signal over noise (inf: none)")
    add_destinations(parser, "sampling")
    options = parser.parse_args(arguments)
    phases = FINE_INTERVAL * FACTOR * np.arange(options.phases) / options.phases
    records = []
    with one_thread():
        for snr, phase in tqdm([(snr, phase) for snr in options.snr for phase in phases], unit="phase"):
            records += phase_records(float(phase), snr, options.models)
        seen = VALIDATION_SEEDS[: options.patients]
        of_patients = [r for seed in tqdm(seen, unit="patient") for r in patient_records(seed, options.models, METHODS)]
    found = tables(records) + ([patients_table(of_patients, TITLES)] if of_patients else [])
    print("\n\n".join(map(str, found)))
    deliver("sampling", "\n\n".join(table.markdown() for table in found), records + of_patients, options)
