"""Jobs that reconstruct a series: into a folder of results, or into a single file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from dsc_superres.io.image_file import stem_of
from dsc_superres.jobs.free_space import check_free_space
from dsc_superres.jobs.gate import check_outputs, inputs_of
from dsc_superres.jobs.images_ahead import ImagesAhead
from dsc_superres.jobs.job_result import JobResult
from dsc_superres.jobs.provenance import case_provenance
from dsc_superres.jobs.read_input import read_input
from dsc_superres.jobs.result_files import case_facts, case_series, write_case
from dsc_superres.jobs.targets import check_is_ours, check_results_folder, check_series_target, list_files
from dsc_superres.jobs.types import CompareJob, ReconstructJob
from dsc_superres.pipeline.case import Case
from dsc_superres.utils.atomic_writing import atomic_folder, atomic_paths, write_json
from dsc_superres.utils.ending import last_chance
from dsc_superres.utils.file_names import is_folder_name
from dsc_superres.utils.progress import IsCancelled, Progress, part

Finish = Callable[[Path, dict[str, object]], None]
"""May add to the folder of results, given it and the facts of the result, before it appears."""


def run_reconstruct(
    job: ReconstructJob,
    progress: Progress,
    cancelled: IsCancelled,
    finish: Finish | None = None,
    ahead: ImagesAhead | None = None,
) -> JobResult:
    from dsc_superres.pipeline.reconstruct_case import reconstruct_case

    if job.wants_maps:
        job.map_options()  # options that do not go together are worth knowing before the work
    targets = {}
    if job.one_file or not (is_folder_name(job.output.name) or job.output.is_dir()):
        targets = _file_targets(job)
    else:
        check_results_folder(job.output)
    images = _images_ahead(job, ahead)
    progress(0.01, "Reading")
    series = read_input(job)
    check_free_space(series, job)
    case = reconstruct_case(series, job, part(progress, 0.05, 0.95), cancelled, maps=job.wants_maps, images=images)
    if job.one_file:
        return _write_files(case, job, targets, progress, cancelled)
    return write_results(case, job, progress, cancelled, finish, ahead)


def run_compare(
    job: CompareJob,
    progress: Progress,
    cancelled: IsCancelled,
    finish: Finish | None = None,
    ahead: ImagesAhead | None = None,
) -> JobResult:
    from dsc_superres.pipeline.compare_case import compare_case

    if job.wants_maps:
        job.map_options()
    check_results_folder(job.output)
    images = _images_ahead(job, ahead)
    progress(0.01, "Reading")
    series = read_input(job)
    check_free_space(series, job)
    case = compare_case(series, job, part(progress, 0.05, 0.95), cancelled, maps=job.wants_maps, images=images)
    return write_results(case, job, progress, cancelled, finish, ahead)


def _images_ahead(job: ReconstructJob | CompareJob, ahead: ImagesAhead | None) -> Callable[[Case], None] | None:
    """What is done with the images of the case before its maps are computed. Raises ``FileError``."""
    if ahead is None:
        return None
    ahead.check(job)
    return lambda case: ahead.write(case, job)


def write_results(
    case: Case,
    job: ReconstructJob | CompareJob,
    progress: Progress,
    cancelled: IsCancelled,
    finish: Finish | None = None,
    ahead: ImagesAhead | None = None,
) -> JobResult:
    """Write a case into the job's folder, with a report where the job asks for one."""
    progress(0.95, "Writing")
    with atomic_folder(job.output, replace=check_results_folder(job.output)) as folder:
        result = write_case(case, job, folder, None if ahead is None else ahead.folder)
        if finish is not None:
            finish(folder, result)
        if job.report:
            progress(0.97, "Drawing the report")
            result["files"]["report"] = _write_report(case, job, folder)
        list_files(folder)
        progress(1.0, "Done")
        last_chance(cancelled)
    return JobResult(job.output, result.pop("files"), result)


def _write_report(case: Case, job: ReconstructJob | CompareJob, folder: Path) -> str:
    from dsc_superres.report import write_report
    from dsc_superres.report.content import ReportContent, find_regions

    return write_report(ReportContent(case, job, *find_regions(case)), folder).name


def _file_targets(job: ReconstructJob) -> dict[str, Path]:
    """Where the series of a job of one file go, by role. Raises ``FileError`` where one of them cannot be written."""
    targets = {"reconstruction": job.output}
    if isinstance(job.uncertainty, Path):
        targets["uncertainty"] = job.uncertainty
    elif job.uncertainty:
        targets["uncertainty"] = sibling_path(job.output, "uncertainty")
    for path in targets.values():
        check_series_target(path, job.input)
    check_is_ours(provenance_path(job.output))
    check_outputs([*targets.values(), provenance_path(job.output)], inputs_of(job))
    return targets


def provenance_path(path: Path) -> Path:
    """``fine.provenance.json`` for ``fine.nii.gz``."""
    return path.with_name(f"{stem_of(path)}.provenance.json")


def sibling_path(path: Path, role: str) -> Path:
    """``fine_uncertainty.nii.gz`` for ``fine.nii.gz``."""
    stem = stem_of(path)
    return path.with_name(f"{stem}_{role}{path.name[len(stem) :]}")


def _write_files(
    case: Case, job: ReconstructJob, targets: dict[str, Path], progress: Progress, cancelled: IsCancelled
) -> JobResult:
    """Write the reconstruction, its uncertainty where it is wanted, and NAME.provenance.json."""
    from dsc_superres.io import write_series

    progress(0.95, "Writing")
    all_series = case_series(case, job)
    provenance = case_provenance(case, job)
    beside = provenance_path(job.output)
    with atomic_paths(*targets.values(), beside) as partial:
        for role, path in targets.items():
            write_series(all_series[role], partial[path], integer=job.integer)
        write_json(partial[beside], provenance)
        _file_targets(job)  # somebody may have written there meanwhile
        progress(1.0, "Done")
        last_chance(cancelled)
    files = {role: os.path.relpath(path, job.output.parent) for role, path in targets.items()}
    return JobResult(job.output.parent, {**files, "provenance": beside.name}, case_facts(case, provenance))
