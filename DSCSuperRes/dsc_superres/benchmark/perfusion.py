"""Perfusion methods on digital reference objects: ``dsc-superres benchmark perfusion`` prints these tables.

Every object is generated in code. If the reference folder (argument or the environment variable DSC_REFERENCE) contains
published results, the tables compare with them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from dsc_superres.benchmark.perfusion_objects.delay_and_leakage import delay_table, leakage_table
from dsc_superres.benchmark.perfusion_objects.map_speed import speed_table
from dsc_superres.benchmark.perfusion_objects.osipi_curves import osipi_table
from dsc_superres.benchmark.perfusion_objects.other_objects import other_tables
from dsc_superres.benchmark.perfusion_objects.published_results import reference_folder
from dsc_superres.benchmark.perfusion_objects.standard_object import standard_tables
from dsc_superres.benchmark.shared.one_thread import one_thread
from dsc_superres.benchmark.shared.text_tables import TextTable

METHODS = ("ssvd", "csvd", "osvd", "bayes")
PARTS = ("standard", "other", "delay", "leakage", "osipi", "arteries", "speed", "patients")
PATIENT_SLICES = 2
"""Slices of each patient whose maps are measured unless told otherwise."""


def run(arguments: Sequence[str] = ()) -> list[TextTable]:
    """``dsc-superres benchmark perfusion``: prints the tables, and returns them."""
    parser = argparse.ArgumentParser(prog="dsc-superres benchmark perfusion", description=__doc__)
    parser.add_argument("--reference", type=Path, help="folder with published results (or set DSC_REFERENCE)")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--patients", type=int, default=9, help="validation patients, the first of nine (0: none)")
    parser.add_argument(
        "--slices",
        type=int,
        help=f"middle slices of each patient (for arteries all, for the maps of patients {PATIENT_SLICES})",
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="these parts alone")
    parser.add_argument(
        "--records",
        type=Path,
        metavar="JSON",
        help="keeps what is measured of each patient's maps, so that the same software can go on where a run ended",
    )
    parser.add_argument("--into", type=Path, help="Markdown file to insert the main tables into")
    parser.add_argument("--mark", default="perfusion", help="insert them between <!-- MARK --> and <!-- /MARK -->")
    options = parser.parse_args(arguments)

    def progress(_: float, stage: str) -> None:
        print(stage, file=sys.stderr, flush=True)

    # Small products gain nothing from more threads, and lose much where these wait for each other.
    with one_thread():
        found = tables(
            options.reference,
            options.methods,
            options.patients,
            options.slices,
            progress,
            options.only,
            records=options.records,
        )
    print("\n\n".join(map(str, found)))
    if options.into:
        from dsc_superres.benchmark.shared.documents import insert

        short = [table.markdown() for table in found if table.headline]
        insert(options.into, options.mark, "\n\n".join(short))
    return found


def tables(
    reference: str | Path | None = None,
    methods: Iterable[str] = METHODS,
    patients: int = 0,
    slices: int | None = None,
    progress: Callable[[float, str], None] = lambda fraction, stage: None,
    only: Iterable[str] = PARTS,
    records: Path | None = None,
) -> list[TextTable]:
    """Return all tables.

    reference  folder with the published results and reference objects (``perfusion/bar.csv``, ``perfusion/osipi`` ...);
               DSC_REFERENCE unless given; without either, the objects made in code stand alone
    patients   how many validation patients to find arteries and to measure maps in
    slices     of each patient, the middle ones; None: all for arteries, PATIENT_SLICES for maps
    progress   called with the fraction done and the name of the table under way
    only       the parts to make, of PARTS
    records    file of the measures of each patient's maps, which is read and continued

    Raises ``FileError`` if the given folder contains no perfusion references.
    """
    from dsc_superres.benchmark.perfusion_objects.arteries import aif_table
    from dsc_superres.benchmark.perfusion_objects.patient_maps import patients_tables
    from dsc_superres.phantom import VALIDATION_SEEDS

    folder = reference_folder(reference)
    methods = tuple(methods)
    parts = {
        "standard": lambda: standard_tables(methods, folder),
        "other": lambda: other_tables(),
        "delay": lambda: [delay_table(methods)],
        "leakage": lambda: [leakage_table(folder)],
        "osipi": lambda: [osipi_table(folder)] if folder and (folder / "osipi").is_dir() else [],
        "arteries": lambda: [aif_table(VALIDATION_SEEDS[:patients], slices, progress)] if patients else [],
        "speed": lambda: [speed_table()],
        "patients": lambda: patients_tables(patients, slices or PATIENT_SLICES, records, progress) if patients else [],
    }
    found, chosen = [], [name for name in PARTS if name in only]
    for done, stage in enumerate(chosen):
        progress(done / len(chosen), stage)
        found += parts[stage]()
    progress(1.0, "done")
    return found
