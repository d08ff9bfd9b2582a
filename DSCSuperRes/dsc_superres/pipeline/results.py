"""A study as files: series and maps that 3D Slicer opens, metrics and provenance as JSON."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dsc_superres.geometry import Geometry
from dsc_superres.io import write_series, write_volume
from dsc_superres.perfusion import ArterialInput, PerfusionMaps
from dsc_superres.perfusion.maps import UNITS
from dsc_superres.pipeline.case import TRUTH, Study, label, map_errors
from dsc_superres.pipeline.jobs import Job
from dsc_superres.series import Series
from dsc_superres.utils.atomic_writing import write_json, write_text
from dsc_superres.utils.scratch_memory import save_npy
from dsc_superres.worker.probe import versions

ADAPTED = "adapted.safetensors"
"""The weights that were tuned to the series; there is no such file where the original ones were used."""
DISCLAIMER = "For research only. Not a medical device: not for diagnosis or treatment."


def write_study(study: Study, job: Job, folder: Path) -> dict[str, object]:
    """Write everything into ``folder``; returns the fields of the worker's result, with paths relative to it."""
    described = {name: _write(series, folder / f"{name}.{job.format}") for name, series in _series(study, job).items()}
    files = {name: value["file"] for name, value in described.items()}
    for model, maps in study.maps.items():
        if model in (TRUTH, study.model):
            name = "maps_truth" if model == TRUTH else "maps_reconstruction"
            write_maps(maps, study.reconstruction.geometry, folder / name, aif_series(study))
            files[name] = name
    if study.input_maps is not None:
        write_maps(study.input_maps, study.input.geometry, folder / "maps_input", aif_series(study))
        files["maps_input"] = "maps_input"
    metrics = study_metrics(study)
    origin = study_provenance(study, job)
    if study.adaptation is not None:
        from dsc_superres.reconstruction.adaptation import write_adaptation

        origin["adaptation"] = write_adaptation(study.adaptation, job.model, folder / ADAPTED)
        files |= {} if study.adaptation.kept else {"weights": ADAPTED}
    write_json(folder / "metrics.json", metrics)
    write_json(folder / "provenance.json", origin)
    return {
        "files": {**files, "metrics": "metrics.json", "provenance": "provenance.json"},
        "series": described,
        "metrics": metrics,
        "maps_error": study.maps_error,
        "notes": list(study.notes),
        "provenance": origin,
    }


def aif_series(study: Study) -> str:
    """Which series of a study its automatic arterial input was found in."""
    return "reconstruction" if study.truth is None else TRUTH


def write_all_maps(
    maps: Mapping[str, PerfusionMaps], series: Mapping[str, Series], job: Job, folder: Path
) -> dict[str, object]:
    """Write maps_NAME for each of the job's inputs; returns the fields of the worker's result."""
    artery_of = job.aif_series or next(iter(maps))
    for name, found in maps.items():
        write_maps(found, series[name].geometry, folder / f"maps_{name}", artery_of)
    return {
        "files": {f"maps_{name}": f"maps_{name}" for name in maps},
        "maps_error": None,
        "provenance": {name: maps_provenance(found) for name, found in maps.items()},
    }


def write_maps(maps: PerfusionMaps, geometry: Geometry, folder: Path, artery_of: str | None = None) -> None:
    """Write cbv, cbf, mtt, ttp, tmax (.nii.gz), the mask, aif.csv and provenance.json into ``folder``.

    ``artery_of`` is the name of the series whose grid the arterial voxels are on, where it may be another one.
    """
    folder.mkdir(exist_ok=True)
    for name, values in maps.as_dict().items():
        write_volume(values, geometry, folder / f"{name}.nii.gz")
    write_volume(maps.mask.astype(np.float32), geometry, folder / "mask.nii.gz")
    write_aif(maps.aif, folder / "aif.csv")
    origin = maps_provenance(maps)
    write_json(folder / "provenance.json", origin if artery_of is None else {**origin, "aif_series": artery_of})


