"""How close each model comes to the ground truth, over the validation patients and any measured series.

Per case the series is under-sampled, reconstructed by every model, and measured: image errors against what the
scanner stored and (digital patients) against the same without noise; then the error of the peak Delta R2* and of
CBV and CBF, computed with one arterial input and one mask for all. Rows are mean and standard deviation over patients,
then the difference of each network to the best classic interpolator with its 95 % confidence interval.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tqdm import tqdm

from dsc_superres.degrade import matching_truth, undersample
from dsc_superres.errors import FileError, PerfusionError
from dsc_superres.metrics import nmse, psnr, ssim_frames
from dsc_superres.perfusion import ArterialInput, MapOptions, PerfusionMaps
from dsc_superres.series import Series

MAP_OPTIONS = MapOptions(method="csvd")
CLASSIC = ("linear", "cubic", "pchip", "backprojection")
MEASURES: dict[str, tuple[str, bool]] = {
    "psnr": ("PSNR, dB", True),
    "nmse": ("NMSE, %", False),
    "ssim": ("SSIM", True),
    "psnr_clean": ("PSNR to noise-free, dB", True),
    "psnr_between": ("… of frames not acquired, dB", True),
    "psnr_settled": ("… after the first interval, dB", True),
    "psnr_bolus": ("… of bolus frames, dB", True),
    "ssim_whole": ("SSIM, whole image", True),
    "peak": ("peak ΔR2* error, %", False),
    "cbv": ("CBV error, %", False),
    "cbf": ("CBF error, %", False),
}
"""Heading of each measure, and whether more is better. In the brain unless it says otherwise."""


@dataclass(frozen=True, eq=False)
class Case:
    """One series to measure on: ``truth`` as stored, ``clean`` without noise (the same where unknown)."""

    name: str
    truth: Series
    clean: Series
    mask: np.ndarray
    aif: ArterialInput | None

    @cached_property
    def maps(self) -> PerfusionMaps | None:
        """Those of ``clean``; None where it has no bolus."""
        from dsc_superres.perfusion import compute_maps

        try:
            return compute_maps(self.clean, aif=self.aif, mask=self.mask, options=MAP_OPTIONS)
        except PerfusionError:
            return None

    @property
    def bolus(self) -> np.ndarray:
        """bool[t]: frames in which the brain is at least a fifth of the way to its lowest signal."""
        mean = self.clean.signal[:, self.mask].mean(axis=1)
        steady = mean[1:] if len(mean) > 2 else mean
        return mean < steady.max() - 0.2 * (steady.max() - steady.min())


def patient_case(seed: int, slices: int, space: int, time: int) -> Case:
    """A digital patient, cropped to what under-sampling sees."""
    from dsc_superres.phantom import digital_patient

    patient = digital_patient(seed, slices=slices)
    truth, clean = (matching_truth(series, space, time) for series in (patient.series, patient.clean))
    width, height, _ = truth.size
    aif = ArterialInput(patient.aif.times, patient.aif.delta_r2star)
    return Case(f"patient {seed}", truth, clean, patient.mask[:, :height, :width], aif)


def measured_case(path: str, space: int, time: int) -> Case:
    """A measured series: its own truth, noise included. An echo time that is not known cancels in every error."""
    from dsc_superres.io import read_series
    from dsc_superres.mapping import ASSUMED_ECHO_TIME
    from dsc_superres.perfusion import brain_mask

    series = read_series(path)
    if series.echo_time is None:
        series = replace(series, echo_time=ASSUMED_ECHO_TIME)
    truth = matching_truth(series, space, time)
    return Case(Path(path).name, truth, truth, brain_mask(truth), None)


def measure(case: Case, recon: Series, time: int) -> dict[str, float]:
    """Every measure of one reconstruction; perfusion errors only where there is a bolus."""
    truth, clean, image, mask = case.truth.signal, case.clean.signal, recon.signal, case.mask
    peak = float(clean.max())
    between, bolus = np.arange(recon.frames) % time != 0, case.bolus
    ssim_whole, ssim_brain = ssim_frames(image, truth, mask)
    found = {
        "psnr": psnr(image, truth, mask),
        "nmse": 100 * nmse(image, truth, mask),
        "ssim": float(ssim_brain.mean()),
        "psnr_clean": psnr(image, clean, mask, peak),
        "psnr_between": psnr(image[between], clean[between], mask, peak),
        "psnr_settled": psnr(image[time:], clean[time:], mask, peak),
        "psnr_bolus": psnr(image[bolus], clean[bolus], mask, peak),
        "ssim_whole": float(ssim_whole.mean()),
    }
    return found | (_perfusion_errors(case, recon) if case.maps else {})


def _perfusion_errors(case: Case, recon: Series) -> dict[str, float]:
    """Median relative errors (%) over the brain, against the noise-free series' own values."""
    from dsc_superres.perfusion import compute_maps, delta_r2star

    maps, mask = case.maps, case.mask
    found = compute_maps(recon, aif=maps.aif, mask=mask, options=MAP_OPTIONS)
    peak, true_peak = (
        delta_r2star(series.signal[:, mask], series.echo_time, maps.baseline).max(axis=0)
        for series in (recon, case.clean)
    )
    errors = {"peak": _median_error(peak, true_peak)}
    for name in ("cbv", "cbf"):
        errors[name] = _median_error(getattr(found, name)[mask], getattr(maps, name)[mask])
    return errors


