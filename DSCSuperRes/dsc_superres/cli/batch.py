"""A folder of cases through reconstruction, maps and report: on this machine, or on a Dask cluster.

Every case runs as the worker runs one job, so its results are those of the case alone: bit for bit on one kind of
processor, whatever the number of threads. A case that was done before with the same settings is not done again; one
that fails says why and does not stop the others.
"""

from __future__ import annotations

import csv
import io
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsc_superres.errors import DSCError, FileError
from dsc_superres.pipeline.options import options_of
from dsc_superres.utils.atomic_writing import write_json, write_text

if TYPE_CHECKING:
    from dsc_superres.jobs.types import CompareJob, ReconstructJob

    Job = ReconstructJob | CompareJob

RECORD = "batch.json"
"""Lies in a finished case's folder: with which settings, from which state of its input."""

DONE = "done"
BEFORE = "done before"
FAILED = "failed"


@dataclass(frozen=True)
class BatchCase:
    """A series, and the folder for its results."""

    name: str
    input: Path
    output: Path


@dataclass(frozen=True)
class Outcome:
    """What became of a case: one of the three states, its time, and why it failed."""

    case: str
    state: str
    seconds: float = 0.0
    message: str = ""


def find_cases(folder: Path, out: Path) -> list[BatchCase]:
    """Every dynamic series below ``folder``, by name; 3D images and folders of results are passed over.

    A file is a case of its path without suffix (``sub-01_perf_sub-01_dsc``), a folder of DICOM files one of its path.
    Raises ``FileError`` where there is none.
    """
    if not folder.is_dir():
        raise FileError(f"{folder} is not a folder: give one that holds the studies.")
    found = {}
    for path in _series_below(folder.absolute(), out.absolute()):
        name = "_".join(path.relative_to(folder.absolute()).parts)
        found[name.removesuffix(".gz").removesuffix(".nii").removesuffix(".nrrd").removesuffix(".seq")] = path
    if not found:
        raise FileError(f"{folder} holds no dynamic series (4D NIfTI, .seq.nrrd or DICOM): check the folder.")
    return [BatchCase(name, path, out / name) for name, path in sorted(found.items())]


def _series_below(folder: Path, out: Path) -> Iterator[Path]:
    from dsc_superres.io.dicom import is_dicom
    from dsc_superres.io.image_file import suffix_of

    for parent, folders, files in os.walk(folder):
        here = Path(parent)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and here / name != out)
        if here == out:
            continue
        images = [here / name for name in files if suffix_of(Path(name)) in (".nii", ".nii.gz", ".seq.nrrd")]
        yield from (path for path in images if _is_dynamic(path))
        if not images and any(is_dicom(here / name) for name in files if not name.startswith(".")):
            yield here


def _is_dynamic(path: Path) -> bool:
    """Whether a file is a series of frames; one that cannot be read is, so that its error is told."""
    if path.suffix.lower() == ".nrrd":
        return True
    import SimpleITK as sitk

    from dsc_superres.io.image_file import quiet_itk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        with quiet_itk():
            reader.ReadImageInformation()
    except RuntimeError:
        return True
    return reader.GetDimension() == 4 and reader.GetSize()[3] > 1


def template(job_type: type, options: Mapping[str, object]) -> Job:
    """The job that every case does, with an input and output of its own. Raises ``DSCError``."""
    from dsc_superres.jobs.read import from_folder

    job = job_type(**{**options, "input": Path("case"), "output": Path("results")})
    if job.maps:
        job.map_options()
    # Each case runs in another process, where a relative path would mean something else.
    return from_folder(job, Path.cwd())


def run_case(case: BatchCase, job: Job, threads: int) -> Outcome:
    """One case from file to folder; an error is reported, not raised."""
    import torch

    from dsc_superres.jobs.run import run_job
    from dsc_superres.worker.process import out_of_memory

    record = {"settings": _settings(job), "input": _fingerprint(case.input)}
    if _done_before(case.output, record):
        return Outcome(case.name, BEFORE)
    torch.set_num_threads(threads)
    begin = time.monotonic()
    try:
        run_job(replace(job, input=case.input, output=case.output))
        write_json(case.output / RECORD, record)
    except DSCError as error:
        return Outcome(case.name, FAILED, time.monotonic() - begin, str(error))
    except Exception as error:
        message = "out of memory" if out_of_memory(error) else f"unexpected {type(error).__name__}: {error}"
        return Outcome(case.name, FAILED, time.monotonic() - begin, message)
    return Outcome(case.name, DONE, time.monotonic() - begin)


def _settings(job: Job) -> dict[str, object]:
    """What must be the same for a case not to be done again."""
    options = {name: getattr(job, name) for name in options_of(type(job)) if name not in ("input", "output")}
    plain = {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}
    return {"task": job.task, **plain}


def _fingerprint(path: Path) -> list[list[object]]:
    """Names, sizes and times of a series' files: enough to see that it has changed."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files if file.is_file()]


def _done_before(folder: Path, record: dict[str, object]) -> bool:
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
    with _client(scheduler, jobs) as client:
        from distributed import as_completed

        futures = [client.submit(run_case, case, job, threads, pure=False) for case in cases]
        names = dict(zip((future.key for future in futures), (case.name for case in cases), strict=True))
        for future in as_completed(futures):
            lost = future.exception()  # only where a worker died: cases report their own errors
            name = names[future.key]
            outcomes[name] = Outcome(name, FAILED, message=f"its worker was lost ({lost})") if lost else future.result()
            on_end(outcomes[name])
    return [outcomes[case.name] for case in cases]


@contextmanager
def _client(scheduler: str | None, jobs: int):
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise FileError("Batches need Dask: pip install 'dsc-superres[cohort]'.") from error
    if scheduler is None:
        with (
            LocalCluster(jobs, threads_per_worker=1, memory_limit=None, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(scheduler, timeout=5)
    except (OSError, ValueError) as error:
        raise FileError(f"No Dask scheduler answers at {scheduler}: check the address.") from error
    with client:
        yield client


def write_table(outcomes: Sequence[Outcome], path: Path) -> None:
    """The outcomes as CSV, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["case", "state", "seconds", "message"])
    writer.writerows([o.case, o.state, f"{o.seconds:.1f}", o.message] for o in outcomes)
    path.parent.mkdir(parents=True, exist_ok=True)  # not there where every case failed
    write_text(path, text.getvalue())
