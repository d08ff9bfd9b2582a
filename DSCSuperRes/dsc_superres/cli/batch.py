"""A folder of cases through reconstruction, maps and report: on this machine, or on a Dask cluster.

Every case runs as the worker runs one job, so its results are those of the case alone: bit for bit on one kind of
processor, whatever the number of threads. A case that was done before with the same settings is not done again; one
that fails says why and does not stop the others.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsc_superres.cli.batch_cases import BatchCase, find_cases
from dsc_superres.cli.batch_outcome import BEFORE, DONE, FAILED, Outcome, lost
from dsc_superres.cli.local_processes import run_locally
from dsc_superres.errors import DSCError, FileError
from dsc_superres.jobs.targets import check_can_write, check_is_ours, sidecar_of
from dsc_superres.models import find
from dsc_superres.pipeline.case_options import options_of
from dsc_superres.utils.atomic_writing import write_json, write_text
from dsc_superres.utils.file_names import without_names
from dsc_superres.version import __version__

if TYPE_CHECKING:
    from dsc_superres.jobs.types import CompareJob, ReconstructJob

    Job = ReconstructJob | CompareJob

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
RECORD = "batch.json"
"""Lies in a finished case's folder: with which settings, from which state of its input."""


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


def run_case(case: BatchCase, job: Job, threads: int) -> Outcome:
    """One case from file to folder; an error is reported, not raised."""
    import torch

    from dsc_superres.jobs.run import run_job
    from dsc_superres.jobs.targets import is_complete
    from dsc_superres.utils.memory_errors import out_of_memory

    begin = time.monotonic()
    try:
        record = _record(case, job)
        if _is_recorded(case.output, record) and is_complete(case.output):
            return Outcome(case.name, BEFORE)
        torch.set_num_threads(threads)

        def finish(folder: Path, result: dict[str, object]) -> None:
            # With the results, not after them: a record of others would call these done.
            write_json(folder / RECORD, record)

        run_job(replace(job, input=case.input, output=case.output), finish=finish)
    except DSCError as error:
        message = without_names(str(error), case.input, "the series")  # the table names the case
        return Outcome(case.name, FAILED, time.monotonic() - begin, message)
    except Exception as error:
        message = "out of memory" if out_of_memory(error) else f"unexpected {type(error).__name__}: {error}"
        return Outcome(case.name, FAILED, time.monotonic() - begin, message)
    return Outcome(case.name, DONE, time.monotonic() - begin)


def _record(case: BatchCase, job: Job) -> dict[str, object]:
    """What must be the same for a case not to be done again. Holds no names of files: they may be those of patients."""
    options = {name: getattr(job, name) for name in options_of(type(job)) if name not in ("input", "output")}
    files = {name: value for name, value in options.items() if isinstance(value, Path) or _is_file(value)}
    models = (job.model, *getattr(job, "baselines", ()))
    return {
        "version": __version__,
        "settings": {"task": job.task, **options, **dict.fromkeys(files, "file"), "model": None, "baselines": None},
        "models": [find(model).label for model in models],
        "weights": [find(model).weights_sha256 for model in models],
        "files": {name: _fingerprint(Path(value)) for name, value in files.items()},
        "input": _fingerprint(case.input),
    }


def _is_file(value: object) -> bool:
    return isinstance(value, str) and Path(value).is_file()


def _fingerprint(path: Path) -> str:
    """A checksum of names, sizes and times of a series' files, sidecar included: enough to see that it has changed."""
    files = sorted(path.iterdir()) if path.is_dir() else [path, sidecar_of(path)]
    states = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()]
    return hashlib.sha256(repr(states).encode()).hexdigest()


def _is_recorded(folder: Path, record: dict[str, object]) -> bool:
    try:
        return json.loads((folder / RECORD).read_text(encoding="utf-8")) == json.loads(json.dumps(record))
    except (OSError, ValueError):
        return False


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