def write_aif(aif: ArterialInput, path: Path) -> None:
    """Write the columns time_s and delta_r2star (1/s), as ``--aif`` reads them."""
    rows = zip(aif.times.tolist(), aif.delta_r2star.tolist(), strict=True)
    write_text(path, "time_s,delta_r2star\n" + "".join(f"{t:.6g},{value:.6g}\n" for t, value in rows))


def maps_provenance(maps: PerfusionMaps) -> dict[str, object]:
    """What the maps were computed from and with."""
    return {
        "units": UNITS,
        "warnings": list(maps.warnings),
        **dict(maps.provenance),
        "versions": versions(),
        "notice": DISCLAIMER,
    }


def study_metrics(study: Study) -> dict[str, object]:
    """All numbers of a study: images by model, peak Delta R2*, and maps against the maps of the truth."""
    found: dict[str, object] = {"images": {model: result.to_dict() for model, result in study.comparisons.items()}}
    if study.peak_errors:
        found["peak_delta_r2star"] = {
            model: {"mean_absolute_per_s": error, "relative": share}
            for model, (error, share) in study.peak_errors.items()
        }
    if TRUTH in study.maps:
        truth = study.maps[TRUTH]
        others = {model: maps for model, maps in study.maps.items() if model != TRUTH}
        found["maps_against_truth"] = map_errors(others, truth.as_dict(), truth.mask)
    return found


def study_provenance(study: Study, job: Job) -> dict[str, object]:
    """How the results came about. Holds no file name and no header field: they may name a patient."""
    options = ("task", "space", "time", "interval", "operator", "model", "adapt_minutes", "baselines", "device", "mask")
    settings = {name: getattr(job, name) for name in options}
    settings |= {"model": label(job.model), "baselines": [label(model) for model in job.baselines]}
    settings["mask"] = "file" if job.mask not in ("auto", "none") else job.mask
    source = study.truth or study.input
    return {
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "settings": settings,
        "model": model_provenance(job.model),
        "source": {
            "size_xyz": source.size,
            "frames": source.frames,
            "spacing_mm": source.geometry.spacing,
            "interval_s": source.interval,
            "echo_time_s": source.echo_time,
            "sources": dict(source.sources),
        },
        "maps": {model: maps_provenance(maps) for model, maps in study.maps.items() if model in (TRUTH, study.model)},
        "maps_error": study.maps_error,
        "notes": list(study.notes),
        "seconds": dict(study.seconds),
        "notice": DISCLAIMER,
    }


def model_provenance(model: str) -> dict[str, str | None]:
    """The name of a model and the checksum of its weights (None for an interpolator)."""
    from dsc_superres.networks.registry import WEIGHTS

    path = Path(model) if Path(model).is_file() else WEIGHTS / f"{model}.safetensors"
    checksum = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
    return {"name": path.stem, "weights_sha256": checksum}


def _series(study: Study, job: Job) -> dict[str, Series]:
    told = {"deviation": study.uncertainty} if job.uncertainty and study.uncertainty is not None else {}
    if study.truth is None:
        return {"reconstruction": study.reconstruction, **told}
    result = study.comparisons[study.model]
    difference = study.truth.with_signal(result.difference, times=result.aligned.times, name="difference")
    return {
        "input": study.input,
        "truth": study.truth,
        "reconstruction": study.reconstruction,
        "difference": difference,
        **told,
    }


def _write(series: Series, path: Path) -> dict[str, object]:
    """Write a series; returns what a program needs to use it: file, times (s) and geometry (LPS, mm)."""
    if path.suffix == ".npy":
        save_npy(path, series.signal)
    else:
        write_series(series, path)
    geometry = series.geometry
    return {
        "file": path.name,
        "times": series.times.tolist(),
        "geometry": geometry.as_dict(),
    }
