"""What a better interpolation in time could gain at most.

Validation patients are under-sampled in space and time and reconstructed. Then the same with every frame acquired, as
a scanner four times as fast would: nothing is left to interpolate in time, so what is still wrong is space and noise.
Last, the first network's frames are given the true signal at the acquired pixels in all frames, by back-projection:
no method that works on these pixels can know more. Frames that were not acquired count, in the brain, against the
signal without noise. One thread.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from tqdm import tqdm

from dsc_superres.benchmark.image_quality.benchmark_cases import BenchmarkCase, patient_case
from dsc_superres.benchmark.image_quality.case_errors import perfusion_errors
from dsc_superres.benchmark.measured_models import labels, variant
from dsc_superres.benchmark.shared.documents import add_destinations, deliver
from dsc_superres.benchmark.shared.one_thread import one_thread
from dsc_superres.degrade import undersample
from dsc_superres.metrics import psnr
from dsc_superres.models import DEFAULT_MODEL, DEFAULT_MODEL_WITH_UNCERTAINTY, entries
from dsc_superres.series import Series

DRAWN = next(entry.name for entry in entries() if entry.follows_kinetics and not entry.is_interpolator)
MODELS = (DEFAULT_MODEL_WITH_UNCERTAINTY, DRAWN, DEFAULT_MODEL)
MEASURES = {
    "between": "PSNR, frames not acquired, dB",
    "bolus": "PSNR, those of the bolus, dB",
    "peak": "peak ΔR2*, %",
    "cbv": "CBV, %",
    "cbf": "CBF, %",
}
GAINS = ("between", "bolus")
"""Measures of which the table states what a row gains."""


def reconstructions(case: BenchmarkCase, models: Sequence[str], space: int, time: int) -> Iterator[tuple[str, Series]]:
    """Yield the reconstructions of one case with the name of each: as it is, and with more of it known."""
    from dsc_superres.reconstruction.reconstruct import reconstruct

    names = labels(models)
    sparse, dense, clean = (
        undersample(series, space, step) for series, step in ((case.truth, time), (case.truth, 1), (case.clean, 1))
    )
    for model in models:
        fine = reconstruct(sparse, space=space, time=time, model=model, device="cpu")
        yield names[model], fine
        if model == models[0]:
            yield f"{names[model]}, true at the acquired pixels", true_at_acquired_pixels(fine, clean)
    for model in models:
        if variant(model).drawn_toward_kinetics:
            continue  # that is for frames between acquired ones
        for title, series in (("every frame acquired", dense), ("every frame acquired, without noise", clean)):
            yield f"{names[model]}, {title}", reconstruct(series, space=space, time=1, model=model, device="cpu")


def true_at_acquired_pixels(fine: Series, coarse: Series) -> Series:
    """The frames of ``fine``, drawn by back-projection to those of ``coarse`` at its pixels."""
    from dsc_superres.networks.resampling import average, back_project

    image, known = (torch.tensor(series.signal) for series in (fine, coarse))
    missed = known - average(image, tuple(known.shape[-2:]))
    found = image.flatten(0, 1) + back_project(missed.flatten(0, 1), tuple(image.shape[-2:]))
    return fine.with_signal(found.unflatten(0, image.shape[:2]).clamp(min=0).numpy())


def errors(case: BenchmarkCase, fine: Series, time: int) -> dict[str, float]:
    """Return the ``MEASURES`` of one reconstruction."""
    clean, peak = case.clean.signal, float(case.clean.signal.max())
    between = np.arange(fine.frames) % time != 0
    found = {
        name: psnr(fine.signal[frames], clean[frames], case.mask, peak)
        for name, frames in (("between", between), ("bolus", between & case.bolus))
    }
    return found | {name: value for name, value in perfusion_errors(case, fine).items() if name in MEASURES}


def table(records: Sequence[dict]) -> str:
    """Markdown: reconstructions by measures, mean over patients, and what PSNR gains over the first row."""
    first = records[0]["row"]
    lines = ["| | " + " | ".join(MEASURES.values()) + " |", "|---" * (len(MEASURES) + 1) + "|"]
    for row in dict.fromkeys(record["row"] for record in records):
        cells = []
        for name in MEASURES:
            own, of_first = (np.array([one[name] for one in records if one["row"] == which]) for which in (row, first))
            gain = own - of_first
            stated = row != first and name in GAINS
            brackets = f" ({gain.mean():+.2f}; {gain.min():+.2f} to {gain.max():+.2f})" if stated else ""
            cells.append(f"{own.mean():.2f}{brackets}")
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    count = len({record["case"] for record in records})
    title = f"{count} patients, mean; in brackets the gain over {first}: mean; least to most of a patient"
    return "\n".join([f"{title}:", "", *lines])


def run(arguments: Sequence[str]) -> None:
    """``dsc-superres benchmark ceiling``: prints the table."""
    from dsc_superres.phantom import VALIDATION_SEEDS

    parser = argparse.ArgumentParser(prog="dsc-superres benchmark ceiling", description=__doc__)
    parser.add_argument("--models", nargs="+", default=MODELS, help="names or files; the first is compared with")
    parser.add_argument("--patients", type=int, default=len(VALIDATION_SEEDS), help="how many validation patients")
    parser.add_argument("--slices", type=int, default=2, help="middle slices of each patient")
    parser.add_argument("--space", type=int, default=2)
    parser.add_argument("--time", type=int, default=4)
    add_destinations(parser, "ceiling")
    options = parser.parse_args(arguments)
    records = []
    with one_thread():
        for seed in tqdm(VALIDATION_SEEDS[: options.patients], unit="patient"):
            case = patient_case(seed, options.slices, options.space, options.time)
            for row, fine in reconstructions(case, options.models, options.space, options.time):
                records.append({"case": case.name, "row": row} | errors(case, fine, options.time))
    text = table(records)
    print(text)
    deliver("ceiling", text, records, options)
