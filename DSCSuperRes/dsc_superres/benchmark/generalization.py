"""Whether a model keeps its lead over the interpolators when factors, noise, echo time or repetition time change.

Validation patients are scanned anew in each cell with one thing changed, under-sampled, reconstructed by every model
and by the classic interpolators, and compared with the noise-free series in the brain, one slice each, one thread. A
cell holds the mean over patients of the gain in PSNR over the best classic interpolator of that cell, in dB, and the
least gain of a patient over the interpolator that is best for this patient.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from tqdm import tqdm

from dsc_superres.benchmark.measured_models import CLASSIC, labels, shipped_networks
from dsc_superres.benchmark.shared.documents import add_destinations, deliver
from dsc_superres.benchmark.shared.one_thread import one_thread
from dsc_superres.degrade import undersample
from dsc_superres.metrics import psnr
from dsc_superres.phantom import DigitalPatient, digital_patient
from dsc_superres.series import Series


@dataclass(frozen=True)
class Cell:
    """One condition: factors of refinement, and what is changed in the scan."""

    name: str
    space: float = 2.0
    time: int = 4
    protocol: dict[str, float] = field(default_factory=dict)


CELLS = (
    Cell("2 x 2 in space, 4 x in time"),
    *(Cell(f"{factor:g} x {factor:g} in space", space=factor) for factor in (1.5, 3.0)),
    *(Cell(f"{factor} x in time", time=factor) for factor in (2, 3, 6)),
    *(Cell(f"signal-to-noise {snr}", protocol={"snr": snr}) for snr in (20, 50, 100, 200)),
    *(Cell(f"echo time {1000 * te:g} ms", protocol={"echo_time": te}) for te in (0.02, 0.05)),
    *(Cell(f"repetition time {tr:g} s", protocol={"repetition_time": tr}) for tr in (1.0, 2.0)),
)
"""The first is the usual condition, every other one changes one thing of it."""


def fine_and_coarse(series: Series, cell: Cell) -> tuple[Series, Series]:
    """Return the target and the input of a reconstruction; for 1.5 x, pixels of 2 and of 3 times the original size."""
    if cell.space == int(cell.space):
        fine, factor = series, int(cell.space)
    else:
        fine, factor = undersample(series, 2, 1), 3
    last = (series.frames - 1) // cell.time * cell.time
    fine = fine.with_signal(fine.signal[: last + 1], times=fine.times[: last + 1])
    return fine, undersample(series, factor, cell.time)


@lru_cache(maxsize=2)
def _patient(seed: int, protocol: tuple[tuple[str, float], ...]) -> DigitalPatient:
    """A slice of a patient: cells that change nothing in the scan share it."""
    return digital_patient(seed, slices=1, matrix=252, protocol=dict(protocol))


def measure(seed: int, cell: Cell, models: Sequence[str]) -> dict[str, float]:
    """PSNR (dB) of each model against the noise-free series, in the brain, after the first interval."""
    from dsc_superres.reconstruction.reconstruct import reconstruct

    patient = _patient(seed, tuple(cell.protocol.items()))
    clean, _ = fine_and_coarse(patient.clean, cell)
    _, coarse = fine_and_coarse(patient.series, cell)
    height, width = clean.signal.shape[2:]
    step = patient.mask.shape[1] // height
    mask = patient.mask[:, ::step, ::step][:, :height, :width]
    found = {}
    for model, name in labels(models).items():
        fine = reconstruct(coarse, space=cell.space, times=clean.times, model=model, device="cpu")
        found[name] = psnr(fine.signal[cell.time :], clean.signal[cell.time :], mask, float(clean.signal.max()))
    return found


def table(records: list[dict], models: Sequence[str]) -> str:
    """Markdown: cells by models."""
    count = len({record["seed"] for record in records})
    title = f"Gain in PSNR over the best classic interpolator, dB: mean of {count} patients (least of a patient)"
    lines = [f"{title}:", "", "| condition | best classic, dB | " + " | ".join(models) + " |"]
    lines.append("|---" * (len(models) + 2) + "|")
    for cell in dict.fromkeys(record["cell"] for record in records):
        of_cell = [record["psnr"] for record in records if record["cell"] == cell]
        mean = {model: float(np.mean([found[model] for found in of_cell])) for model in of_cell[0]}
        best = max(CLASSIC, key=mean.__getitem__)
        least = {model: min(found[model] - max(found[one] for one in CLASSIC) for found in of_cell) for model in models}
        gains = " | ".join(f"{mean[model] - mean[best]:+.2f} ({least[model]:+.2f})" for model in models)
        lines.append(f"| {cell} | {mean[best]:.2f} ({best}) | {gains} |")
    return "\n".join(lines)


def run(arguments: Sequence[str]) -> None:
    """``dsc-superres benchmark generalization``: prints the table."""
    from dsc_superres.phantom import VALIDATION_SEEDS

    parser = argparse.ArgumentParser(prog="dsc-superres benchmark generalization", description=__doc__)
    parser.add_argument("--models", nargs="+", default=shipped_networks(), help="names or files")
    parser.add_argument("--patients", type=int, default=3, help="how many validation patients, one slice each")
    add_destinations(parser, "generalization")
    options = parser.parse_args(arguments)
    work = [(cell, seed) for seed in VALIDATION_SEEDS[: options.patients] for cell in CELLS]
    records = []
    with one_thread():
        for cell, seed in tqdm(work, unit="scan"):
            found = measure(seed, cell, [*options.models, *CLASSIC])
            records.append({"cell": cell.name, "seed": seed, "psnr": found})
    text = table(records, list(labels(options.models).values()))
    print(text)
    deliver("generalization", text, records, options)
