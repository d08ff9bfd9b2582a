"""A folder of cases through reconstruction, maps and report: on this machine, or on a Dask cluster.

Every case runs as the worker runs one job, so its results are those of the case alone: bit for bit on one kind of
processor, whatever the number of threads. A case that was done before with the same settings is not done again; one
that fails says why and does not stop the others.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from dsc_superres.cli.batch_case import run_case
from dsc_superres.cli.batch_cases import BatchCase, find_cases
from dsc_superres.cli.batch_outcome import BEFORE, DONE, FAILED, Outcome, lost
from dsc_superres.cli.local_processes import run_locally
from dsc_superres.errors import FileError
from dsc_superres.jobs.targets import check_can_write, check_is_ours
from dsc_superres.utils.atomic_writing import write_text

if TYPE_CHECKING:
    from dsc_superres.cli.batch_case import Job

__all__ = [
    "BEFORE",
    "DONE",
    "FAILED",
    "Outcome",
    "check_out",
    "find_cases",
    "run",
    "run_case",
    "template",
    "write_table",
]

TABLE = "batch.csv"


def template(job_type: type, options: Mapping[str, object]) -> Job:
    """The job that every case does, with an input and output of its own. Raises ``DSCError``."""
    from dsc_superres.jobs.job_files import from_folder

    job = job_type(**{**options, "input": Path("case"), "output": Path("results")})
    if job.maps:
        job.map_options()
    # Each case runs in another process, where a relative path would mean something else.
    return from_folder(job, Path.cwd())


def check_out(out: Path) -> None:
    """Raise ``FileError`` where the results cannot be written into ``out``, before the first case is computed."""
    check_can_write(out)
    if out.is_dir():
        check_is_ours(out / TABLE)


def run(
    cases: Sequence[BatchCase],
    job: Job,
    *,
    scheduler: str | None = None,
    jobs: int = 1,
    threads: int = 1,
    on_end: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Do the job for every case, several at once; ``on_end`` is called with each outcome as it comes.

    Returns the outcomes in the order of ``cases``.

    ``scheduler`` is the address of a Dask cluster whose workers have this package and see the same files; without it
    ``jobs`` processes of this machine do the work, each on ``threads`` threads. Raises ``FileError``.
    """
    outcomes = {}
    found = run_locally(cases, job, jobs, threads) if scheduler is None else _run_on(scheduler, cases, job, threads)
    with closing(found):
        for outcome in found:
            outcomes[outcome.case] = outcome
            on_end(outcome)
    return [outcomes[case.name] for case in cases]


def _run_on(scheduler: str, cases: Sequence[BatchCase], job: Job, threads: int) -> Iterator[Outcome]:
    """Yield the outcome of every case as it comes from a Dask cluster. Raises ``FileError``."""
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise FileError("A cluster needs Dask: pip install 'dsc-superres[cohort]'.") from error
    try:
        client = Client(scheduler, timeout=5)
    except (OSError, ValueError) as error:
        raise FileError(f"No Dask scheduler answers at {scheduler}: check the address.") from error
    with client:
        futures = [client.submit(run_case, case, job, threads, pure=False) for case in cases]
        names = dict(zip((future.key for future in futures), (case.name for case in cases), strict=True))
        for future in as_completed(futures):
            error = future.exception()  # only where a worker died: cases report their own errors
            yield lost(names[future.key], str(error)) if error else future.result()


def write_table(outcomes: Sequence[Outcome], out: Path) -> None:
    """The outcomes as CSV in the folder of results, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["case", "state", "seconds", "message"])
    writer.writerows([o.case, o.state, f"{o.seconds:.1f}", o.message] for o in outcomes)
    out.mkdir(parents=True, exist_ok=True)  # not there where every case failed
    write_text(out / TABLE, text.getvalue())
