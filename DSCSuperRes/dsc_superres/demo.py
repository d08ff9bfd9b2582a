"""The whole job in one call: a series, or a digital patient, through reconstruction and maps to a report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from dsc_superres.atomic import atomic_folder, write_json
from dsc_superres.job import Job
from dsc_superres.metrics import Scores, scores
from dsc_superres.perfusion import ArterialInput
from dsc_superres.progress import Report, part
from dsc_superres.report.plots import Region
from dsc_superres.results import write_study
from dsc_superres.series import Series
from dsc_superres.study import TRUTH, Study, map_errors, retrospect

if TYPE_CHECKING:
    from dsc_superres.phantom import DigitalPatient

SLICES = 4
"""Slices of the digital patient: a demo is for looking at, and two slow cores are to finish it in minutes."""
SPACE, TIME = 2, 4
BASELINES = ("backprojection", "pchip", "cubic", "linear")
ROI_RADIUS = 5.0
"""mm; a region as a reader would draw it: larger ones hide in their mean what a voxel shows."""


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


@dataclass(frozen=True, eq=False)
class Simulated:
    """What only a digital patient can tell: errors against the truth that the simulation knows.

    clean_scores  by model, and ``TRUTH`` for the noisy series itself: against the series without noise, in the brain
    map_errors    by model, and ``TRUTH`` for the maps of the noisy series: against the perfusion that was simulated
    maps          the simulated cbv, cbf, mtt and tmax [z, y, x] on the grid of the truth
    seed, lesion  which patient
    """

    clean_scores: dict[str, Scores]
    map_errors: dict[str, dict[str, dict[str, float | None]]]
    maps: dict[str, np.ndarray]
    seed: int
    lesion: str


@dataclass(frozen=True, eq=False)
class Story:
    """Everything that the report tells; ``z`` is the slice to show."""

    study: Study
    job: Job
    z: int
    regions: list[Region] = field(default_factory=list)
    simulated: Simulated | None = None


def run(demo: Demo, report: Report, cancelled: Callable[[], bool] = lambda: False) -> Path:
    """Do it and return the path of the report. Raises ``DSCError``; what fails leaves no folder behind."""
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
        story = Story(study, job, *find_regions(study, patient), simulated)
        write_report(story, folder, Path(demo.figures) if demo.figures else None)
    report(1.0, "Done")
    return demo.folder / "report.html"


def find_regions(study: Study, patient: DigitalPatient | None) -> tuple[int, list[Region]]:
    """The slice to look at, and regions in it: artery, grey matter, white matter and lesion.

    Real data have what their own maps suggest, and the whole brain; without maps there are no regions. Tissue regions
    are discs of ``ROI_RADIUS``.
    """
    if TRUTH not in study.maps:
        depth = study.truth.size[2]
        return depth // 2 if study.mask is None else int(study.mask.sum(axis=(1, 2)).argmax()), []
    spacing = study.truth.geometry.spacing
    classes = _classes(study, patient)
    brain = study.maps[TRUTH].mask
    z = int(brain.sum(axis=(1, 2)).argmax())
    if patient:
        # The lesion, if there is one, is the last class.
        z = next((_innermost(where, spacing)[0] for where in reversed(classes.values()) if where.any()), z)
    found = {"Artery": _artery(study, patient, z)}
    found |= {name: _disc(where, z, spacing) for name, where in classes.items()}
    if patient is None:
        found["Whole brain"] = brain
    return z, [Region(name, where) for name, where in found.items() if where.any()]


def _artery(study: Study, patient: DigitalPatient | None, z: int) -> np.ndarray:
    """bool[z, y, x]: the voxels of the automatic arterial input; in a digital patient the largest artery of slice z."""
    artery = np.zeros(study.truth.signal.shape[1:], bool)
    if patient is None:
        artery[tuple(study.maps[TRUTH].aif.voxels.T)] = True
        return artery
    code = next(code for code, name in patient.names.items() if name == "artery")
    labels, count = ndimage.label((_cropped(patient.tissue, study) == code)[z] & study.mask[z])
    if count:
        sizes = np.bincount(labels.ravel())
        artery[z] = labels == 1 + int(sizes[1:].argmax())
    return artery


def _cropped(image: np.ndarray, study: Study) -> np.ndarray:
    """The part of a patient's image [z, y, x] that the study's truth covers."""
    return image[:, : study.truth.size[1], : study.truth.size[0]]


def _classes(study: Study, patient: DigitalPatient | None) -> dict[str, np.ndarray]:
    """bool[z, y, x] by name: where to look for each region."""
    maps = study.maps[TRUTH]
    if patient is None:
        inside = ndimage.binary_erosion(maps.mask, np.ones((1, 3, 3)))
        smooth = ndimage.gaussian_filter(maps.cbv, (0, 1.5, 1.5))
        low, mid, high, top = np.percentile(smooth[inside], (15, 45, 65, 90))
        return {
            "High blood volume (as in grey matter)": inside & (smooth > high) & (smooth < top),
            "Low blood volume (as in white matter)": inside & (smooth > low) & (smooth < mid),
        }
    tissue = _cropped(patient.tissue, study)
    codes = {name: code for code, name in patient.names.items()}
    lesions = {"Tumour rim": "tumour rim", "Stroke core": "stroke core", "Stroke penumbra": "stroke penumbra"}
    found = {"Grey matter": tissue == codes["grey"], "White matter": tissue == codes["white"]}
    present = {title: tissue == codes[name] for title, name in lesions.items() if (tissue == codes[name]).any()}
    if present:
        largest = max(present, key=lambda title: np.count_nonzero(present[title]))
        found[f"Lesion: {largest.lower()}"] = present[largest]
    return found


def _innermost(where: np.ndarray, spacing: tuple[float, float, float]) -> tuple[int, int, int]:
    """Index (z, y, x) of the voxel of ``where`` that is farthest from its edge, in plane."""
    depth = np.stack([ndimage.distance_transform_edt(plane, sampling=(spacing[1], spacing[0])) for plane in where])
    return tuple(int(i) for i in np.unravel_index(depth.argmax(), depth.shape))


def _disc(where: np.ndarray, z: int, spacing: tuple[float, float, float]) -> np.ndarray:
    """bool[z, y, x]: the voxels of ``where`` in slice ``z`` around its innermost point there."""
    _, y, x = _innermost(where[z : z + 1], spacing)
    rows, columns = np.indices(where.shape[1:])
    disc = np.zeros_like(where)
    disc[z] = where[z] & (np.hypot((rows - y) * spacing[1], (columns - x) * spacing[0]) <= ROI_RADIUS)
    return disc


def _patient(demo: Demo) -> DigitalPatient:
    from dsc_superres.phantom import VALIDATION_SEEDS, digital_patient

    return digital_patient(VALIDATION_SEEDS[0] if demo.seed is None else demo.seed, slices=demo.slices)


def _known_aif(patient: DigitalPatient) -> ArterialInput:
    return ArterialInput(patient.aif.times, patient.aif.delta_r2star, source="known from the simulation")


def _against_simulation(study: Study, patient: DigitalPatient) -> Simulated:
    clean = np.stack([_cropped(frame, study) for frame in patient.clean.signal[: study.truth.frames]])
    all_series = {**study.reconstructions, TRUTH: study.truth}
    truth = {name: _cropped(getattr(patient, name), study) for name in ("cbv", "cbf", "mtt", "tmax")}
    tissue = _cropped(patient.tissue, study)
    names = patient.names
    # Blood vessels have no meaningful tissue perfusion, and cerebrospinal fluid none at all.
    perfused = study.mask & ~np.isin(tissue, [c for c, name in names.items() if name in ("artery", "vein", "csf")])
    return Simulated(
        clean_scores={model: scores(series.signal, clean, study.mask)[1] for model, series in all_series.items()},
        map_errors=map_errors(study.maps, truth, perfused & (truth["cbf"] > 0)),
        maps=truth,
        seed=int(patient.description["seed"]),
        lesion=str(patient.description["lesion"]),
    )


def _plain(simulated: Simulated) -> dict[str, object]:
    return {
        "seed": simulated.seed,
        "lesion": simulated.lesion,
        "brain_without_noise": {model: found.to_dict() for model, found in simulated.clean_scores.items()},
        "maps": simulated.map_errors,
    }
