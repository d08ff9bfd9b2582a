"""How close each model comes to the ground truth, over the validation patients or measured series.

Per case the series is under-sampled, reconstructed by every model, and measured: image errors against what the
scanner stored and (digital patients) against the same without noise; then the error of the peak Delta R2* and of the
perfusion maps, computed with one arterial input and one mask for all, over the brain and over each kind of tissue that
is known. Then what each model costs, and the paired differences of chosen models to all others. One thread.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial
from multiprocessing import get_context

import numpy as np
from tqdm import tqdm

from dsc_superres.benchmark.image_quality.benchmark_cases import BenchmarkCase, measured_case, patient_case
from dsc_superres.benchmark.image_quality.case_errors import measure
from dsc_superres.benchmark.image_quality.coverage import coverage, map_coverage
from dsc_superres.benchmark.image_quality.quality_text import brief, text, text_by_case
from dsc_superres.benchmark.measured_models import CLASSIC, labels, shipped_networks, timed, variant
from dsc_superres.benchmark.shared.documents import add_destinations, deliver
from dsc_superres.benchmark.shared.one_thread import one_thread
from dsc_superres.degrade import undersample
from dsc_superres.errors import ModelError


def evaluate(make: Callable[[], BenchmarkCase], models: Sequence[str], space: int, time: int) -> list[dict]:
    """One record (case, model, measures and cost) per model."""
    from dsc_superres.reconstruction.reconstruct import reconstruct, reconstruct_with_uncertainty

    case, names = make(), labels(models)
    coarse = undersample(case.truth, space, time)
    records = []
    for model in models:
        network = variant(model)
        estimates = network.estimates_uncertainty
        work = reconstruct_with_uncertainty if estimates else lambda *args, **options: (reconstruct(*args, **options),)
        with one_thread():
            found, cost = timed(partial(work, coarse, space=space, time=time, model=network, device="cpu"), network)
        covered = coverage(case, *found, time) | map_coverage(case, *found) if estimates else {}
        measures = measure(case, found[0], time) | covered
        records.append({"case": case.name, "model": names[model]} | measures | {"cost": cost})
    return records


def evaluate_all(
    cases: Sequence[Callable[[], BenchmarkCase]], models: Sequence[str], space: int, time: int, jobs: int
) -> list:
    """Every case's records in order; ``jobs`` cases at once."""
    pool = ProcessPoolExecutor(jobs, get_context("spawn")) if jobs > 1 else None
    work = partial(evaluate, models=models, space=space, time=time)
    records = []
    with pool or nullcontext():
        for found in tqdm((pool.map if pool else map)(work, cases), total=len(cases), unit="case"):
            records += found
    return records


def _compared(chosen: Sequence[str] | None, models: Sequence[str]) -> list[str]:
    """Return the names of the models to compare with all others: those chosen, else the first network."""
    names = labels(models)
    unknown = [model for model in chosen or () if model not in names and model not in names.values()]
    if unknown:
        raise ModelError(f"{unknown[0]} is not among the models to measure: name it under --models, too.")
    networks = [model for model in models if model not in CLASSIC]
    return [names.get(model, model) for model in (networks[:1] if chosen is None else chosen)]


def run(arguments: Sequence[str]) -> None:
    """``dsc-superres benchmark quality``: prints the tables; ``--out`` saves them with every case's numbers."""
    from dsc_superres.phantom import TRAINING_SEEDS, VALIDATION_SEEDS

    parser = argparse.ArgumentParser(prog="dsc-superres benchmark quality", description=__doc__)
    models = [*shipped_networks(), *CLASSIC]
    parser.add_argument(
        "--models",
        nargs="+",
        default=models,
        help="names or .safetensors files, with @step=0.5,method=euler or @views=1 to change how they are evaluated",
    )
    parser.add_argument("--against", nargs="+", help="of these, to compare with all others (the first network)")
    parser.add_argument("--patients", type=int, default=len(VALIDATION_SEEDS), help="how many validation patients")
    parser.add_argument("--training", action="store_true", help="training patients instead, to calibrate on")
    parser.add_argument("--slices", type=int, default=3, help="middle slices of each patient")
    parser.add_argument("--series", nargs="*", default=[], help="measured series to use instead of the patients")
    parser.add_argument("--space", type=int, default=2)
    parser.add_argument("--time", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=1, help="cases at once (about 2 GiB each)")
    parser.add_argument(
        "--brief", action="store_true", help="one table: the first model, and how the others differ from it"
    )
    add_destinations(parser, "quality")
    options = parser.parse_args(arguments)
    compared = _compared(options.against, options.models)
    space, time = options.space, options.time
    seeds = TRAINING_SEEDS if options.training else VALIDATION_SEEDS
    cases = [partial(measured_case, path, space, time) for path in options.series] or [
        partial(patient_case, seed, options.slices, space, time) for seed in seeds[: options.patients]
    ]
    records = evaluate_all(cases, options.models, space, time, options.jobs)
    whole = text_by_case(records) if options.series else text(records, compared)
    shown = brief(records) if options.brief else whole
    print(shown)
    for name in ("cbv", "cbf") if options.training else ():
        factors = [record[f"{name}_factor"] for record in records if f"{name}_factor" in record]
        if factors:
            print(f"factor that makes the intervals of {name} right: {np.exp(np.mean(np.log(factors))):.3f}")
    deliver("quality", shown, records, options)
