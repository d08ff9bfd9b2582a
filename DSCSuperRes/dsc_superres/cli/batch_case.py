"""One case of a batch, from file to folder, with a record by which it is not done again."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsc_superres.cli.batch_outcome import BEFORE, DONE, FAILED, Outcome
from dsc_superres.errors import DSCError, FileError
from dsc_superres.io.dicom_volumes import volume_folders
from dsc_superres.jobs.targets import sidecar_of
from dsc_superres.models import find
from dsc_superres.pipeline.case_options import options_of
from dsc_superres.utils.atomic_writing import write_json
from dsc_superres.utils.file_names import without_names
from dsc_superres.utils.small_files import read_json
from dsc_superres.version import __version__

if TYPE_CHECKING:
    from dsc_superres.cli.batch_cases import BatchCase
    from dsc_superres.jobs.types import CompareJob, ReconstructJob

    Job = ReconstructJob | CompareJob

RECORD = "batch.json"
"""Lies in a finished case's folder: with which settings, from which state of its input."""


def run_case(case: BatchCase, job: Job, threads: int) -> Outcome:
    """One case from file to folder; an error is reported, not raised."""
    import torch

    from dsc_superres.jobs.run import run_job
    from dsc_superres.jobs.targets import is_complete
    from dsc_superres.utils.memory_errors import out_of_memory

    begin = time.monotonic()
    try:
        record = _record(case, job)
        if _is_recorded(case.output, record) and is_complete(case.output):
            return Outcome(case.name, BEFORE)
        torch.set_num_threads(threads)

        def finish(folder: Path, result: dict[str, object]) -> None:
            # With the results, not after them: a record of others would call these done.
            write_json(folder / RECORD, record)

        run_job(replace(job, input=case.input, output=case.output), finish=finish)
    except DSCError as error:
        message = without_names(str(error), case.input, "the series")  # the table names the case
        return Outcome(case.name, FAILED, time.monotonic() - begin, message)
    except Exception as error:
        message = "out of memory" if out_of_memory(error) else f"unexpected {type(error).__name__}: {error}"
        return Outcome(case.name, FAILED, time.monotonic() - begin, message)
    return Outcome(case.name, DONE, time.monotonic() - begin)


def _record(case: BatchCase, job: Job) -> dict[str, object]:
    """What must be the same for a case not to be done again. Holds no names of files: they may be those of patients."""
    options = {name: getattr(job, name) for name in options_of(type(job)) if name not in ("input", "output")}
    files = {name: value for name, value in options.items() if isinstance(value, Path) or _is_file(value)}
    models = (job.model, *getattr(job, "baselines", ()))
    return {
        "version": __version__,
        "settings": {"task": job.task, **options, **dict.fromkeys(files, "file"), "model": None, "baselines": None},
        "models": [find(model).label for model in models],
        "weights": [find(model).weights_sha256 for model in models],
        "files": {name: _fingerprint(Path(value)) for name, value in files.items()},
        "input": _fingerprint(case.input),
    }


def _is_file(value: object) -> bool:
    return isinstance(value, str) and Path(value).is_file()


def _fingerprint(path: Path) -> str:
    """A checksum of names, sizes and times of a series' files, sidecar included: enough to see that it has changed."""
    if path.is_dir():
        files = [file for folder in volume_folders(path) for file in sorted(folder.iterdir())]
    else:
        files = [path, sidecar_of(path)]
    states = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()]
    return hashlib.sha256(repr(states).encode()).hexdigest()


def _is_recorded(folder: Path, record: dict[str, object]) -> bool:
    try:
        return read_json(folder / RECORD, RECORD) == json.loads(json.dumps(record))
    except FileError:
        return False
