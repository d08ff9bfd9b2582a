"""The whole job in one call: a series, or a digital patient, through reconstruction and maps to a report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dsc_superres.metrics import scores
from dsc_superres.perfusion import ArterialInput
from dsc_superres.pipeline.case import TRUTH, Study, map_errors, retrospect
from dsc_superres.pipeline.jobs import Job
from dsc_superres.pipeline.results import write_study
from dsc_superres.report.content import ReportContent, SimulationTruth, cropped, find_regions
from dsc_superres.series import Series
from dsc_superres.utils.atomic_writing import atomic_folder, write_json
from dsc_superres.utils.progress import Progress, part

if TYPE_CHECKING:
    from dsc_superres.phantom import DigitalPatient

SLICES = 4
"""Slices of the digital patient: a demo is for looking at, and two slow cores are to finish it in minutes."""
SPACE, TIME = 2, 4
BASELINES = ("backprojection", "pchip", "cubic", "linear")


@dataclass(frozen=True)
class Demo:
    """What to show. ``series`` is None for the digital patient; ``figures`` names a folder for PNG files."""

    series: Series | None
    folder: Path
    model: str = "ode-liif"
    device: str = "auto"
    figures: str | None = None
    seed: int | None = None
    slices: int = SLICES


def run(demo: Demo, report: Progress, cancelled: Callable[[], bool] = lambda: False) -> tuple[Path, str | None]:
    """Do it; returns the path of the report, and why there are no maps where there are none.

    Raises ``DSCError``; what fails leaves no folder behind.
    """
    from dsc_superres.networks import load_model
    from dsc_superres.report import write_report

    load_model(demo.model)  # a model that is not there is worth knowing before the work, not in the middle of it
    with atomic_folder(demo.folder) as folder:
        patient = None
        if demo.series is None:
            report(0.0, "Simulating a digital patient")
            patient = _patient(demo)
        job = Job(
            task="compare",
            input=Path(),
            output=demo.folder,
            space=SPACE,
            time=TIME,
            model=demo.model,
            baselines=tuple(model for model in BASELINES if model != demo.model),
            device=demo.device,
        )
        series = patient.series if patient else demo.series
        # What the simulation knows needs no guess. Its arterial input above all: an artery's signal is lost at the
        # peak, in a scanner as here, so that volumes and flows from the image come out several times too high.
        known = {"mask": patient.mask, "aif": _known_aif(patient)} if patient else {}
        study = retrospect(series, job, part(report, 0.1 if patient else 0.0, 0.9), cancelled, **known)
        report(0.9, "Writing series and maps")
        result = write_study(study, job, folder)
        simulated = _against_simulation(study, patient) if patient else None
        if simulated:
            write_json(folder / "metrics.json", {**result["metrics"], "against_simulation": _plain(simulated)})
        report(0.94, "Drawing the report")
        content = ReportContent(study, job, *find_regions(study, patient), simulated)
        write_report(content, folder, Path(demo.figures) if demo.figures else None)
    report(1.0, "Done")
    return demo.folder / "report.html", study.maps_error


def _patient(demo: Demo) -> DigitalPatient:
    from dsc_superres.phantom import VALIDATION_SEEDS, digital_patient

    return digital_patient(VALIDATION_SEEDS[0] if demo.seed is None else demo.seed, slices=demo.slices)


def _known_aif(patient: DigitalPatient) -> ArterialInput:
    return ArterialInput(patient.aif.times, patient.aif.delta_r2star, source="known from the simulation")


def _against_simulation(study: Study, patient: DigitalPatient) -> SimulationTruth:
    clean = np.stack([cropped(frame, study) for frame in patient.clean.signal[: study.truth.frames]])
    all_series = {**study.reconstructions, TRUTH: study.truth}
    truth = {name: cropped(getattr(patient, name), study) for name in ("cbv", "cbf", "mtt", "tmax")}
    tissue = cropped(patient.tissue, study)
    names = patient.names
    # Blood vessels have no meaningful tissue perfusion, and cerebrospinal fluid none at all.
    perfused = study.mask & ~np.isin(tissue, [c for c, name in names.items() if name in ("artery", "vein", "csf")])
    return SimulationTruth(
        clean_scores={model: scores(series.signal, clean, study.mask)[1] for model, series in all_series.items()},
        map_errors=map_errors(study.maps, truth, perfused & (truth["cbf"] > 0)),
        maps=truth,
        seed=int(patient.description["seed"]),
        lesion=str(patient.description["lesion"]),
    )


def _plain(simulated: SimulationTruth) -> dict[str, object]:
    return {
        "seed": simulated.seed,
        "lesion": simulated.lesion,
        "brain_without_noise": {model: found.to_dict() for model, found in simulated.clean_scores.items()},
        "maps": simulated.map_errors,
    }