def _median_error(values: np.ndarray, truth: np.ndarray) -> float:
    counted = truth > 0.1 * np.median(truth[truth > 0])
    return 100 * float(np.median(np.abs(values[counted] / truth[counted] - 1)))


def evaluate(make: Callable[[], Case], models: Sequence[str], space: int, time: int) -> list[dict]:
    """One record (case, model and measures) per model."""
    from dsc_superres.networks import load_model
    from dsc_superres.reconstruct import reconstruct, reconstruct_with_deviation

    case = make()
    coarse = undersample(case.truth, space, time)
    records = []
    for model in models:
        network, covered = load_model(model), {}
        if hasattr(network, "predict"):
            recon, deviation = reconstruct_with_deviation(coarse, space=space, time=time, model=network)
            covered = coverage(case, recon, deviation, time) | map_coverage(case, recon, deviation)
        else:
            recon = reconstruct(coarse, space=space, time=time, model=network)
        records.append({"case": case.name, "model": Path(model).stem} | measure(case, recon, time) | covered)
    return records


def coverage(case: Case, recon: Series, deviation: Series, time: int) -> dict[str, float]:
    """How often (%) the noise-free signal lies within 1 and 1.96 deviations, in the brain after the first interval."""
    error = np.abs(recon.signal - case.clean.signal)[time:, case.mask]
    ratio = error / deviation.signal[time:, case.mask]
    return {"within_1": 100 * float(np.mean(ratio < 1)), "within_2": 100 * float(np.mean(ratio < 1.96))}


def map_coverage(case: Case, recon: Series, deviation: Series) -> dict[str, float]:
    """The same (%) of CBV and CBF, against the maps of the noise-free series; and the factor that would make it right.

    Voxels count whose value is above a tenth of the median.
    """
    from dsc_superres.perfusion import compute_maps
    from dsc_superres.perfusion.propagation import propagated

    if case.maps is None:
        return {}
    maps = compute_maps(recon, aif=case.maps.aif, mask=case.mask, options=MAP_OPTIONS)
    found = {}
    for name, told in propagated(maps, recon, deviation).items():
        values, truth = getattr(maps, name)[case.mask], getattr(case.maps, name)[case.mask]
        counted = truth > 0.1 * np.median(truth[truth > 0])
        ratio = (np.abs(values - truth) / np.maximum(told[case.mask], 1e-9))[counted]
        one, two = np.percentile(ratio, (68.27, 95))
        found[f"{name}_within_1"] = 100 * float(np.mean(ratio < 1))
        found[f"{name}_within_2"] = 100 * float(np.mean(ratio < 1.96))
        found[f"{name}_factor"] = float(np.sqrt(one * two / 1.96))
    return found


def _evaluate_all(cases: Sequence[Callable[[], Case]], models: Sequence[str], space: int, time: int, jobs: int) -> list:
    """Every case's records in order; several cases at once, each on one thread, where ``jobs`` says so."""
    import torch

    pool = ProcessPoolExecutor(jobs, get_context("spawn"), torch.set_num_threads, (1,)) if jobs > 1 else None
    work = partial(evaluate, models=models, space=space, time=time)
    records = []
    with pool or nullcontext():
        for found in tqdm((pool.map if pool else map)(work, cases), total=len(cases), unit="case"):
            records += found
    return records


def table(records: list[dict]) -> str:
    """Markdown: measures by models, mean ± sd over cases, and each network's lead over the best classic model."""
    models = list(dict.fromkeys(record["model"] for record in records))
    classic = [model for model in models if model in CLASSIC]
    networks = [model for model in models if model not in CLASSIC] if classic else []
    head = ["in the brain, against the acquired frames", *models]
    head += [f"{model} − best classic (95 % CI)" for model in networks]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name, (title, _) in MEASURES.items():
        values = {m: np.array([r[name] for r in records if r["model"] == m and name in r]) for m in models}
        if not all(found.size for found in values.values()):
            continue
        row = [title] + [_mean_and_spread(values[model], name) for model in models]
        row += [_lead(values, model, classic, name) for model in networks]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines + [line for model in models for line in _coverage_lines(records, model)])


