"""The throughput of ``batch``: one process, several processes, and a Dask cluster of several workers on this machine.

All do the same cases, each simulated from a digital patient of its own, from file to reconstruction, maps and report.
What they write is compared byte for byte. The cost of 1,000 cases follows from the processor time of one process:

    core-hours = 1,000 x processor seconds per case / 3600;  cost = core-hours x price per core-hour
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dsc_superres.benchmark.cohort_parts.dask_workers import dask_workers
from dsc_superres.benchmark.cohort_parts.written import differing, written
from dsc_superres.benchmark.shared.cohort_cost import CASES, PRICE
from dsc_superres.benchmark.shared.documents import add_destinations, deliver
from dsc_superres.benchmark.shared.text_tables import TextTable
from dsc_superres.errors import FileError
from dsc_superres.io import write_series
from dsc_superres.models import DEFAULT_MODEL
from dsc_superres.phantom.patient import digital_patient

SEED = 5000


@dataclass(frozen=True)
class Way:
    """One way to run a batch, with so many ``workers``: in local processes, or on a cluster."""

    title: str
    workers: int
    cluster: bool = False


def write_cases(folder: Path, count: int, slices: int, frames: int, size: int) -> None:
    """Write series of so many digital patients, ``size`` x ``size`` pixels, one folder each."""
    for number in range(count):
        place = folder / f"case-{number + 1}"
        place.mkdir()
        patient = digital_patient(SEED + number, slices=slices, frames=frames, matrix=size)
        write_series(patient.series, place / "dsc.nii.gz", integer=True)


def measure(way: Way, cases: Path, out: Path, arguments: Sequence[str]) -> dict[str, float]:
    """Run ``batch`` in this ``way``; return its duration and the processor time of all its processes, s.

    That of a cluster counts from the moment when all its workers are there; its processor time with their start. Raises
    ``FileError`` where a case failed.
    """
    before = _processor_seconds()
    with dask_workers(way.workers if way.cluster else 0) as address:
        where = ["--scheduler", address] if way.cluster else ["--jobs", str(way.workers)]
        command = ["batch", str(cases), "--out", str(out), *where, *arguments]
        begin = time.monotonic()
        done = subprocess.run([sys.executable, "-m", "dsc_superres", *command], capture_output=True, text=True)
        seconds = time.monotonic() - begin
    if done.returncode:
        raise FileError(f"The batch in the way '{way.title}' failed: {done.stderr.strip().splitlines()[-1]}")
    return {"seconds": seconds, "processor_seconds": _processor_seconds() - before}


def _processor_seconds() -> float:
    """That of all processes which this one has started and which have ended, with their own."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def throughput_table(records: Sequence[dict]) -> TextTable:
    """Return the ways beside the first of them; the median of repeated runs."""
    first, rows = records[0], []
    for one in records:
        rows.append(
            (
                one["title"],
                one["seconds"],
                3600 * one["cases"] / one["seconds"],
                f"{first['seconds'] / one['seconds']:.2f}",
                one["processor_seconds"] / one["cases"],
                "–" if one is first else "yes" if not one["differing"] else ", ".join(one["differing"]),
            )
        )
    columns = ("way", "s", "cases per hour", "times as many", "processor s per case", "same bytes")
    return TextTable(f"{first['cases']} cases of {first['shape']}, maps and report", columns, tuple(rows), True)


def cost_text(record: dict, price: float) -> str:
    """Return what 1,000 cases cost by the processor time of one process, maps and report included."""
    each = record["processor_seconds"] / record["cases"]
    hours = CASES * each / 3600
    return (
        f"{CASES:,} cases of {record['shape']}: {CASES:,} x {each:.0f} processor seconds / 3600 = {hours:,.0f} "
        f"core-hours; at an assumed {price:g} per core-hour {hours * price:,.2f}, maps and report included."
    )


def run(arguments: Sequence[str]) -> None:
    """``dsc-superres benchmark cohort``: print the tables."""
    parser = argparse.ArgumentParser(
        prog="dsc-superres benchmark cohort", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=4, help="number of cases (%(default)s)")
    parser.add_argument("--slices", type=int, default=2, help="of each (%(default)s)")
    parser.add_argument("--frames", type=int, default=60, help="of each (%(default)s)")
    parser.add_argument("--size", type=int, default=128, help="rows and columns (%(default)s)")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="that reconstructs (%(default)s)")
    cores = os.cpu_count() or 1
    parser.add_argument("--workers", type=int, nargs="*", default=[cores], help="beside one process (%(default)s)")
    parser.add_argument("--no-cluster", action="store_true", help="without Dask")
    parser.add_argument("--runs", type=int, default=1, help="of each way, in turn; the median counts (%(default)s)")
    parser.add_argument("--price", type=float, default=PRICE, help="of a core-hour, in whatever currency (%(default)s)")
    add_destinations(parser, "cohort")
    options = parser.parse_args(arguments)
    ways = [Way("one process", 1)]
    for count in options.workers:
        ways += [Way(f"{count} processes", count)] if count > 1 else []
        ways += [] if options.no_cluster else [Way(f"Dask, {count} worker{'s' * (count > 1)}", count, cluster=True)]
    records = compare(ways, options)
    table, cost = throughput_table(records), cost_text(records[0], options.price)
    print(table, cost, sep="\n\n")
    deliver("cohort", f"{table.markdown()}\n\n{cost}", records, options)


def compare(ways: Sequence[Way], options: argparse.Namespace) -> list[dict]:
    """Return a record of each way: of its median run, and which of its files differ from those of the first way."""
    found: dict[Way, list[dict[str, float]]] = {way: [] for way in ways}
    contents: dict[Way, dict[str, bytes]] = {}
    with tempfile.TemporaryDirectory(prefix="dsc-superres-") as name:
        cases = Path(name, "cases")
        cases.mkdir()
        write_cases(cases, options.cases, options.slices, options.frames, options.size)
        for repeat in range(options.runs):
            for number, way in enumerate(ways):
                out = Path(name, f"results-{repeat}-{number}")
                found[way].append(measure(way, cases, out, ["--model", options.model]))
                contents[way] = written(out)
    shape = f"{options.size} x {options.size} x {options.slices} x {options.frames}"
    return [
        {"title": way.title, "workers": way.workers, "cluster": way.cluster, "cases": options.cases, "shape": shape}
        | sorted(runs, key=lambda one: one["seconds"])[len(runs) // 2]
        | {"differing": differing(contents[ways[0]], contents[way])}
        for way, runs in found.items()
    ]
