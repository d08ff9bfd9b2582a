"""Whether the disk has room for results, asked before they are computed."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

from dsc_superres.errors import FileError
from dsc_superres.jobs.types import CompareJob, ReconstructJob
from dsc_superres.reconstruction.target_grid import fine_size, target_times
from dsc_superres.series import Series

SMALLEST_SHARE = 0.25
"""Of a series that is left when it is compressed: heads with as much air around them leave a third or more."""
COMPARED = 3
"""Series as large as the ground truth that a comparison writes: itself, the reconstruction and the difference."""


def check_free_space(series: Series, job: ReconstructJob | CompareJob) -> None:
    """Raise ``FileError`` where the series that a job writes have no room on the disk of its output.

    Compressed files are counted as ``SMALLEST_SHARE`` of their values: nobody knows how small they get.
    """
    name = job.output.name if getattr(job, "one_file", False) else job.format
    share = SMALLEST_SHARE if name.lower().endswith(".gz") else 1
    if isinstance(job, CompareJob):
        values = COMPARED * series.signal.size
    else:
        frames = target_times(series, time=job.time, interval=job.interval).size
        values = (
            (1 + bool(job.uncertainty)) * frames * math.prod((series.signal.shape[1], *fine_size(series, job.space)))
        )
    size = share * values * (series.scalar_type.itemsize if job.integer and series.scalar_type.kind in "iu" else 4)
    folder = next(one for one in (job.output.absolute(), *job.output.absolute().parents) if one.is_dir())
    free = shutil.disk_usage(folder).free
    if size > free:
        about = "about " if share < 1 else ""
        raise FileError(
            f"The results need {about}{size / 2**20:,.0f} MiB, but the disk of {_name(folder)} has "
            f"{free / 2**20:,.0f} MiB left: make room, choose another folder, or smaller factors."
        )


def _name(folder: Path) -> str:
    return folder.name or str(folder)
