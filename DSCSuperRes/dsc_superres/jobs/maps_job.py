"""Jobs that compute perfusion maps of series as they are."""

from __future__ import annotations

from dsc_superres.errors import Cancelled
from dsc_superres.jobs.provenance import maps_provenance
from dsc_superres.jobs.read_input import read_inputs, read_uncertainty
from dsc_superres.jobs.result import JobResult
from dsc_superres.jobs.results import write_maps
from dsc_superres.jobs.types import MapsJob
from dsc_superres.perfusion.propagation import check_uncertainty
from dsc_superres.pipeline.masks import find_masks
from dsc_superres.pipeline.shared_maps import map_series, with_reconstruction_uncertainty
from dsc_superres.pipeline.steps import echo_time_note
from dsc_superres.utils.atomic_writing import atomic_folder
from dsc_superres.utils.progress import IsCancelled, Progress, part


def run_maps(job: MapsJob, progress: Progress, cancelled: IsCancelled) -> JobResult:
    job.map_options()
    progress(0.01, "Reading")
    series, uncertainty = read_inputs(job), read_uncertainty(job)
    uncertain = "input" if job.inputs is None else "reconstruction"
    if uncertainty is not None:
        check_uncertainty(uncertainty, series[uncertain])
    maps = map_series(
        series,
        find_masks(series, job.mask),
        job,
        None,
        part(progress, 0.02, 0.95),
        cancelled,
        acquired={"reconstruction": series["input"].times} if {"reconstruction", "input"} <= set(series) else None,
        uncertainties={uncertain: uncertainty},
    )
    maps = with_reconstruction_uncertainty(maps, uncertain, series.get(uncertain), uncertainty)
    progress(0.95, "Writing")
    artery_of = None if job.inputs is None else job.aif_series or next(iter(maps))
    with atomic_folder(job.output) as folder:
        for name, values in maps.items():
            place = folder if job.inputs is None else folder / f"maps_{name}"
            write_maps(values, series[name].geometry, place, artery_of)
        if cancelled():
            raise Cancelled
    progress(1.0, "Done")
    provenance = {name: maps_provenance(values) for name, values in maps.items()}
    notes = [*dict.fromkeys(warning for values in maps.values() for warning in values.warnings)]
    if any(one.echo_time is None for one in series.values()):
        notes.append(echo_time_note())
    files = {"maps": "."} if job.inputs is None else {f"maps_{name}": f"maps_{name}" for name in maps}
    return JobResult(job.output, files, {"maps_error": None, "notes": notes, "provenance": provenance})
