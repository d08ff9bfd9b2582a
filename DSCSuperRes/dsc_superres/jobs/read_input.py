"""The series of a job: from files of any format, or from plain arrays.

In results they are called by their roles: names of files may be those of patients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dsc_superres.jobs.array_files import load_array
from dsc_superres.jobs.types import UNCERTAINTY, InputFile, MapsJob
from dsc_superres.pipeline.case_options import SERIES_ROLES, ImageOptions, ReadingOptions, SourceOptions
from dsc_superres.pipeline.checks import JobError
from dsc_superres.series import MISSING, Series

ROLE_NAMES = {
    "truth": "the ground truth",
    "input": "the input",
    "reconstruction": "the reconstruction",
    UNCERTAINTY: "the uncertainty",
}
"""What series are called by their role among several ones."""
SINGLE = "the series"
"""What the only series of a job is called."""


def read_input(job: SourceOptions) -> Series:
    """The input series of a job, with its echo time, frame interval, times and geometry. Raises ``DSCError``."""
    source = InputFile(job.input, job.times, job.geometry, job.slice_times)
    return _read(source, job, SINGLE, job.image_choice())


def read_inputs(job: MapsJob) -> dict[str, Series]:
    """The series to map, by role, the truth first; a single input counts as ``input``. Raises ``DSCError``."""
    if job.inputs is None:
        return {"input": _read(InputFile(job.input), job, SINGLE, job.image_choice())}
    sources = {role: job.inputs[role] for role in SERIES_ROLES if role in job.inputs}
    choices = shared_choice([source.file for source in sources.values()], job)
    return {
        role: _read(source, job, ROLE_NAMES[role], choice)
        for (role, source), choice in zip(sources.items(), choices, strict=True)
    }


def shared_choice(files: Sequence[Path], chosen: ImageOptions) -> list[dict[str, int | None]]:
    """Which series, echo and stack to read of each file of one scan: what is chosen, where its format has a choice.

    Raises ``JobError`` where there is a choice but no file that it could be for.
    """
    from dsc_superres.io.readers import has_choice

    choice = chosen.image_choice()
    if any(number is not None for number in choice.values()) and not any(map(has_choice, files)):
        raise JobError("None of the files is DICOM, so that there is no series, echo or stack to choose from.")
    return [choice if has_choice(file) else dict.fromkeys(choice) for file in files]


def read_uncertainty(job: MapsJob) -> Series | None:
    """The standard deviation of the error of the input or the reconstruction, if it is given. Raises ``DSCError``."""
    if job.uncertainty is not None:
        return _read(InputFile(job.uncertainty), ReadingOptions(), ROLE_NAMES[UNCERTAINTY], {})
    source = (job.inputs or {}).get(UNCERTAINTY)
    return None if source is None else _read(source, job, ROLE_NAMES[UNCERTAINTY], {})


def _read(source: InputFile, reading: ReadingOptions, name: str, choice: Mapping[str, int | None]) -> Series:
    series = _read_any(source, reading, name, choice)
    return series if reading.slice_timing else replace(series, slice_times=None)


def _read_any(source: InputFile, reading: ReadingOptions, name: str, choice: Mapping[str, int | None]) -> Series:
    if source.file.suffix == ".npy":
        return _read_array(source, reading.echo_time, name)
    from dsc_superres.io import read_series

    return read_series(
        source.file,
        echo_time=reading.echo_time,
        interval=reading.frame_interval,
        name=name,
        **choice,
    )


def _read_array(source: InputFile, echo_time: float | None, name: str) -> Series:
    if source.times is None or source.geometry is None:
        raise JobError('An input in .npy format needs the options "times" and "geometry".')
    signal = load_array(source.file, mapped=True)
    times, notes = source.times, ()
    if times is not None and len(times) > 1 and signal.ndim == 4:
        from dsc_superres.io.frame_timing import Listed, choose

        timing = choose(name, len(signal), signal.shape[1], [Listed(np.array(times), "of the job")], [])
        times, notes = timing.times, timing.notes
    from dsc_superres.io.recorded_provenance import believed_record
    from dsc_superres.io.sidecar import read_sidecar

    record = read_sidecar(source.file).provenance
    provenance, recorded_notes = believed_record(record)
    sources = {
        key: str(record[key]) for key in ("times", "echo_time", "geometry") if record.get(key, MISSING) != MISSING
    }
    return Series(
        signal,
        times,
        source.geometry,
        echo_time,
        sources,
        name=name,
        notes=tuple(dict.fromkeys((*recorded_notes, *notes))),
        provenance=provenance,
        slice_times=source.slice_times,
    )
