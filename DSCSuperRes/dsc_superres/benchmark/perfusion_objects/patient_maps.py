"""Perfusion maps of digital patients with thin arteries, end to end: from the series to errors against the truth.

Every row is what a user gets by default: the arterial input is found in the series itself. Errors are those in tissue
without vessels. An artery that fills a part of a pixel scales volumes and flows by one unknown factor, so the errors of
a *pattern* are those that remain after one common factor.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsc_superres.benchmark.image_quality.benchmark_cases import tissue_regions
from dsc_superres.benchmark.shared.text_tables import TextTable
from dsc_superres.degrade import matching_truth, undersample
from dsc_superres.models import DEFAULT_MODEL_WITH_UNCERTAINTY
from dsc_superres.perfusion import MapOptions, PerfusionMaps, compute_maps
from dsc_superres.perfusion.propagation import with_signal_uncertainty
from dsc_superres.phantom import DigitalPatient
from dsc_superres.series import Series
from dsc_superres.utils.atomic_writing import write_json

SPACE, TIME = 2, 4
FRAMES = 61
ARTERIES = (
    (0.25, 0.0),
    (0.15, 0.0),
    (0.3, 1.0),
    (0.2, 0.0),
    (0.5, 0.0),
    (0.2, 1.5),
    (1.0, 0.0),
    (0.7, 0.5),
    (0.4, 0.0),
)
"""Of each validation patient: share of a pixel that arteries fill at most, and their dispersion of the bolus in s."""
MAX_VESSELS = 0.01
"""Largest share of vessels in a voxel that counts as tissue."""
METHODS = ("bayes", "csvd")
TITLES = {"bayes": "default", "csvd": "cSVD"}
COLUMNS = ("CBV, %", "CBF, %", "MTT, %", "MTT, absolute, %", "delay, s", "CBF, r")
QUANTITIES = ("cbv", "cbf", "mtt", "tmax")
COVERED = ("CBV", "CBF", "MTT", "delay")
DRAWS = 2000
"""Draws of the bootstrap over patients."""


@dataclass(frozen=True, eq=False)
class MapInput:
    """What maps are computed from: a series, and of a reconstruction the times that were measured and its error."""

    series: Series
    acquired_times: np.ndarray | None = None
    uncertainty: Series | None = None

    def maps(self, options: MapOptions) -> PerfusionMaps:
        """Return the maps with an arterial input found in the series."""
        found = compute_maps(self.series, options=options, acquired_times=self.acquired_times)
        if self.uncertainty is not None:
            found = with_signal_uncertainty(found, self.series, self.uncertainty)
        return found


def thin_artery_patient(number: int, slices: int, matrix: int = 256) -> DigitalPatient:
    """Return the validation patient of that number, 0 to 8, with arteries that fill a part of a pixel."""
    from dsc_superres.phantom import VALIDATION_SEEDS, digital_patient

    share, dispersion = ARTERIES[number]
    return digital_patient(
        VALIDATION_SEEDS[number],
        slices=slices,
        frames=FRAMES,
        matrix=matrix,
        artery_share=share,
        artery_dispersion=dispersion,
    )


def map_inputs(fine: Series) -> Iterator[tuple[str, MapInput]]:
    """Yield the rows of the table: the fine series, its reconstruction, fine pixels at acquired times, the input."""
    from dsc_superres.reconstruction.reconstruct import reconstruct_with_uncertainty

    coarse = undersample(fine, SPACE, TIME)
    options = {"space": SPACE, "model": DEFAULT_MODEL_WITH_UNCERTAINTY, "device": "cpu"}
    yield "fine series", MapInput(fine)
    series, uncertainty = reconstruct_with_uncertainty(coarse, time=TIME, **options)
    yield f"{SPACE} x {SPACE} x {TIME} reconstruction", MapInput(series, coarse.times, uncertainty)
    series, uncertainty = reconstruct_with_uncertainty(coarse, time=1, **options)
    yield "fine pixels, acquired times", MapInput(series, coarse.times, uncertainty)
    yield "input, coarse", MapInput(coarse)


def patient_records(number: int, slices: int) -> list[dict]:
    """Return one record (patient, row, method, measures) for each row and method."""
    patient = thin_artery_patient(number, slices)
    fine = matching_truth(patient.series, SPACE, TIME)
    return [
        {"patient": patient.description["seed"], "slices": slices, "row": row, "method": method}
        | map_measures(source.maps(MapOptions(method)), source.series, patient)
        for row, source in map_inputs(fine)
        for method in METHODS
    ]


def map_measures(maps: PerfusionMaps, series: Series, patient: DigitalPatient) -> dict[str, list[float]]:
    """Return the errors in the order of ``COLUMNS``, and the coverage of 95 % intervals in that of ``COVERED``.

    Maps of coarse pixels are interpolated linearly at fine ones.
    """
    found, inside = _on_fine_grid(maps, series, patient)
    truth = {"cbv": patient.cbv, "cbf": patient.cbf, "mtt": patient.mtt, "tmax": patient.delay}
    regions = tissue_regions(patient.tissue, patient.mask)
    tissue = (regions["gray"] | regions["white"] | regions["lesion"]) & (patient.vessels < MAX_VESSELS) & inside
    true = {name: values[tissue] for name, values in truth.items()}
    mapped = {name: values[tissue] for name, values in found.items()}
    ratio = {name: mapped[name] / true[name] for name in ("cbv", "cbf", "mtt")}
    common = {name: float(np.median(values)) for name, values in ratio.items()}
    shift = mapped["tmax"] - true["tmax"]
    patterns = [100 * float(np.median(np.abs(ratio[name] / common[name] - 1))) for name in ratio]
    errors = [
        *patterns,
        100 * float(np.median(np.abs(ratio["mtt"] - 1))),
        float(np.median(np.abs(shift - np.median(shift)))),
        float(np.corrcoef(mapped["cbf"], true["cbf"])[0, 1]),
    ]
    covered = []
    if "mtt_sd" in mapped:
        for name in QUANTITIES[:3]:
            log_error = np.abs(np.log(np.maximum(ratio[name] / common[name], 1e-6)))
            covered.append(100 * float(np.mean(log_error * mapped[name] < 1.96 * mapped[f"{name}_sd"])))
        covered.append(100 * float(np.mean(np.abs(shift - np.median(shift)) < 1.96 * mapped["tmax_sd"])))
    return {"errors": errors, "covered": covered}


def _on_fine_grid(
    maps: PerfusionMaps, series: Series, patient: DigitalPatient
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the maps by name and the voxels in which they exist on the grid of the patient's truth."""
    names = [*QUANTITIES, *(f"{name}_sd" for name in QUANTITIES)]
    found = {name: values for name, values in maps.as_dict().items() if name in names}
    if maps.mask.shape == patient.mask.shape:
        return found, maps.mask
    return {name: _refined(values) for name, values in found.items()}, _refined(maps.mask.astype(np.float32)) > 0.99


