"""The worker's job: a JSON object that says what to do with which series, checked field by field."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsc_superres.errors import DSCError, FileError
from dsc_superres.geometry import Geometry
from dsc_superres.series import Series

if TYPE_CHECKING:
    from dsc_superres.perfusion import MapOptions

TASKS = ("enhance", "compare", "maps", "adapt")
SERIES = ("truth", "input", "reconstruction")
UNCERTAINTY = "deviation"
"""Among the ``inputs``: the standard deviation of the reconstruction's error, frame by frame."""
FORMATS = ("seq.nrrd", "nii.gz", "npy")
DEVICES = ("auto", "cpu", "cuda", "mps")
OPERATORS = ("block", "kspace")


class JobError(DSCError):
    """The job file cannot be used as it is."""


@dataclass(frozen=True)
class InputFile:
    """A series of any format; a ``.npy`` of float32[t, z, y, x] comes with its times (s) and geometry (LPS, mm)."""

    file: Path
    times: tuple[float, ...] | None = None
    geometry: Geometry | None = None


@dataclass(frozen=True)
class Job:
    """What the worker is asked to do. Paths in a job file are relative to that file.

    task         ``enhance``: reconstruct the input at finer pixels and times;
                 ``compare``: under-sample the input, reconstruct that, and measure it against the input;
                 ``maps``: perfusion maps of the ``inputs`` alone;
                 ``adapt``: tune the model to the input (see ``training.adapt``), for other jobs to use
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
    inputs       for ``maps``: by name (truth, reconstruction, input) a file, and times and geometry of a ``.npy``;
                 "deviation" beside a reconstruction: of its error, for the standard deviations of its maps
    maps         whether to compute perfusion maps
    mask         ``auto``, ``none`` or a mask file on the grid of the input (for ``maps``: of any of them)
    aif          CSV of the arterial input (time_s, delta_r2star), or None to find it
    aif_voxels   voxels (z, y, x) whose mean is the arterial input, on the grid of ``aif_series``
    aif_series   which of the ``inputs`` that is; the first where it is not said
    method, leakage, kh_over_rho, integration_end, baseline  as in ``MapOptions``
    minutes      how long to tune (``adapt`` only)
    adapt_minutes  how long to tune the model to its input before it reconstructs (``enhance`` and ``compare``); it is
                 used as it was where that gains nothing on what was held out
    deviation    whether to write the standard deviation of the error too, for a model that tells it; the standard
                 deviations of its maps know of it in any case
    report       whether to write report.html beside the results
    format       of the series that are written; ``npy`` for a program that hands them on
    """

    task: str
    output: Path
    input: Path = Path()
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
    aif_voxels: tuple[tuple[int, int, int], ...] | None = None
    aif_series: str | None = None
    method: str = "bayes"
    leakage: str = "none"
    kh_over_rho: float | None = None
    integration_end: float | None = None
    baseline: tuple[float, float] | None = None
    minutes: float = 5
    adapt_minutes: float | None = None
    uncertainty: bool = False
    report: bool = False
    inputs: Mapping[str, InputFile] = field(default_factory=dict)
    format: str = "seq.nrrd"

    def read_input(self) -> Series:
        """The input series, with the job's echo time, interval, times and geometry. Raises ``DSCError``."""
        return self._read(InputFile(self.input, self.times, self.geometry))

    def read_inputs(self) -> dict[str, Series]:
        """The ``inputs`` by name, the truth first. Raises ``DSCError``."""
        return {name: self._read(self.inputs[name]) for name in SERIES if name in self.inputs}

    def read_uncertainty(self) -> Series | None:
        """The standard deviation of the reconstruction among the ``inputs``, where it is there. Raises ``DSCError``."""
        return self._read(self.inputs[UNCERTAINTY]) if UNCERTAINTY in self.inputs else None

    def map_options(self) -> MapOptions:
        """How to compute maps. Raises ``PerfusionError``."""
        from dsc_superres.perfusion import MapOptions

        names = ("method", "leakage", "kh_over_rho", "integration_end", "baseline")
        chosen = {name: getattr(self, name) for name in names}
        return MapOptions(**{name: value for name, value in chosen.items() if value is not None})

    def _read(self, source: InputFile) -> Series:
        if source.file.suffix == ".npy":
            return self._read_array(source)
        from dsc_superres.io import read_series

        return read_series(source.file, echo_time=self.echo_time, interval=self.frame_interval)

    def _read_array(self, source: InputFile) -> Series:
        if source.times is None or source.geometry is None:
            raise JobError('An input in .npy format needs the job fields "times" and "geometry".')
        try:
            signal = np.load(source.file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise FileError(f"{source.file.name} cannot be read as a numpy array.") from error
        return Series(signal, source.times, source.geometry, self.echo_time, name=source.file.stem)


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
    if "inputs" in checked:
        found = checked["inputs"].items()
        checked["inputs"] = {name: replace(source, file=folder / source.file) for name, source in found}
    job = Job(**checked)
    _check_together(job)
    return job


def _check_together(job: Job) -> None:
    if job.task == "maps" and not job.inputs:
        raise JobError('The task "maps" needs the job field "inputs".')
    if UNCERTAINTY in job.inputs and "reconstruction" not in job.inputs:
        raise JobError('The job field "inputs" holds a "deviation" but no "reconstruction" that it belongs to.')
    if job.aif_voxels is not None and job.aif is not None:
        raise JobError('The job fields "aif" and "aif_voxels" exclude each other.')
    if job.aif_series is not None and job.aif_series not in job.inputs:
        raise JobError(f'The job field "aif_series" names "{job.aif_series}", which is not among the inputs.')
    if job.task == "compare" and (job.space % 1 or job.time % 1):
        raise JobError(f"Under-sampling factors are whole numbers, but the job has {job.space:g} and {job.time:g}.")
    if job.task == "compare" and job.interval is not None:
        raise JobError('The job field "interval" belongs to the task "enhance"; "compare" uses the input\'s times.')


def _check_names(value: dict) -> None:
    known = [field.name for field in fields(Job)]
    for name in value:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f': did you mean "{close[0]}"?' if close else f"; the fields are {', '.join(known)}."
            raise JobError(f'There is no job field "{name}"{hint}')
    for name in ("task", "output", *(() if value.get("task") == "maps" else ("input",))):
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


def _inputs(name: str, value: Any) -> dict[str, InputFile]:
    if not isinstance(value, dict) or not value or not set(value) <= {*SERIES, UNCERTAINTY}:
        raise _refuse(name, f"an object of {', '.join((*SERIES, UNCERTAINTY))}", value)
    found = {}
    for series, source in value.items():
        if not isinstance(source, dict) or not {"file"} <= set(source) <= {"file", "times", "geometry"}:
            raise _refuse(f"{name}.{series}", "an object of file, times and geometry", source)
        checks = {"file": _path, "times": _times, "geometry": _geometry}
        found[series] = InputFile(**{key: checks[key](f"{name}.{series}.{key}", part) for key, part in source.items()})
    return found


def _voxels(name: str, value: Any) -> tuple[tuple[int, int, int], ...]:
    whole = isinstance(value, list) and value and all(isinstance(voxel, list) and len(voxel) == 3 for voxel in value)
    if not whole or any(isinstance(i, bool) or not isinstance(i, int) or i < 0 for voxel in value for i in voxel):
        raise _refuse(name, "a list of voxels, three whole numbers (z, y, x) each", value)
    return tuple(map(tuple, value))


def _span(name: str, value: Any) -> tuple[float, float]:
    times = _times(name, value)
    if len(times) != 2 or not times[0] <= times[1]:
        raise _refuse(name, "two times in s, the earlier one first", value)
    return times


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
    "aif_voxels": _voxels,
    "aif_series": _choice(*SERIES),
    "method": _text,
    "leakage": _text,
    "kh_over_rho": _number,
    "integration_end": _number,
    "baseline": _span,
    "minutes": _number,
    "adapt_minutes": _number,
    "deviation": _flag,
    "report": _flag,
    "inputs": _inputs,
    "format": _choice(*FORMATS),
}
