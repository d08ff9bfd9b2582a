"""Results as files: series and maps that 3D Slicer opens, metrics and provenance as JSON.

One layout wherever results are written: reconstruction, input, truth, difference and uncertainty as series;
maps_reconstruction/, maps_truth/ and maps_input/ with one file for each map; metrics.json, provenance.json and
report.html.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dsc_superres.geometry import Geometry
from dsc_superres.io import write_series, write_volume
from dsc_superres.io.image_checksum import image_checksum
from dsc_superres.io.recorded_provenance import provenance_record
from dsc_superres.io.sidecar import sidecar_bytes, sidecar_path
from dsc_superres.jobs.provenance import case_provenance, maps_provenance
from dsc_superres.jobs.types import CompareJob, ReconstructJob
from dsc_superres.perfusion import ArterialInput, PerfusionMaps
from dsc_superres.perfusion.region_table import csv_text, region_table, regions_of
from dsc_superres.pipeline.case import TRUTH, Case, map_errors
from dsc_superres.series import Series
from dsc_superres.utils.atomic_writing import write_json, write_text
from dsc_superres.utils.scratch_memory import save_npy

METRICS = "metrics.json"
PROVENANCE = "provenance.json"
REGIONS_FOLDER = "regions"


def write_case(
    case: Case, job: ReconstructJob | CompareJob, folder: Path, written: Path | None = None
) -> dict[str, object]:
    """Write everything into ``folder``; returns the files by role, and the facts of the result.

    ``written`` is a folder in which the series of the case were written before, where there is one.
    """
    all_series = case_series(case, job)
    described = {
        name: _write_described(series, folder / f"{name}.{job.format}", job.integer, written)
        for name, series in all_series.items()
    }
    files = {name: str(value["file"]) for name, value in described.items()}
    for model, maps in case.maps.items():
        if model in (TRUTH, case.model):
            name = "maps_truth" if model == TRUTH else "maps_reconstruction"
            write_maps(maps, case.reconstruction.geometry, folder / name, aif_series(case), case.notes)
            files[name] = name
    if case.input_maps is not None:
        write_maps(case.input_maps, case.input.geometry, folder / "maps_input", aif_series(case), case.notes)
        files["maps_input"] = "maps_input"
    metrics = case_metrics(case)
    provenance = case_provenance(case, job)
    write_json(folder / METRICS, metrics)
    write_json(folder / PROVENANCE, provenance)
    files |= {"metrics": METRICS, "provenance": PROVENANCE}
    return {"files": files, "series": described, "metrics": metrics, **case_facts(case, provenance)}


def case_facts(case: Case, provenance: dict[str, object]) -> dict[str, object]:
    """What a user is to read of a case."""
    return {"maps_error": case.maps_error, "notes": list(case.notes), "provenance": provenance}


def case_series(case: Case, job: ReconstructJob | CompareJob) -> dict[str, Series]:
    """The series of a case by role, as they are written: with the notes of the case and their provenance."""
    return {role: _described(role, series, case) for role, series in _series_by_role(case, job).items()}


def _described(role: str, series: Series, case: Case) -> Series:
    made = {
        "truth": series.provenance or series.derived("acquired"),
        "difference": {**case.reconstruction.provenance, "role": "difference"},
    }
    return series.described(notes=case.notes, provenance=made.get(role, series.provenance))


def _series_by_role(case: Case, job: ReconstructJob | CompareJob) -> dict[str, Series]:
    uncertainty = {"uncertainty": case.uncertainty} if job.uncertainty and case.uncertainty is not None else {}
    if case.truth is None:
        return {"reconstruction": case.reconstruction, **uncertainty}
    comparison = case.comparisons[case.model]
    difference = case.truth.with_signal(comparison.difference, times=comparison.aligned.times, name="difference")
    return {
        "input": case.input,
        "truth": case.truth,
        "reconstruction": case.reconstruction,
        "difference": difference,
        **uncertainty,
    }


def aif_series(case: Case) -> str:
    """Which series of a case its automatic arterial input function was found in."""
    return "reconstruction" if case.truth is None else TRUTH


def write_maps(
    maps: PerfusionMaps,
    geometry: Geometry,
    folder: str | Path,
    artery_of: str | None = None,
    notes: Sequence[str] = (),
) -> None:
    """Write cbv, cbf, mtt, ttp, tmax, ... (.nii.gz), mask, reference, aif.csv and provenance.json into ``folder``.

    Its folder ``regions`` gets fluid, vessels and hypoperfused tissue, and ``regions.csv`` the maps in them.

    ``artery_of`` is the name of the series whose grid the arterial voxels are on, where it may be another one;
    ``notes`` are sentences about the series, for the provenance.
    """
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    for name, values in maps.as_dict().items():
        write_volume(values, geometry, folder / f"{name}.nii.gz")
    write_volume(maps.mask.astype(np.float32), geometry, folder / "mask.nii.gz")
    if maps.reference is not None:
        write_volume(maps.reference.region.astype(np.float32), geometry, folder / "reference.nii.gz")
    write_aif(maps.aif, folder / "aif.csv")
    write_regions(maps, geometry, folder / REGIONS_FOLDER)
    provenance = maps_provenance(maps, notes)
    write_json(folder / PROVENANCE, provenance if artery_of is None else {**provenance, "aif_series": artery_of})


def write_regions(maps: PerfusionMaps, geometry: Geometry, folder: Path) -> None:
    """Write the regions of the maps (.nii.gz), and the statistics of the maps in them as ``regions.csv``."""
    if maps.midline is None:
        return
    folder.mkdir(exist_ok=True)
    for name, region in maps.regions.items():
        write_volume(region.astype(np.float32), geometry, folder / f"{name}.nii.gz")
    rows = region_table(maps, maps.midline, geometry, regions_of(maps))
    write_text(folder / "regions.csv", csv_text(rows))


def write_aif(aif: ArterialInput, path: Path) -> None:
    """Write the columns time_s and delta_r2star (1/s), as the option ``aif`` reads them."""
    rows = zip(aif.times.tolist(), aif.delta_r2star.tolist(), strict=True)
    write_text(path, "time_s,delta_r2star\n" + "".join(f"{t:.6g},{value:.6g}\n" for t, value in rows))


def case_metrics(case: Case) -> dict[str, object]:
    """All numbers of a case: images by model, peak Delta R2*, and maps against the maps of the truth."""
    metrics: dict[str, object] = {"images": {model: result.to_dict() for model, result in case.comparisons.items()}}
    if case.peak_errors:
        metrics["peak_delta_r2star"] = {
            model: {"mean_absolute_per_s": error, "relative": share}
            for model, (error, share) in case.peak_errors.items()
        }
    if TRUTH in case.maps:
        truth = case.maps[TRUTH]
        others = {model: maps for model, maps in case.maps.items() if model != TRUTH}
        metrics["maps_against_truth"] = map_errors(others, truth.as_dict(), truth.mask)
    return metrics


def _write_described(series: Series, path: Path, integer: bool, written: Path | None = None) -> dict[str, object]:
    """Write a series; returns what a program needs to use it: file, times (s), geometry (LPS, mm), provenance."""
    if path.suffix == ".npy":
        if written is None or not _is_linked(written / path.name, path):
            save_npy(path, series.signal)
        sidecar_path(path).write_bytes(sidecar_bytes(series, image_checksum(path)))
    else:
        write_series(series, path, integer=integer)
    return {
        "file": path.name,
        "times": series.times.tolist(),
        "geometry": series.geometry.as_dict(),
        "sources": dict(series.sources),
        "provenance": provenance_record(series),
    }


def _is_linked(existing: Path, path: Path) -> bool:
    """Make ``path`` a second name of an existing file, and return whether the file system could."""
    try:
        os.link(existing, path)
    except OSError:
        return False
    return True
