"""Run any job: the one function behind the command line, the worker, the batch and the panel."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from dsc_superres.jobs.gate import check_job_paths
from dsc_superres.jobs.job_files import parse_job
from dsc_superres.jobs.job_result import JobResult
from dsc_superres.jobs.types import Job
from dsc_superres.utils.progress import IsCancelled, Progress, never, no_progress

RUNNERS = {
    "reconstruct": "case_jobs:run_reconstruct",
    "compare": "case_jobs:run_compare",
    "maps": "maps_job:run_maps",
    "export": "export:run_export",
    "open": "open_series:run_open",
}
"""Module and function by task, imported when it is needed: an export must do without what a reconstruction needs."""


def run_job(
    job: Job | dict[str, Any], progress: Progress = no_progress, cancelled: IsCancelled = never, **more: Any
) -> JobResult:
    """Do what ``job`` says and write its results, all or nothing.

    Parameters
    ----------
    job : ReconstructJob, CompareJob, MapsJob, ExportJob, OpenJob or dict
        A dict has a ``task`` and its options, as a job file has.
    progress : callable, optional
        Called with the share of the work that is done (0 to 1) and the stage in words.
    cancelled : callable, optional
        Says whether the work is to stop.
    more
        Further arguments of the task's own function: ``finish`` of those that make a case.

    Raises ``DSCError`` with one sentence where the job or its input is not usable, and ``Cancelled``.
    """
    if isinstance(job, dict):
        job = parse_job(job)
    check_job_paths(job)
    module, function = RUNNERS[job.task].split(":")
    return getattr(import_module(f"dsc_superres.jobs.{module}"), function)(job, progress, cancelled, **more)
