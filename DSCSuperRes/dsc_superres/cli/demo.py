"""The whole job in one call: a series, or a digital patient, through reconstruction and maps to a report."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsc_superres.jobs.case_jobs import write_results
from dsc_superres.jobs.free_space import check_free_space
from dsc_superres.jobs.gate import check_job_paths, is_within
from dsc_superres.jobs.job_result import JobResult
from dsc_superres.jobs.read_input import read_input
from dsc_superres.jobs.result_files import METRICS
from dsc_superres.jobs.targets import check_is_ours, check_results_folder
from dsc_superres.jobs.types import CompareJob
from dsc_superres.metrics import scores
from dsc_superres.models import entries
from dsc_superres.perfusion import ArterialInput
from dsc_superres.pipeline.case import TRUTH, Case, map_errors
from dsc_superres.pipeline.compare_case import compare_case
from dsc_superres.report import write_report
from dsc_superres.report.content import ReportContent, SimulationTruth, cropped, find_regions
from dsc_superres.utils.atomic_writing import atomic_folder, write_json
from dsc_superres.utils.progress import IsCancelled, Progress, never, part

if TYPE_CHECKING:
    from dsc_superres.phantom import DigitalPatient

SLICES = 4
"""Slices of the digital patient: a demo is for looking at, and two slow cores are to finish it in minutes."""
BASELINES = tuple(entry.name for entry in reversed(entries()) if entry.is_interpolator)
"""Interpolators to compare with, where the options name no others."""


def run(options: dict[str, Any], figures: str | None, progress: Progress, cancelled: IsCancelled = never) -> JobResult:
    """Compare as the ``options`` of a ``CompareJob`` say; where they name no input, on a digital patient.

    ``figures`` names a folder for the report's figures as PNG. Raises ``DSCError``; what fails leaves no folder behind.
    """
    job = _job(options)
    check_job_paths(job)
    check_results_folder(job.output)
    patient = None if "input" in options else _patient(job.model, progress)
    # What the simulation knows needs no guess. Its arterial input above all: an artery's signal is lost at the
    # peak, in a scanner as here, so that volumes and flows from the image come out several times too high.
    known = {"mask": patient.mask, "aif": _known_aif(patient)} if patient else {}
    series = patient.series if patient else read_input(job)
    check_free_space(series, job)
    start = 0.1 if patient else 0.0
    case = compare_case(series, job, part(progress, start, 0.9), cancelled, maps=job.maps, **known)
    simulated = _against_simulation(case, patient) if patient else None
    pictures = Path(figures) if figures else None

    def finish(folder: Path, result: dict[str, Any]) -> None:
        if simulated:
            write_json(folder / METRICS, {**result["metrics"], "against_simulation": _plain(simulated)})
        progress(0.97, "Drawing the report")
        content = ReportContent(case, job, *find_regions(case, patient), simulated)
        if pictures is None:
            page = write_report(content, folder)
        elif is_within(pictures, job.output):
            page = write_report(content, folder, folder / os.path.relpath(pictures.absolute(), job.output.absolute()))
        else:
            with atomic_folder(pictures) as partial:
                page = write_report(content, folder, partial)
                for former in (pictures / picture.name for picture in partial.iterdir()):
                    if former.exists():
                        check_is_ours(former)
        result["files"]["report"] = page.name

    return write_results(case, replace(job, report=False), progress, cancelled, finish)


def _job(options: dict[str, Any]) -> CompareJob:
    job = CompareJob(**{"input": Path("digital-patient"), **options})
    if job.maps:
        job.map_options()  # options that do not go together are worth knowing before the work
    baselines = job.baselines or tuple(model for model in BASELINES if model != job.model)
    return replace(job, baselines=baselines)


def _patient(model: str, progress: Progress) -> DigitalPatient:
    from dsc_superres.networks import load_model
    from dsc_superres.phantom import VALIDATION_SEEDS, digital_patient

    load_model(model)  # a model that is not there is worth knowing before the work, not in the middle of it
    progress(0.0, "Simulating a digital patient")
    return digital_patient(VALIDATION_SEEDS[0], slices=SLICES)


def _known_aif(patient: DigitalPatient) -> ArterialInput:
    return ArterialInput(patient.aif.times, patient.aif.delta_r2star, source="known from the simulation")


def _against_simulation(case: Case, patient: DigitalPatient) -> SimulationTruth:
    frames = np.flatnonzero(np.isin(patient.clean.times, case.truth.times))
    clean = np.stack([cropped(patient.clean.signal[frame], case) for frame in frames])
    all_series = {**case.reconstructions, TRUTH: case.truth}
    truth = {name: cropped(getattr(patient, name), case) for name in ("cbv", "cbf", "mtt", "tmax")}
    tissue = cropped(patient.tissue, case)
    names = patient.names
    # Blood vessels have no meaningful tissue perfusion, and cerebrospinal fluid none at all.
    perfused = case.mask & ~np.isin(tissue, [c for c, name in names.items() if name in ("artery", "vein", "csf")])
    return SimulationTruth(
        clean_scores={model: scores(series.signal, clean, case.mask)[1] for model, series in all_series.items()},
        map_errors=map_errors(case.maps, truth, perfused & (truth["cbf"] > 0)),
        maps=truth,
        seed=int(patient.description["seed"]),
        lesion=str(patient.description["lesion"]),
    )


def _plain(simulated: SimulationTruth) -> dict[str, object]:
    return {
        "seed": simulated.seed,
        "lesion": simulated.lesion,
        "brain_without_noise": {model: result.to_dict() for model, result in simulated.clean_scores.items()},
        "maps": simulated.map_errors,
    }
