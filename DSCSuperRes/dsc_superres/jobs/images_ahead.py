"""The images of a case, handed over before its maps are computed, for a program that shows them meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dsc_superres.jobs.gate import check_outputs
from dsc_superres.jobs.job_result import JobResult
from dsc_superres.jobs.result_files import write_case
from dsc_superres.jobs.targets import check_is_free
from dsc_superres.jobs.types import CompareJob, ReconstructJob
from dsc_superres.pipeline.case import Case
from dsc_superres.utils.atomic_writing import atomic_folder


@dataclass(frozen=True)
class ImagesAhead:
    """A ``folder`` for the series and the metrics of a case without maps; ``announce`` is called then."""

    folder: Path
    announce: Callable[[JobResult], None]

    def check(self, job: ReconstructJob | CompareJob) -> None:
        """Raise ``FileError`` where the folder holds anything, cannot be written, or is that of the results."""
        check_is_free(self.folder)
        check_outputs([job.output, self.folder], [])

    def write(self, case: Case, job: ReconstructJob | CompareJob) -> None:
        """Write what there is of ``case`` and announce it, with the files and facts that its result will have as well.

        Raises ``FileError``.
        """
        with atomic_folder(self.folder) as folder:
            written = write_case(case, job, folder)
        self.announce(JobResult(self.folder, written.pop("files"), written))
