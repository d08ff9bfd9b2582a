"""Adapting a network to one scan: the gain that each procedure claims, compared with its true gain.

A series with a ground truth is under-sampled, and a procedure adapts the network to the under-sampled series alone. The
reconstruction is measured before and after, on the grid of the ground truth: PSNR in the brain, and median errors of
the peak Delta R2* and of CBV. The claimed gain is measured on a copy of the scan that is under-sampled once more, in
rows that the procedure did not train on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from scipy.stats import spearmanr
from tqdm import tqdm

from dsc_superres.benchmark.adaptation_trials.procedures import PROCEDURES, SPACE, TIME, refined
from dsc_superres.benchmark.image_quality.benchmark_cases import BenchmarkCase, measured_case
from dsc_superres.benchmark.image_quality.case_errors import perfusion_errors
from dsc_superres.benchmark.measured_models import labels
from dsc_superres.benchmark.shared.documents import add_destinations, deliver
from dsc_superres.benchmark.shared.text_tables import TextTable
from dsc_superres.degrade import matching_truth, undersample
from dsc_superres.metrics import psnr
from dsc_superres.models import ODE_LIIF
from dsc_superres.perfusion import ArterialInput

LEAST_CLAIM = 0.05
"""dB that a procedure must claim before its result is used instead of the original's."""
MEASURES = ("psnr", "peak", "cbv")


def patient_case(seed: int, matrix: int) -> BenchmarkCase:
    """Return one slice of a digital patient with ``matrix`` pixels along a side."""
    from dsc_superres.phantom import digital_patient

    patient = digital_patient(seed, slices=1, matrix=matrix)
    truth, clean = (matching_truth(series, SPACE, TIME) for series in (patient.series, patient.clean))
    width, height, _ = truth.size
    aif = ArterialInput(patient.aif.times, patient.aif.delta_r2star)
    return BenchmarkCase(f"patient {seed}", truth, clean, patient.mask[:, :height, :width], aif)


def middle_case(path: str) -> BenchmarkCase:
    """Return the middle slice of a measured series."""
    case = measured_case(path, SPACE, TIME)
    middle = slice(case.mask.shape[0] // 2, case.mask.shape[0] // 2 + 1)
    truth = case.truth.with_signal(case.truth.signal[:, middle])
    return replace(case, truth=truth, clean=truth, mask=case.mask[middle])


def measure(case: BenchmarkCase, signal: np.ndarray) -> dict[str, float]:
    """Return PSNR (dB) in the brain after the first interval, and errors (%) of peak Delta R2* and CBV, or NaN."""
    signal, clean = np.maximum(signal, 0), case.clean
    value = psnr(signal[TIME:], clean.signal[TIME:], case.mask, float(clean.signal.max()))
    errors = perfusion_errors(case, clean.with_signal(signal)) if case.maps else {}
    return {"psnr": value} | {name: errors.get(name, np.nan) for name in MEASURES[1:]}


def records_of(case: BenchmarkCase, models: Sequence[str], procedures: Sequence[str], steps: int) -> list[dict]:
    """Return one record (case, model, procedure, claimed gain, measures before and after) per model and procedure."""
    coarse, records = undersample(case.truth, SPACE, TIME), []
    for model, name in labels(models).items():
        before = measure(case, refined(coarse, model))
        for procedure in procedures:
            claimed, signal = PROCEDURES[procedure](coarse, model, steps)
            known = {"case": case.name, "model": name, "procedure": procedure, "claimed": float(claimed)}
            records.append(known | {"before": before, "after": measure(case, signal)})
    return records


def by_case(records: list[dict]) -> TextTable:
    """Return a table with one row per record."""
    columns = ("model", "procedure", "series", "gain claimed, dB", "PSNR, dB", "peak error, %", "CBV error, %")
    pairs = [[f"{r['before'][name]:.2f} to {r['after'][name]:.2f}" for name in MEASURES] for r in records]
    rows = [
        (r["model"], r["procedure"], r["case"], _signed(r["claimed"]), *pair)
        for r, pair in zip(records, pairs, strict=True)
    ]
    return TextTable("Adapted to a scan, on the target grid, before to after", columns, tuple(rows))


def summary(records: list[dict]) -> TextTable:
    """Return each procedure's mean and worst gain over all series, and the rank correlation with its claimed gain."""
    rows = []
    for model, procedure in dict.fromkeys((r["model"], r["procedure"]) for r in records):
        own = [r for r in records if (r["model"], r["procedure"]) == (model, procedure)]
        claimed = np.array([r["claimed"] for r in own])
        gain, *worse = (np.array([r["after"][name] - r["before"][name] for r in own]) for name in MEASURES)
        used = np.where(claimed < LEAST_CLAIM, 0.0, gain)
        correlation = spearmanr(claimed, gain).statistic if len(own) > 2 else np.nan
        means = [f"{values.mean():+.2f} ({values.min():+.2f})" for values in (gain, used)]
        means = [*means[:1], "-"] if np.isnan(claimed).any() else means
        changes = [f"{values.mean():+.1f} ({values.max():+.1f})" for values in worse]
        rows.append((model, procedure, _signed(claimed.mean()), *means, *changes, _signed(correlation)))
    columns = (
        "model",
        "procedure",
        "gain claimed, dB",
        "gain, dB",
        f"gain where {LEAST_CLAIM:g} dB is claimed, else 0",
        "change of peak error, points",
        "of CBV error",
        "rank correlation of claimed and true",
    )
    title = f"Adapted to a scan, on the target grid: mean (worst) of {len({r['case'] for r in records})} series"
    return TextTable(title, columns, tuple(rows), True)


def _signed(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:+.2f}"


def run(arguments: Sequence[str]) -> None:
    """``dsc-superres benchmark adaptation``: prints the tables; ``--out`` saves them with every number."""
    from dsc_superres.phantom import VALIDATION_SEEDS

    parser = argparse.ArgumentParser(prog="dsc-superres benchmark adaptation", description=__doc__)
    parser.add_argument("--models", nargs="+", default=[ODE_LIIF], help="names of networks or .safetensors files")
    parser.add_argument("--procedures", nargs="+", default=list(PROCEDURES), choices=PROCEDURES, metavar="NAME")
    parser.add_argument("--patients", type=int, default=3, help="how many validation patients, one slice each")
    parser.add_argument("--matrix", type=int, default=128, help="pixels of a patient's slice along a side")
    parser.add_argument("--series", nargs="*", default=[], help="measured series as well, the middle slice of each")
    parser.add_argument("--steps", type=int, default=40, help="number of training steps")
    add_destinations(parser, "adaptation")
    options = parser.parse_args(arguments)
    makers = [partial(patient_case, seed, options.matrix) for seed in VALIDATION_SEEDS[: options.patients]]
    makers += [partial(middle_case, path) for path in options.series]
    records = []
    for make in tqdm(makers, unit="series"):
        records += records_of(make(), options.models, options.procedures, options.steps)
    tables = (summary(records), by_case(records))
    print("\n\n".join(map(str, tables)))
    deliver("adaptation", "\n\n".join(table.markdown() for table in tables), records, options)