def _coverage_lines(records: list[dict], model: str) -> list[str]:
    told = [record for record in records if record["model"] == model and "within_1" in record]
    if not told:
        return []
    lines = ["", f"How often the truth lies within the interval that {model} tells, in %:", ""]
    lines += ["| | one standard deviation (68.3) | 1.96 standard deviations (95) |", "|---|---|---|"]
    for prefix, title in (("", "signal"), ("cbv_", "CBV"), ("cbf_", "CBF")):
        names = [f"{prefix}within_{k}" for k in (1, 2)]
        values = [np.array([record[name] for record in told if name in record]) for name in names]
        if values[0].size:
            lines.append(f"| {title} | " + " | ".join(_mean_and_spread(v, "within_1") for v in values) + " |")
    return lines


def _digits(name: str) -> int:
    return 4 if name.startswith("ssim") else 3 if name == "nmse" else 1 if name == "within_1" else 2


def _mean_and_spread(values: np.ndarray, name: str) -> str:
    digits = _digits(name)
    return f"{values.mean():.{digits}f}" + (f" ± {values.std(ddof=1):.{digits}f}" if values.size > 1 else "")


def _lead(values: dict[str, np.ndarray], model: str, classic: list[str], name: str) -> str:
    """Paired difference to the classic model with the best mean, with a Student confidence interval."""
    from scipy.stats import t

    sign = 1 if MEASURES[name][1] else -1
    best = max(classic, key=lambda other: sign * values[other].mean())
    difference = values[model] - values[best]
    digits, middle, count = _digits(name), difference.mean(), difference.size
    interval = ""
    if count > 1:
        half = t.ppf(0.975, count - 1) * difference.std(ddof=1) / count**0.5
        interval = f" ({middle - half:+.{digits}f} to {middle + half:+.{digits}f})"
    return f"**{middle:+.{digits}f}**{interval}, {best}"


def insert(document: Path, mark: str, text: str) -> None:
    """Put ``text`` between the comments ``<!-- mark -->`` and ``<!-- /mark -->`` of a Markdown document."""
    from dsc_superres.atomic import write_text

    old = document.read_text(encoding="utf-8")
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    if begin not in old or end not in old:
        raise FileError(f"{document.name} has no marks {begin} and {end} to put the table between.")
    write_text(document, old[: old.index(begin) + len(begin)] + f"\n{text}\n" + old[old.index(end) :])


def deliver(name: str, text: str, records: list[dict], options: argparse.Namespace) -> None:
    """Put a table where ``--into`` and ``--out`` say."""
    if options.into:
        insert(options.into, options.mark, text)
    if options.out:
        from dsc_superres.atomic import write_text

        options.out.mkdir(parents=True, exist_ok=True)
        write_text(options.out / f"{name}.md", text + "\n")
        write_text(options.out / f"{name}.json", json.dumps(records, indent=1))


def run(arguments: Sequence[str]) -> None:
    """``dsc-superres benchmark quality``: prints the table, and saves it with every case's numbers under ``--out``."""
    from dsc_superres.phantom import TRAINING_SEEDS, VALIDATION_SEEDS

    parser = argparse.ArgumentParser(prog="dsc-superres benchmark quality", description=__doc__)
    models = ["ode-liif", "ode-liif-plus", *CLASSIC]
    parser.add_argument("--models", nargs="+", default=models, help="names or .safetensors files")
    parser.add_argument("--patients", type=int, default=len(VALIDATION_SEEDS), help="how many validation patients")
    parser.add_argument("--training", action="store_true", help="training patients instead, to calibrate on")
    parser.add_argument("--slices", type=int, default=3, help="middle slices of each patient")
    parser.add_argument("--series", nargs="*", default=[], help="measured series to use instead of the patients")
    parser.add_argument("--space", type=int, default=2)
    parser.add_argument("--time", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=1, help="cases at once (about 2 GiB each)")
    parser.add_argument("--into", type=Path, help="Markdown file whose marked place is to hold the table")
    parser.add_argument("--mark", default="quality", help="that place: between <!-- MARK --> and <!-- /MARK -->")
    parser.add_argument("--out", type=Path, help="folder for quality.md and quality.json")
    options = parser.parse_args(arguments)
    space, time = options.space, options.time
    seeds = TRAINING_SEEDS if options.training else VALIDATION_SEEDS
    cases = [partial(measured_case, path, space, time) for path in options.series] or [
        partial(patient_case, seed, options.slices, space, time) for seed in seeds[: options.patients]
    ]
    records = _evaluate_all(cases, options.models, space, time, options.jobs)
    text = table(records)
    print(text)
    for name in ("cbv", "cbf") if options.training else ():
        factors = [record[f"{name}_factor"] for record in records if f"{name}_factor" in record]
        if factors:
            print(f"factor that makes the intervals of {name} right: {np.exp(np.mean(np.log(factors))):.3f}")
    deliver("quality", text, records, options)
