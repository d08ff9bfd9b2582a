"""Jobs that compute perfusion maps of series as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from dsc_superres.frames.excluded import at_times
from dsc_superres.jobs.job_result import JobResult
from dsc_superres.jobs.provenance import DISCLAIMER, maps_provenance
from dsc_superres.jobs.read_input import read_inputs, read_uncertainty
from dsc_superres.jobs.result_files import PROVENANCE, write_maps
from dsc_superres.jobs.targets import check_results_folder, list_files
from dsc_superres.jobs.types import MapsJob
from dsc_superres.perfusion import PerfusionMaps
from dsc_superres.perfusion.propagation import check_uncertainty
from dsc_superres.pipeline.case import TRUTH, Case
from dsc_superres.pipeline.case_maps import map_series
from dsc_superres.pipeline.masks import find_masks
from dsc_superres.pipeline.notes import echo_time_note, series_notes
from dsc_superres.pipeline.prepared_series import prepared_series
from dsc_superres.series import Series
from dsc_superres.utils.atomic_writing import atomic_folder, write_json, write_text
from dsc_superres.utils.ending import last_chance
from dsc_superres.utils.progress import IsCancelled, Progress, part
from dsc_superres.utils.small_files import read_text
from dsc_superres.utils.versions import versions

REPORT = "report.html"


def run_maps(job: MapsJob, progress: Progress, cancelled: IsCancelled) -> JobResult:
    job.map_options()
    check_results_folder(job.output)
    progress(0.01, "Reading")
    series, uncertainty = read_inputs(job), read_uncertainty(job)
    uncertain = "input" if job.inputs is None else "reconstruction"
    if uncertainty is not None:
        check_uncertainty(uncertainty, series[uncertain])
    frames = None
    if job.inputs is None:
        prepared = prepared_series(series["input"], job, part(progress, 0.02, 0.3), cancelled)
        series["input"], frames = prepared.series, prepared.record
        uncertainty = at_times(uncertainty, prepared.series.times)
    masks, known = find_masks(series, job.mask), {uncertain: uncertainty}
    acquired = {}
    if {"reconstruction", "input"} <= set(series) and series["reconstruction"].acquired_times is None:
        acquired["reconstruction"] = series["input"].times  # of another origin, which does not state it
    work = part(progress, 0.3, 0.95)
    maps = map_series(series, masks, job, None, known, work, cancelled, acquired_times=acquired)
    progress(0.95, "Writing")
    notes = _notes(series)
    maps = {name: _with_frames(values, frames) for name, values in maps.items()}
    provenance = {name: maps_provenance(values, notes) for name, values in maps.items()}
    artery_of = None if job.inputs is None else job.aif_series or next(iter(maps))
    with atomic_folder(job.output, replace=check_results_folder(job.output)) as folder:
        for name, values in maps.items():
            place = folder if job.inputs is None else folder / f"maps_{name}"
            write_maps(values, series[name].geometry, place, artery_of, notes)
        if job.inputs is not None:
            write_json(
                folder / PROVENANCE, {"maps": provenance, "notes": notes, "versions": versions(), "notice": DISCLAIMER}
            )
        updated = _update_report(job, folder, series, maps, notes) if job.update_report is not None else None
        list_files(folder)
        progress(1.0, "Done")
        last_chance(cancelled)
    warnings = [sentence for values in maps.values() for sentence in values.warnings]
    notes = [*dict.fromkeys([*notes, *warnings])]
    files = {"maps": "."} if job.inputs is None else {f"maps_{name}": f"maps_{name}" for name in maps}
    files |= {} if updated is None else {"report": updated}
    return JobResult(job.output, files, {"maps_error": None, "notes": notes, "provenance": provenance})


def _update_report(
    job: MapsJob, folder: Path, series: Mapping[str, Series], maps: Mapping[str, PerfusionMaps], notes: Sequence[str]
) -> str | None:
    """Write the report that the job names with the new maps into ``folder``; returns its name.

    None where the report is of a version whose maps cannot be replaced, or the maps of one series are missing.
    """
    from dsc_superres.report.content import ReportContent, find_regions
    from dsc_superres.report.page import with_new_maps

    truth = {TRUTH: maps[TRUTH]} if TRUTH in maps else {}
    model = (series["reconstruction"].provenance or {}).get("model") or {}
    label = str(model.get("name") or "reconstruction") if isinstance(model, Mapping) else "reconstruction"
    finest = maps.get(TRUTH, maps["reconstruction"])
    case = Case(
        input=series["input"],
        reconstructions={label: series["reconstruction"]},
        truth=series.get(TRUTH),
        mask=finest.mask,
        maps={**truth, label: maps["reconstruction"]},
        input_maps=maps.get("input"),
        notes=tuple(notes),
    )
    z, regions = find_regions(case)
    former = read_text(job.update_report, f"The report {job.update_report.name}")
    page = with_new_maps(former, ReportContent(case, None, z, regions))
    if page is None:
        return None
    write_text(folder / REPORT, page)
    return REPORT


def _notes(series: Mapping[str, Series]) -> list[str]:
    """Sentences about the series: all of the first, and what the readers of the others found in its copies."""
    notes = [*series_notes(next(iter(series.values()))), *(note for one in series.values() for note in one.notes)]
    if any(one.echo_time is None for one in series.values()):
        notes.append(echo_time_note())
    return [*dict.fromkeys(notes)]


def _with_frames(maps: PerfusionMaps, frames: Mapping[str, object] | None) -> PerfusionMaps:
    """The maps with what became of the ``frames`` of their series in the provenance, where that is known."""
    return maps if frames is None else replace(maps, provenance={**maps.provenance, "frames": frames})