def _refined(values: np.ndarray) -> np.ndarray:
    """Return values[z, y, x] of coarse pixels interpolated linearly at SPACE times finer ones."""
    for axis in (1, 2):
        size = values.shape[axis]
        place = np.clip((np.arange(SPACE * size) + 0.5) / SPACE - 0.5, 0, size - 1)
        lower = np.minimum(place.astype(int), size - 2)
        share = (place - lower).reshape((-1, 1) if axis == 1 else (-1,)).astype(np.float32)
        values = np.take(values, lower, axis) * (1 - share) + np.take(values, lower + 1, axis) * share
    return values


def patients_tables(
    count: int,
    slices: int,
    file: Path | None = None,
    progress: Callable[[float, str], None] = lambda fraction, stage: None,
) -> list[TextTable]:
    """Return the tables of errors and of coverage for the first ``count`` of nine patients.

    Records are kept in ``file``; a patient that it holds is not computed again.
    """
    from dsc_superres.phantom import VALIDATION_SEEDS

    seeds = VALIDATION_SEEDS[:count]
    records = json.loads(file.read_text(encoding="utf-8")) if file and file.is_file() else []
    for number, seed in enumerate(seeds):
        if not any(r["patient"] == seed and r["slices"] == slices for r in records):
            progress(number / count, f"patient {seed}")
            records += patient_records(number, slices)
            if file:
                write_json(file, records)
    records = [r for r in records if r["patient"] in seeds and r["slices"] == slices]
    return [errors_table(records), coverage_table(records)]


def errors_table(records: Sequence[dict]) -> TextTable:
    """Means over patients with 95 % confidence intervals by bootstrap."""
    count, slices = len({r["patient"] for r in records}), records[0]["slices"]
    title = (
        f"{count} validation patients whose arteries fill 15 to 100 % of a pixel, {slices} slices, automatic arterial "
        "input, tissue without vessels; CBV, CBF and MTT after one common factor, delay after one common shift; mean "
        "over patients (95 % confidence interval)"
    )
    rows = []
    for row in dict.fromkeys(record["row"] for record in records):
        for method in METHODS:
            errors = np.array([r["errors"] for r in records if r["row"] == row and r["method"] == method])
            low, high = _interval(errors)
            digits = (1, 1, 1, 1, 2, 2)
            cells = [
                f"{mean:.{n}f} ({a:.{n}f} to {b:.{n}f})"
                for mean, a, b, n in zip(errors.mean(axis=0), low, high, digits, strict=True)
            ]
            rows.append((row, TITLES[method], *cells))
    return TextTable(title, ("maps of", "method", *COLUMNS), tuple(rows), headline=True)


def coverage_table(records: Sequence[dict]) -> TextTable:
    """How often 95 % intervals of the default method hold the truth after the common factor; means over patients."""
    rows = []
    for row in dict.fromkeys(record["row"] for record in records):
        covered = np.array([r["covered"] for r in records if r["row"] == row and r["method"] == "bayes"])
        rows.append((row, *(f"{share:.0f}" for share in covered.mean(axis=0))))
    title = "How many % of 95 % intervals of the default method hold the truth, after the common factor or shift"
    return TextTable(title, ("maps of", *COVERED), tuple(rows), headline=True)


def _interval(errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % confidence interval of the mean over patients of errors[patient, column]."""
    random = np.random.default_rng(0)
    chosen = random.integers(0, len(errors), (DRAWS, len(errors)))
    return tuple(np.quantile(errors[chosen].mean(axis=1), (0.025, 0.975), axis=0))
