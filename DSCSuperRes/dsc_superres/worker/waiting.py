"""What a worker does before it has a job: import what most jobs need, PyTorch above all, which takes seconds."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from importlib import import_module
from pathlib import Path

from dsc_superres.pipeline.checks import JobError
from dsc_superres.utils.supervision import loading
from dsc_superres.worker.channel import Channel, Listener

MODULES = ("dsc_superres.jobs.case_jobs", "dsc_superres.pipeline.compare_case", "dsc_superres.report")
"""Of the jobs that users wait for, in the order in which these need them."""
TEMPORARY = ("TMPDIR", "TEMP", "TMP")

log = logging.getLogger("dsc_superres.worker")


def wait_for_job(channel: Channel, listener: Listener) -> tuple[Path, Path | None]:
    """Import, say ``ready``, and return the job file and the folder for images that the starter then names.

    Temporary files go from then on into the folder that it names, as they would in a process started for the job.
    Raises ``Cancelled`` where no job comes, and ``JobError`` for a line that names none.
    """
    with loading():
        for name in MODULES:
            try:
                import_module(name)
            except Exception as error:  # what a job needs and cannot have, it will say itself
                log.info("%s cannot be imported: %s", name, error)
    channel.send("ready")
    job = _job_of(listener.wait_for_job())
    channel.begin()
    if job.get("temporary"):
        os.environ.update(dict.fromkeys(TEMPORARY, str(job["temporary"])))
        tempfile.tempdir = None  # is found anew
    return Path(job["job"]), Path(job["images"]) if job.get("images") else None


def _job_of(line: bytes) -> dict[str, str]:
    """What a line says of a job. Raises ``JobError``."""
    try:
        job = json.loads(line)
    except ValueError:
        job = None
    if not isinstance(job, dict) or not isinstance(job.get("job"), str):
        raise JobError('The line on standard input names no job: send {"job": "job.json"}.')
    return job
