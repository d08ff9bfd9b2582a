"""The background process that another program starts: ``python -m dsc_superres.worker --job job.json``.

Standard output carries one JSON object per line and nothing else (UTF-8); standard error carries a log for people:

    {"type": "progress", "fraction": 0.42, "stage": "Reconstructing", "seconds_left": 12.5}   seconds_left may be null
    {"type": "result", "folder": ..., "files": {...}, "series": {...}, "metrics": {...},
     "maps_error": null, "notes": [...], "provenance": {...}}
    {"type": "error", "message": "One sentence for the user.", "kind": "SeriesError"}

The last line is a result or an error, unless the work was cancelled. Cancel with the line ``cancel`` on standard
input, or by closing it: a worker whose starter is gone stops. Results appear in the output folder all at once.

Exit codes:
    0    the result line was sent and its files are there
    1    a defect of this software; the log holds a traceback
    2    the job or its input is not usable; the error line says why and what to do
    3    out of memory, on the device or the machine
    130  cancelled; nothing was written

``--probe`` sends one line of type ``probe`` instead: versions, devices and models.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dsc_superres.errors import Cancelled, DSCError
from dsc_superres.utils import atomic_writing as atomic
from dsc_superres.utils.progress import Clock, Progress, part

if TYPE_CHECKING:  # nothing that needs a package: the probe is to say which ones are missing
    from dsc_superres.pipeline.case import Study
    from dsc_superres.pipeline.jobs import Job
    from dsc_superres.series import Series

PROTOCOL = 1
OK, DEFECT, BAD_INPUT, OUT_OF_MEMORY, CANCELLED = 0, 1, 2, 3, 130
GRACE = 10.0
"""Seconds that the work has to notice that standard input was closed, before the process ends itself."""

Task = Callable[[Path, Progress, Callable[[], bool]], dict[str, object]]
"""Does the job in a file, and returns the fields of the result line."""

log = logging.getLogger("dsc_superres.worker.process")


class Channel:
    """JSON lines on the process's real standard output.

    Whatever else prints (libraries, also compiled ones) is sent to standard error, so that it cannot break a line.
    """

    def __init__(self) -> None:
        self._stream: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        self._clock = Clock()
        self._last = ("", 0.0)

    def send(self, kind: str, /, **fields: object) -> None:
        """Send one object. Raises ``Cancelled`` where nobody listens any more."""
        try:
            self._stream.write(json.dumps({"type": kind, **fields}, allow_nan=False) + "\n")
            self._stream.flush()
        except BrokenPipeError as error:
            raise Cancelled from error

    def progress(self, fraction: float, stage: str) -> None:
        """Send progress, at most ten times a second within one stage."""
        stage_before, when = self._last
        if stage == stage_before and time.monotonic() - when < 0.1:
            return
        self._last = (stage, time.monotonic())
        if stage != stage_before:
            log.info("%3.0f %%  %s", 100 * fraction, stage)
        left = self._clock.seconds_left(fraction)
        left = None if left is None else round(left, 1)
        self.send("progress", fraction=round(fraction, 4), stage=stage, seconds_left=left)


class Listener:
    """Waits in the background for ``cancel`` on standard input, or for its end."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()
        threading.Thread(target=self._listen, name="standard input", daemon=True).start()

    def cancelled(self) -> bool:
        """Whether the work is to stop."""
        return self._cancelled.is_set()

    def _listen(self) -> None:
        # os.read, not sys.stdin: a buffered reader waiting in a thread holds a lock that the interpreter needs to end.
        pending = b""
        while chunk := _read_input():
            *lines, pending = (pending + chunk).split(b"\n")
            if any(line.strip() == b"cancel" for line in lines):
                log.info("cancel received")
                self._cancelled.set()
        log.info("standard input is closed: stopping")
        self._cancelled.set()
        time.sleep(GRACE)
        atomic.discard_unfinished()
        os._exit(CANCELLED)


def _read_input() -> bytes:
    try:
        return os.read(0, 4096)
    except OSError:
        return b""


