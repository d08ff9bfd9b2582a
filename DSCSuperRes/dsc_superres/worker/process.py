"""The background process that another program starts: ``python -m dsc_superres.worker --job job.json``.

Standard output carries one JSON object per line and nothing else (UTF-8); standard error carries a log for people:

    {"type": "progress", "fraction": 0.42, "stage": "Reconstructing", "seconds_left": 12.5}   seconds_left may be null
    {"type": "images", "folder": ..., "files": {...}, ...}   only with --images: the result before it has maps
    {"type": "result", "folder": ..., "files": {...}, ...}   what else there is depends on the task
    {"type": "error", "message": "One sentence for the user.", "kind": "SeriesError"}

The last line is a result or an error, unless the work was cancelled. Cancel with the line ``cancel`` on standard
input, or by closing it: a worker whose starter is gone stops, or is killed a minute later. Results appear in the
output folder all at once.

Exit codes:
    0    the result line was sent and its files are there
    1    a defect of this software; the log holds a traceback
    2    the job or its input is not usable; the error line says why and what to do
    3    out of memory, on the device or the machine
    130  cancelled, or ended by a signal; no result was written

``--images FOLDER`` makes jobs that compute maps hand over their images as soon as these are there: series, metrics and
provenance appear in ``FOLDER`` as in a result without maps, and the line of type ``images`` follows. They stay there,
whatever becomes of the maps. The result is the same with and without.

``--probe`` sends one line of type ``probe`` instead: versions, devices and models.

``--wait`` starts the process before there is a job: it imports what jobs need, sends ``{"type": "ready"}``, and waits
for one line on standard input, ``{"job": "job.json", "temporary": "folder", "images": "folder"}``; the rest is as with
``--job``. The folders for temporary files and for images may be left out. It does one job.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dsc_superres.errors import Cancelled, DSCError, os_error_text
from dsc_superres.utils.ending import Ended, ending_at_signals
from dsc_superres.utils.memory_errors import out_of_memory
from dsc_superres.utils.partial_entries import discard_unfinished
from dsc_superres.utils.priority import let_others_go_first
from dsc_superres.utils.pytorch import from_torch, torch_problem
from dsc_superres.utils.standard_streams import open_standard_streams
from dsc_superres.utils.supervision import crash_text, load_numerical_libraries, supervised
from dsc_superres.worker.channel import CANCELLED, Channel, Listener

if TYPE_CHECKING:
    from dsc_superres.jobs.job_result import JobResult

PROTOCOL = 1
OK = 0
DEFECT = 1
BAD_INPUT = 2
OUT_OF_MEMORY = 3
MORE_MEMORY = "close other programs, choose the CPU or a smaller factor"

log = logging.getLogger("dsc_superres.worker")


def main(arguments: list[str] | None = None) -> int:
    """Run one job, or probe; returns the exit code (see the module's text)."""
    parser = argparse.ArgumentParser(
        prog="python -m dsc_superres.worker",
        description=__doc__,
        epilog="The fields of a job: python -m pydoc dsc_superres.jobs.types",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--job", metavar="FILE", type=Path, help="the JSON file that says what to do")
    task.add_argument("--wait", action="store_true", help="import first; the job's file is named on standard input")
    task.add_argument("--probe", action="store_true", help="list versions, devices and models as one JSON line")
    parser.add_argument("--images", metavar="FOLDER", type=Path, help="for the images, before maps are computed")
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    open_standard_streams()
    return supervised(lambda: _work(options), _crashed, ends_with_input=not options.probe)


def _work(options: argparse.Namespace) -> int:
    channel = Channel()
    if options.probe:
        load_numerical_libraries()
        from dsc_superres.worker.probe import probe

        channel.send("probe", protocol=PROTOCOL, **probe())
        return OK
    let_others_go_first()
    with ending_at_signals(restore=False):
        try:
            return run(options.job, channel, Listener(), options.images)
        finally:
            discard_unfinished()


def _crashed(name: str) -> int:
    message = f"{crash_text(name)}: {MORE_MEMORY}."
    line = json.dumps({"type": "error", "message": message, "kind": "MemoryError"})
    log.error(message)
    with suppress(OSError):
        os.write(1, f"{line}\n".encode())
    return OUT_OF_MEMORY


def run(job_file: Path | None, channel: Channel, listener: Listener, images: Path | None = None) -> int:
    """Do the job, which the starter names where it is None, and send its outcome; returns the exit code.

    ``images`` is the folder for the images of a job that also computes maps; None: they come with its result.
    """
    try:
        if job_file is None:
            from dsc_superres.worker.waiting import wait_for_job

            job_file, images = wait_for_job(channel, listener)
        channel.progress(0.0, "Starting")
        load_numerical_libraries()
        from dsc_superres.jobs.gate import check_job_file
        from dsc_superres.jobs.job_files import read_job
        from dsc_superres.jobs.run import run_job

        job = read_job(job_file)
        check_job_file(job, job_file)
        more = {}
        if images is not None and getattr(job, "wants_maps", False):
            from dsc_superres.jobs.images_ahead import ImagesAhead

            more["ahead"] = ImagesAhead(images, lambda ahead: channel.send("images", **ahead.to_dict()))
        result = run_job(job, channel.progress, listener.cancelled, **more)
        _send_result(channel, result)
    except (Cancelled, Ended):
        log.info("cancelled")
        return CANCELLED
    except DSCError as error:
        return _fail(channel, error, str(error), BAD_INPUT)
    except Exception as error:
        log.exception("the job failed")
        if out_of_memory(error):
            return _fail(channel, error, f"There is not enough memory for this job: {MORE_MEMORY}.", OUT_OF_MEMORY)
        if from_torch(error) and torch_problem():
            return _fail(channel, error, torch_problem(), BAD_INPUT)
        if isinstance(error, OSError):  # of a disk, a permission or a name that is too long: nothing that we do wrong
            return _fail(channel, error, f"A file cannot be used: {os_error_text(error)}.", BAD_INPUT)
        message = f"An unexpected error occurred ({type(error).__name__}: {error}); the log has the details."
        return _fail(channel, error, message, DEFECT)
    return OK


def _fail(channel: Channel, error: Exception, message: str, code: int) -> int:
    log.error(message)
    try:
        channel.send("error", message=message, kind=type(error).__name__)
    except Cancelled:
        log.info("nobody listens")
    return code


def _send_result(channel: Channel, result: JobResult) -> None:
    try:
        channel.send("result", **result.to_dict())
    except Cancelled:
        log.info("nobody listens; the results are there")
