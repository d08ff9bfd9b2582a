"""No job replaces what it reads: paths are compared before the work, links and other spellings included."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from dsc_superres.errors import FileError
from dsc_superres.jobs.targets import sidecar_of
from dsc_superres.jobs.types import Job, MapsJob
from dsc_superres.utils.file_names import is_series_name

INPUTS = ("input", "aif", "mask", "model", "files")
"""Options that name what a job reads."""


def check_job_paths(job: Job) -> None:
    """Raise ``FileError`` where the job would replace one of its inputs, or write two results to one place."""
    check_outputs(outputs_of(job), inputs_of(job))


def check_job_file(job: Job, job_file: Path) -> None:
    """Raise ``FileError`` where the job would replace the file that describes it, with a sidecar for instance."""
    outputs = outputs_of(job)
    sidecars = [sidecar_of(path) for path in outputs if is_series_name(path.name)]
    check_outputs([*outputs, *sidecars], [job_file])


def outputs_of(job: Job) -> list[Path]:
    """What the job is asked to write: its output, and the file of the uncertainty where that has one of its own."""
    own = [] if isinstance(job, MapsJob) else [getattr(job, "uncertainty", None)]
    return [job.output, *(path for path in own if isinstance(path, Path))]


def inputs_of(job: Job) -> list[Path]:
    """The files and folders that a job reads, as far as they are there."""
    named = [Path(value) for name in INPUTS if (value := getattr(job, name, None)) is not None]
    if isinstance(job, MapsJob):
        named += [source.file for source in (job.inputs or {}).values()]
        named += [] if job.uncertainty is None else [job.uncertainty]
    return [path for path in named if path.exists()]


def check_outputs(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Raise ``FileError`` where an output is one of the inputs or a folder that holds one, or where two are the same.

    Results take the place of their namesakes in a folder, so an input in it could be lost.
    """
    outputs, inputs = list(outputs), list(inputs)
    for number, output in enumerate(outputs):
        for source in inputs:
            if _same(output, source):
                raise FileError(f"{output.name} is the input itself: choose another name for the output.")
            if output.is_dir() and _within(source, output):
                raise FileError(
                    f"{source.name} lies in the output folder, where it could be replaced: choose another folder."
                )
        if any(_same(output, other) for other in outputs[:number]):
            raise FileError(f"Two outputs are called {output.name}: choose another name for one of them.")


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)


def _within(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