def main(arguments: list[str] | None = None) -> int:
    """Run one job, or probe; returns the exit code (see the module's text)."""
    parser = argparse.ArgumentParser(
        prog="python -m dsc_superres.worker",
        description=__doc__,
        epilog="The fields of a job: python -m pydoc dsc_superres.job.Job",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--job", metavar="FILE", type=Path, help="the JSON file that says what to do")
    task.add_argument("--probe", action="store_true", help="list versions, devices and models as one JSON line")
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    channel = Channel()
    if options.probe:
        from dsc_superres.worker.probe import probe

        channel.send("probe", protocol=PROTOCOL, **probe())
        return OK
    return run(options.job, channel, Listener(), work)


def run(job_file: Path, channel: Channel, listener: Listener, task: Task) -> int:
    """Do the job and send its outcome; returns the exit code."""
    for name in ("SIGTERM", "SIGINT"):
        signal.signal(getattr(signal, name), _stop)
    try:
        channel.progress(0.0, "Starting")
        channel.send("result", **task(job_file, channel.progress, listener.cancelled))
    except Cancelled:
        log.info("cancelled")
        return CANCELLED
    except DSCError as error:
        return _fail(channel, error, str(error), BAD_INPUT)
    except Exception as error:
        log.exception("the job failed")
        if out_of_memory(error):
            hint = "There is not enough memory for this job: close other programs, choose the CPU or a smaller factor."
            return _fail(channel, error, hint, OUT_OF_MEMORY)
        message = f"An unexpected error occurred ({type(error).__name__}: {error}); the log has the details."
        return _fail(channel, error, message, DEFECT)
    return OK


def work(job_file: Path, report: Progress, stop: Callable[[], bool]) -> dict[str, object]:
    """Do the job and write its results; returns the fields of the result line. Raises ``DSCError``, ``Cancelled``."""
    from dsc_superres.pipeline.case import enhance, retrospect
    from dsc_superres.pipeline.jobs import read_job
    from dsc_superres.pipeline.results import write_study

    job = read_job(job_file)
    if job.maps:
        job.map_options()  # what cannot be is worth knowing before the work
    report(0.01, "Reading")
    if job.task == "maps":
        return _map(job, report, stop)
    series = job.read_input()
    if stop():
        raise Cancelled
    if job.task == "adapt":
        return _adapt(series, job, part(report, 0.02, 0.99), stop)
    study = (retrospect if job.task == "compare" else enhance)(series, job, part(report, 0.05, 0.95), stop)
    report(0.95, "Writing")
    with atomic.atomic_folder(job.output) as folder:
        result = write_study(study, job, folder)
        if job.report:
            report(0.97, "Drawing the report")
            result["files"]["report"] = _report(study, job, folder)
        if stop():
            raise Cancelled
    report(1.0, "Done")
    return {"folder": str(job.output), **result}


def _report(study: Study, job: Job, folder: Path) -> str:
    from dsc_superres.report import write_report
    from dsc_superres.report.content import ReportContent, find_regions

    return write_report(ReportContent(study, job, *find_regions(study)), folder).name


def _adapt(series: Series, job: Job, report: Progress, stop: Callable[[], bool]) -> dict[str, object]:
    """Weights tuned to the series, where that gains something, and how much: adaptation.json."""
    from dsc_superres.pipeline.results import ADAPTED
    from dsc_superres.reconstruction.adaptation import adapt, write_adaptation

    found = adapt(series, minutes=job.minutes, model=job.model, device=job.device, report=report, cancelled=stop)
    with atomic.atomic_folder(job.output) as folder:
        told = write_adaptation(found, job.model, folder / ADAPTED)
        atomic.write_json(folder / "adaptation.json", told)
    weights = {} if found.kept else {"weights": ADAPTED}
    return {"folder": str(job.output), "files": {"adaptation": "adaptation.json", **weights}, "adaptation": told}


def _map(job: Job, report: Progress, stop: Callable[[], bool]) -> dict[str, object]:
    from dsc_superres.perfusion.propagation import check_uncertainty
    from dsc_superres.pipeline.results import write_all_maps
    from dsc_superres.pipeline.shared_maps import find_masks, map_series, with_reconstruction_uncertainty

    series, uncertainty = job.read_inputs(), job.read_uncertainty()
    if uncertainty is not None:
        check_uncertainty(uncertainty, series["reconstruction"])
    maps = map_series(series, find_masks(series, job.mask), job, None, part(report, 0.02, 0.95), stop)
    maps = with_reconstruction_uncertainty(maps, "reconstruction", series.get("reconstruction"), uncertainty)
    report(0.95, "Writing")
    with atomic.atomic_folder(job.output) as folder:
        result = write_all_maps(maps, series, job, folder)
        if stop():
            raise Cancelled
    report(1.0, "Done")
    return {"folder": str(job.output), **result}


def out_of_memory(error: Exception) -> bool:
    """Whether ``error`` says that memory ran out: Python's own, a GPU's, or torch's allocator on the CPU."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and "allocate memory" in str(error))
    )


def _fail(channel: Channel, error: Exception, message: str, code: int) -> int:
    log.error(message)
    try:
        channel.send("error", message=message, kind=type(error).__name__)
    except Cancelled:
        log.info("nobody listens")
    return code


def _stop(number: int, frame: object) -> None:
    raise Cancelled  # out of whatever the main thread is doing


if __name__ == "__main__":
    sys.exit(main())
