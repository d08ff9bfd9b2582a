"""A series as plain arrays, for a program that must not wait while it is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from dsc_superres.errors import SeriesError
from dsc_superres.io.recorded_provenance import provenance_record
from dsc_superres.jobs.job_result import JobResult
from dsc_superres.jobs.targets import check_is_free
from dsc_superres.jobs.types import OpenJob
from dsc_superres.pipeline.notes import found_notes
from dsc_superres.series import MISSING, Series
from dsc_superres.utils.atomic_writing import atomic_folder
from dsc_superres.utils.ending import last_chance
from dsc_superres.utils.progress import IsCancelled, Progress

SIGNAL = "signal.npy"


def run_open(job: OpenJob, progress: Progress, cancelled: IsCancelled) -> JobResult:
    """Read or simulate the series and write ``signal.npy``, float32[t, z, y, x], into the job's folder.

    The facts of the result say the rest: file, times (s), has_times, echo_time (s), sources, notes, provenance,
    slice_times (s, or null), geometry, scalar_type.
    """
    check_is_free(job.output)
    series = _series(job, progress)
    progress(0.9, "Writing")
    with atomic_folder(job.output) as folder:
        np.save(folder / SIGNAL, series.signal)
        last_chance(cancelled)
    facts = {
        "file": SIGNAL,
        "times": series.times.tolist(),
        "has_times": series.has_times,
        "echo_time": series.echo_time,
        "sources": dict(series.sources),
        "notes": list(found_notes(series)),
        "provenance": provenance_record(series),
        "slice_times": None if series.slice_times is None else series.slice_times.tolist(),
        "geometry": series.geometry.as_dict(),
        "scalar_type": series.scalar_type.str,
    }
    return JobResult(job.output, {"signal": SIGNAL}, facts)


def _read(path: Path, choice: dict[str, int | None]) -> Series:
    """Return the series in a file; frames whose times contradict each other are numbered, for the user to correct."""
    from dsc_superres.io import read_series

    try:
        return read_series(path, **choice)
    except SeriesError as error:
        try:
            numbered = read_series(path, **choice, interval=1.0)
        except SeriesError:
            raise error from None  # it is not about times
        sources = {**numbered.sources, "times": MISSING}
        return replace(numbered, sources=sources, slice_times=None, notes=(*numbered.notes, str(error)))


def _series(job: OpenJob, progress: Progress) -> Series:
    if job.input is not None:
        progress(0.01, "Reading")
        return _read(job.input, job.image_choice())
    from dsc_superres.phantom import digital_patient

    progress(0.01, "Simulating a patient")
    return digital_patient(job.sample_seed, slices=job.sample_slices).series
