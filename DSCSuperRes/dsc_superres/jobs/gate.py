"""The gate of every write: what is read and what will be written is compared before the work.

No job replaces what it reads, links and other spellings included; no two results go to one place; and what this
software did not write stays (see ``jobs.targets``). Files that belong to others count with them: the sidecar of a
series, the card of weights.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from dsc_superres.errors import FileError
from dsc_superres.jobs.types import ExportJob, Job, MapsJob
from dsc_superres.utils.file_names import is_series_name, name_key

INPUTS = ("input", "aif", "vein", "files", "update_report")
"""Options that name what a job reads."""
NAMES_OR_FILES = ("mask", "reference", "model", "baselines")
"""Options that may name a file."""


def check_job_paths(job: Job) -> None:
    """Raise ``FileError`` where the job would replace one of its inputs, or write two results to one place."""
    check_outputs(outputs_of(job), inputs_of(job))


def check_job_file(job: Job, job_file: Path) -> None:
    """Raise ``FileError`` where the job would replace the file that describes it, with a sidecar for instance."""
    check_outputs(outputs_of(job), [job_file])


def outputs_of(job: Job) -> list[Path]:
    """What the job is asked to write: its output, and the file of the uncertainty where that has one of its own."""
    own = [] if isinstance(job, MapsJob) else [getattr(job, "uncertainty", None)]
    return [job.output, *(path for path in own if isinstance(path, Path))]


def inputs_of(job: Job) -> list[Path]:
    """The files and folders that a job reads, as far as they are there."""
    named = [Path(value) for name in INPUTS if (value := getattr(job, name, None)) is not None]
    for name in NAMES_OR_FILES:
        value = getattr(job, name, ())
        named += [Path(one) for one in (value if isinstance(value, tuple) else (value,)) if Path(one).is_file()]
    if isinstance(job, MapsJob):
        named += [source.file for source in (job.inputs or {}).values()]
        named += [] if job.uncertainty is None else [job.uncertainty]
    if isinstance(job, ExportJob):
        named += [exported.file for exported in (*job.series, *job.maps)]
        named += [] if job.dicom is None or job.dicom.reference is None else [job.dicom.reference]
    return [path for path in named if _is_there(path)]


def check_outputs(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Raise ``FileError`` where an output is one of the inputs or a folder that holds one, or where two are the same.

    Results take the place of their namesakes in a folder, so an input in it could be lost.
    """
    outputs = [path for output in outputs for path in _with_sidecar(output)]
    inputs = [path for source in inputs for path in _with_companions(source)]
    for number, output in enumerate(outputs):
        for source in inputs:
            if is_same(output, source):
                raise FileError(
                    f"{output.name} is the input itself or belongs to it: choose another name for the output."
                )
            if output.is_dir() and is_within(source, output):
                raise FileError(
                    f"{source.name} lies in the output folder, where it could be replaced: choose another folder."
                )
        if any(_meet(output, other) for other in outputs[:number]):
            raise FileError(f"Two outputs are called {output.name}: choose another name for one of them.")


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths are one file or folder, or would be one."""
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return _real(one) == _real(other)


def _meet(one: Path, other: Path) -> bool:
    """Whether two outputs would be one file, also where a file system takes their names for the same."""
    alike = name_key(one.name) == name_key(other.name) and _real(one.parent) == _real(other.parent)
    return alike or is_same(one, other)


def is_within(path: Path, folder: Path) -> bool:
    """Whether ``path`` is ``folder`` or lies somewhere in it."""
    return _real(path).is_relative_to(_real(folder))


def _real(path: Path) -> Path:
    return Path(os.path.normcase(os.path.realpath(path)))


def _with_sidecar(output: Path) -> Iterator[Path]:
    from dsc_superres.io.sidecar import sidecar_path

    yield output
    if is_series_name(output.name) and not output.is_dir():
        yield sidecar_path(output)


def _with_companions(source: Path) -> Iterator[Path]:
    """An input, and what belongs to it: the sidecar of a series, the card of weights (both NAME.json)."""
    from dsc_superres.io.sidecar import sidecar_path

    yield source
    if source.is_dir():
        return
    companion = sidecar_path(source)
    if companion != source and _is_there(companion):
        yield companion


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long a name, for instance: the reader of the file says so
        return False
