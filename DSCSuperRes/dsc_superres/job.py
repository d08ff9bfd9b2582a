"""The worker's job: a JSON object that says what to do with which series, checked field by field."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from dsc_superres.errors import DSCError, FileError
from dsc_superres.series import Geometry, Series

TASKS = ("enhance", "compare")
FORMATS = ("seq.nrrd", "nii.gz", "npy")
DEVICES = ("auto", "cpu", "cuda", "mps")
OPERATORS = ("block", "kspace")


class JobError(DSCError):
    """The job file cannot be used as it is."""


@dataclass(frozen=True)
class Job:
    """What the worker is asked to do. Paths in a job file are relative to that file.

    task         ``enhance``: reconstruct the input at finer pixels and times;
                 ``compare``: under-sample the input, reconstruct that, and measure it against the input
    input        a series of any format; or a ``.npy`` of float32[t, z, y, x] with ``times`` and ``geometry``
    output       the folder for the results
    space, time  factors; whole numbers for ``compare``
    interval     s between reconstructed frames, instead of ``time`` (``enhance`` only)
    operator     how ``compare`` under-samples in space
    model        a name, or a file of weights
    baselines    further models to measure beside ``model`` (``compare`` only)
    device       where networks run
    echo_time    s; instead of the file's
    frame_interval  s between frames of the input; instead of the file's times
    times, geometry  s, and {spacing, origin, direction} in LPS mm, for a ``.npy`` input
    maps         whether to compute perfusion maps
    mask         ``auto``, ``none`` or a mask file on the grid of the input
    aif          CSV of the arterial input (time_s, delta_r2star), or None to find it
    format       of the series that are written; ``npy`` for a program that hands them on
    """

    task: str
    input: Path
    output: Path
    space: float = 2
    time: float = 4
    interval: float | None = None
    operator: str = "block"
    model: str = "ode-liif"
    baselines: tuple[str, ...] = ()
    device: str = "auto"
    echo_time: float | None = None
    frame_interval: float | None = None
    times: tuple[float, ...] | None = None
    geometry: Geometry | None = None
    maps: bool = True
    mask: str = "auto"
    aif: Path | None = None
    format: str = "seq.nrrd"

    def read_input(self) -> Series:
        """The input series, with the job's echo time, interval, times and geometry. Raises ``DSCError``."""
        if self.input.suffix == ".npy":
            return self._read_array()
        from dsc_superres.io import read_series

        return read_series(self.input, echo_time=self.echo_time, interval=self.frame_interval)

    def _read_array(self) -> Series:
        if self.times is None or self.geometry is None:
            raise JobError('An input in .npy format needs the job fields "times" and "geometry".')
        try:
            signal = np.load(self.input, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise FileError(f"{self.input.name} cannot be read as a numpy array.") from error
        return Series(signal, self.times, self.geometry, self.echo_time, name=self.input.stem)


def read_job(path: str | Path) -> Job:
    """The job in a JSON file. Raises ``FileError`` or ``JobError`` with one sentence."""
    path = Path(path)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"The job file {path.name} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise JobError(f"The job file {path.name} is not valid JSON ({error}).") from error
    return parse_job(value, path.absolute().parent)


def parse_job(value: object, folder: Path = Path()) -> Job:
    """The job that a decoded JSON object describes; relative paths start at ``folder``. Raises ``JobError``."""
    if not isinstance(value, dict):
        raise JobError('A job is a JSON object with the fields "task", "input" and "output".')
    _check_names(value)
    checked = {name: _CHECKS[name](name, field) for name, field in value.items() if field is not None}
    for name in ("input", "output", "aif"):
        if name in checked:
            checked[name] = folder / checked[name]
    for name in ("model", "mask"):
        # A name stays a name; a file beside the job file becomes its path.
        if name in checked and (folder / checked[name]).is_file():
            checked[name] = str(folder / checked[name])
    job = Job(**checked)
    if job.task == "compare" and (job.space % 1 or job.time % 1):
        raise JobError(f"Under-sampling factors are whole numbers, but the job has {job.space:g} and {job.time:g}.")
    if job.task == "compare" and job.interval is not None:
        raise JobError('The job field "interval" belongs to the task "enhance"; "compare" uses the input\'s times.')
    return job


def _check_names(value: dict) -> None:
    known = [field.name for field in fields(Job)]
    for name in value:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f': did you mean "{close[0]}"?' if close else f"; the fields are {', '.join(known)}."
            raise JobError(f'There is no job field "{name}"{hint}')
    for name in ("task", "input", "output"):
        if value.get(name) is None:
            raise JobError(f'The job lacks the field "{name}".')


def _refuse(name: str, wish: str, value: object) -> JobError:
    return JobError(f'The job field "{name}" must be {wish}, not {json.dumps(value)[:60]}.')


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise _refuse(name, "a text", value)
    return value


def _path(name: str, value: Any) -> Path:
    return Path(_text(name, value))


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise _refuse(name, "a positive number", value)
    return value


def _factor(name: str, value: Any) -> float:
    if _number(name, value) < 1:
        raise _refuse(name, "at least 1", value)
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _refuse(name, "true or false", value)
    return value


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _refuse(name, "a list of texts", value)
    return tuple(_text(name, item) for item in value)


def _times(name: str, value: Any) -> tuple[float, ...]:
    if not isinstance(value, list) or any(isinstance(t, bool) or not isinstance(t, int | float) for t in value):
        raise _refuse(name, "a list of seconds", value)
    return tuple(map(float, value))


def _geometry(name: str, value: Any) -> Geometry:
    if not isinstance(value, dict) or set(value) != {"spacing", "origin", "direction"}:
        raise _refuse(name, "an object of spacing, origin and direction (LPS, mm)", value)
    try:
        return Geometry(**value)
    except (TypeError, ValueError) as error:
        raise _refuse(name, "three numbers each, and three rows of three for direction", value) from error


def _choice(*allowed: str) -> Any:
    def check(name: str, value: Any) -> str:
        if value not in allowed:
            raise _refuse(name, f"one of {', '.join(allowed)}", value)
        return value

    return check


_CHECKS: dict[str, Any] = {
    "task": _choice(*TASKS),
    "input": _path,
    "output": _path,
    "space": _factor,
    "time": _factor,
    "interval": _number,
    "operator": _choice(*OPERATORS),
    "model": _text,
    "baselines": _texts,
    "device": _choice(*DEVICES),
    "echo_time": _number,
    "frame_interval": _number,
    "times": _times,
    "geometry": _geometry,
    "maps": _flag,
    "mask": _text,
    "aif": _path,
    "format": _choice(*FORMATS),
}
