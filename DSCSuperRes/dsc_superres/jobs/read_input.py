"""The series of a job: from files of any format, or from plain arrays."""

from __future__ import annotations

import numpy as np

from dsc_superres.errors import FileError
from dsc_superres.jobs.types import UNCERTAINTY, InputFile, MapsJob
from dsc_superres.pipeline.case_options import SERIES_ROLES, SourceOptions, TimingOptions
from dsc_superres.pipeline.checks import JobError
from dsc_superres.series import Series


def read_input(job: SourceOptions) -> Series:
    """The input series of a job, with its echo time, frame interval, times and geometry. Raises ``DSCError``."""
    return _read(InputFile(job.input, job.times, job.geometry), job)


def read_inputs(job: MapsJob) -> dict[str, Series]:
    """The series to map, by role, the truth first; a single input counts as ``input``. Raises ``DSCError``."""
    if job.inputs is None:
        return {"input": _read(InputFile(job.input), job)}
    return {role: _read(job.inputs[role], job) for role in SERIES_ROLES if role in job.inputs}


def read_uncertainty(job: MapsJob) -> Series | None:
    """The standard deviation of the error of the input or the reconstruction, if it is given. Raises ``DSCError``."""
    if job.uncertainty is not None:
        return _read(InputFile(job.uncertainty), TimingOptions())
    source = (job.inputs or {}).get(UNCERTAINTY)
    return None if source is None else _read(source, job)


def _read(source: InputFile, timing: TimingOptions) -> Series:
    if source.file.suffix == ".npy":
        return _read_array(source, timing.echo_time)
    from dsc_superres.io import read_series

    return read_series(source.file, echo_time=timing.echo_time, interval=timing.frame_interval)


def _read_array(source: InputFile, echo_time: float | None) -> Series:
    if source.times is None or source.geometry is None:
        raise JobError('An input in .npy format needs the options "times" and "geometry".')
    try:
        signal = np.load(source.file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise FileError(f"{source.file.name} cannot be read as a numpy array.") from error
    times, notes = source.times, ()
    if times is not None and len(times) > 1 and signal.ndim == 4:
        from dsc_superres.io.frame_timing import Listed, choose

        timing = choose(source.file.stem, len(signal), signal.shape[1], [Listed(np.array(times), "of the job")], [])
        times, notes = timing.times, timing.notes
    return Series(signal, times, source.geometry, echo_time, name=source.file.stem, notes=notes)
