"""Jobs from JSON: checked field by field, paths relative to the job's file."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsc_superres.jobs.types import JOB_TYPES, Job
from dsc_superres.pipeline.case_options import options_of, required_options
from dsc_superres.pipeline.checks import JobError, NameOrFile
from dsc_superres.utils.small_files import parse_json, read_text, shown

FORMER_TASKS = {"enhance": "reconstruct"}
FORMER_OPTIONS = {"deviation": "uncertainty"}
"""Names of version 0.1, which are still read."""
REMOVED = ("minutes", "adapt_minutes", "adapt")


def read_job(path: str | Path) -> Job:
    """The job in a JSON file. Raises ``FileError`` or ``JobError`` with one sentence."""
    path = Path(path)
    value = parse_json(read_text(path, f"The job file {path.name}"), f"The job file {path.name}", JobError)
    return parse_job(value, path.absolute().parent)


def parse_job(value: object, folder: Path = Path()) -> Job:
    """The job that a decoded JSON object describes; relative paths start at ``folder``. Raises ``JobError``."""
    if not isinstance(value, dict):
        raise JobError('A job is a JSON object with the fields "task", "input" and "output".')
    job_type = _job_type(value)
    options = {FORMER_OPTIONS.get(name, name): one for name, one in value.items() if name != "task"}
    if isinstance(options.get("inputs"), dict):
        options["inputs"] = {FORMER_OPTIONS.get(role, role): one for role, one in options["inputs"].items()}
    _check_names(job_type, options)
    job = job_type(**{name: one for name, one in options.items() if one is not None})
    return from_folder(job, folder)


def from_folder(job: Job, folder: Path) -> Job:
    """The job with its relative paths, and names that are files there, starting at ``folder``."""
    changed = {}
    for name, one in options_of(type(job)).items():
        value = getattr(job, name)
        if isinstance(one.check, NameOrFile):
            changed[name] = str(folder / value) if (folder / value).is_file() else value
        else:
            changed[name] = _from(folder, value)
    return dataclasses.replace(job, **changed)


def _from(folder: Path, value: Any) -> Any:
    if isinstance(value, Path):
        return folder / value
    if isinstance(value, tuple):
        return tuple(_from(folder, item) for item in value)
    if isinstance(value, Mapping):
        return {name: _from(folder, item) for name, item in value.items()}
    if dataclasses.is_dataclass(value):
        return dataclasses.replace(
            value, **{one.name: _from(folder, getattr(value, one.name)) for one in dataclasses.fields(value)}
        )
    return value


def _job_type(value: dict) -> type:
    task = value.get("task")
    if task is None:
        raise JobError('The job lacks the field "task".')
    if task == "adapt":
        raise JobError("Adaptation to one scan was removed, because it did harm: reconstruct without it.")
    task = FORMER_TASKS.get(task, task) if isinstance(task, str) else task
    if not isinstance(task, str) or task not in JOB_TYPES:
        raise JobError(f'The job field "task" must be one of {", ".join(JOB_TYPES)}, not {shown(task)}.')
    return JOB_TYPES[task]


def _check_names(job_type: type, options: dict) -> None:
    known = options_of(job_type)
    for name in options:
        if name not in known:
            raise JobError(_unknown(name, job_type.task, list(known)))
    for name in required_options(job_type):
        if options.get(name) is None:
            raise JobError(f'The job lacks the field "{name}".')


def _unknown(name: str, task: str, known: list[str]) -> str:
    others = [other for other, job_type in JOB_TYPES.items() if name in options_of(job_type)]
    if others:
        return f'The option "{name}" belongs to the task "{others[0]}", not to "{task}".'
    if name in REMOVED:
        return f'The option "{name}" was removed with the adaptation to one scan, which did harm: leave it out.'
    name = name[:60]
    close = difflib.get_close_matches(name, known, 1)
    hint = f'did you mean "{close[0]}"?' if close else "docs/command-line.md lists its options."
    return f'The task "{task}" has no option "{name}": {hint}'
