"""Perfusion methods on digital reference objects: ``dsc-superres benchmark perfusion`` prints these tables.

Every object is made in code; published results stand beside ours where the reference folder (argument or the
environment variable DSC_REFERENCE) holds them.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

from dsc_superres.benchmark import reference_objects as objects
from dsc_superres.benchmark.perfusion_speed import speed_table
from dsc_superres.benchmark.published import (
    BAR,
    STRETCH,
    TOOLBOX,
    Cell,
    published_object,
    published_rows,
    reference_folder,
)
from dsc_superres.benchmark.tables import Table
from dsc_superres.perfusion.arterial import ArterialInput
from dsc_superres.perfusion.bolus import Bolus, find_bolus
from dsc_superres.perfusion.concentration import delta_r2star
from dsc_superres.perfusion.estimate import curve_maps
from dsc_superres.perfusion.leakage import correct_leakage, reference_curve
from dsc_superres.perfusion.options import MapOptions

INTERVALS = (1.0, 1.5, 2.0, 6.0)
NOISE = (np.inf, 100.0, 50.0, 20.0)
METHODS = ("ssvd", "csvd", "osvd", "bayes")
SHORT = 15
"""Rows of the longest table that goes into a document."""
QUANTITIES = ("CBV", "CBF", "MTT", "Tmax")
COVERED = tuple(f"95 % {name}" for name in QUANTITIES)


def run(arguments: Sequence[str] = ()) -> list[Table]:
    """``dsc-superres benchmark perfusion``: prints the tables, and returns them."""
    parser = argparse.ArgumentParser(prog="dsc-superres benchmark perfusion", description=__doc__)
    parser.add_argument("--reference", type=Path, help="folder with published results (or set DSC_REFERENCE)")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--patients", type=int, default=9, help="digital patients for the arterial input (0: none)")
    parser.add_argument("--slices", type=int, help="middle slices of each patient (all of them unless given)")
    parser.add_argument("--speed", action="store_true", help="the table of speed alone")
    parser.add_argument("--into", type=Path, help="Markdown file whose marked place is to hold the summary")
    parser.add_argument("--mark", default="perfusion", help="that place: between <!-- MARK --> and <!-- /MARK -->")
    options = parser.parse_args(arguments)

    def progress(_: float, stage: str) -> None:
        print(stage, file=sys.stderr, flush=True)

    if options.speed:
        found = [speed_table()]
    else:
        found = tables(options.reference, options.methods, options.patients, options.slices, progress)
    print("\n\n".join(map(str, found)))
    if options.into:
        from dsc_superres.benchmark.quality import insert

        short = [table.markdown() for table in found if len(table.rows) <= SHORT]
        insert(options.into, options.mark, "\n\n".join(short))
    return found


def tables(
    reference: str | Path | None = None,
    methods: Iterable[str] = METHODS,
    patients: int = 0,
    slices: int | None = None,
    progress: Callable[[float, str], None] = lambda fraction, stage: None,
) -> list[Table]:
    """All tables.

    reference  folder with the published results and reference objects (``perfusion/bar.csv``, ``perfusion/osipi`` ...);
               DSC_REFERENCE unless given; without either, the objects made in code stand alone
    patients   how many validation patients to look for arteries in
    slices     of each patient, the middle ones; None: all
    progress   called with the fraction done and the name of the table under way

    Raises ``FileError`` where a folder is given that holds no perfusion references.
    """
    from dsc_superres.benchmark.arteries import aif_table
    from dsc_superres.phantom import VALIDATION_SEEDS

    folder = reference_folder(reference)
    methods = tuple(methods)
    parts = {
        "standard object": lambda: standard_tables(methods, folder),
        "other objects": lambda: [other_table()],
        "delays": lambda: [delay_table(methods)],
        "leakage": lambda: [leakage_table()],
        "OSIPI": lambda: [osipi_table(folder)] if folder and (folder / "osipi").is_dir() else [],
        "arteries": lambda: [aif_table(VALIDATION_SEEDS[:patients], slices, progress)] if patients else [],
        "speed": lambda: [speed_table()],
    }
    found = []
    for done, (stage, make) in enumerate(parts.items()):
        progress(done / len(parts), stage)
        found += make()
    progress(1.0, "done")
    return found


def standard_tables(methods: tuple[str, ...], folder: Path | None) -> list[Table]:
    """Median absolute relative errors (%) of 288 cases, and the mean Tmax error (s) of the exponential ones.

    On the published noise where the folder holds it. With published results a second table tells where ours stand.
    """
    published = published_rows(folder)
    rows, ours = [], {}
    for cell in product(INTERVALS, NOISE):
        made = (folder and published_object(folder, cell)) or objects.reference_object(
            objects.grid_cases(), cell[0] * np.arange(60), cell[1], seed=1
        )
        for method in methods:
            ours[*cell, method] = _errors(made, method)
            cover = _coverage(made) if method == "bayes" else ("",) * 4
            rows.append((*cell, method, *ours[*cell, method], *cover))
        rows += [(*cell, name, *values, *("",) * 4) for name, values in published.get(cell, {}).items()]
    title = "Standard object (3 residues x 4 CBV x 6 MTT x 4 delays): median error %, Tmax mean error s"
    found = [Table(title, ("TR s", "SNR", "method", *QUANTITIES, *COVERED), tuple(rows))]
    return found + ([standing_table(ours, published)] if published else [])


def standing_table(ours: dict[tuple, tuple[float, ...]], published: dict[Cell, dict[str, tuple[float, ...]]]) -> Table:
    """In how many cells the Bayesian method is at or below published errors; how far the classic ones are from theirs.

    ``ours`` are the errors by interval, signal-to-noise ratio and method. Published errors have two decimals.
    """
    rows = []
    for name, limit in ((BAR, np.inf), (STRETCH, 2.0)):
        cells = [cell for cell in published if cell[0] <= limit and (*cell, "bayes") in ours]
        lower = [np.array(ours[*cell, "bayes"]) <= np.array(published[cell][name]) + 0.005 for cell in cells]
        where = "all TR" if limit == np.inf else f"TR up to {limit:g} s"
        count = [f"{n} of {len(cells)}" for n in np.sum(lower, axis=0)] if cells else [""] * 4
        rows.append((f"bayes at or below {name}, {where}", *count))
    for method, name in TOOLBOX.items():
        cells = [cell for cell in published if cell[0] <= 2 and cell[1] >= 50 and (*cell, method) in ours]
        apart = [np.abs(np.subtract(ours[*cell, method], published[cell][name])) for cell in cells]
        if apart:
            rows.append((f"{method}, largest distance from {name}, TR up to 2 s, SNR from 50", *np.max(apart, axis=0)))
    return Table("Standing on the standard object", ("what", *QUANTITIES), tuple(rows))


def other_table(count: int = 60) -> Table:
    """Errors and coverage off the model: other arteries, residues, delays off any grid, irregular frame times."""
    random = np.random.default_rng(11)
    even, jitter = 1.5 * np.arange(60), 1.5 * np.arange(60) + np.append(0, random.uniform(-0.5, 0.5, 59))
    slowing = np.append(np.arange(0, 50, 1.5), np.arange(50, 120, 5.0))
    settings = {
        "other artery": (objects.OTHER_AIFS[0], 1.37 * np.arange(60), np.inf, 1.0),
        "noisy wide artery": (objects.OTHER_AIFS[1], even, 40.0, 1.0),
        "artery times 0.7": (objects.STANDARD_AIF, even, np.inf, 0.7),
        "irregular frames": (objects.STANDARD_AIF, jitter, np.inf, 1.0),
        "frames 1.5 s, then 5 s": (objects.OTHER_AIFS[0], slowing, np.inf, 1.0),
    }
    rows = []
    for name, (aif, times, aif_snr, scale) in settings.items():
        for snr in NOISE[1:]:
            for residues in (("exp", "box", "gamma"), ("lorentzian",), ("biexponential",), ("dispersed",)):
                cases = objects.random_cases(residues, count, seed=5)
                made = objects.reference_object(cases, times, snr, aif=aif, seed=7, aif_snr=aif_snr)
                made = replace(made, arterial=scale * made.arterial)
                what = "exp, box, gamma" if len(residues) > 1 else residues[0]
                rows += [(name, snr, what, m, *_errors(made, m, every=True)) for m in ("csvd", "bayes")]
                rows[-1] += _coverage(made)
                rows[-2] += ("", "", "", "")
    columns = ("object", "SNR", "residue", "method", *QUANTITIES, *COVERED)
    return Table(
        "Other objects: median error %, mean delay error s, and how many % of 95 % intervals cover the truth",
        columns,
        tuple(rows),
    )


def delay_table(methods: tuple[str, ...]) -> Table:
    """CBF over its truth for an exponential residue of 4 s without noise, against the delay of the tissue."""
    delays = np.array([-4.0, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8])
    made = objects.reference_object([("exp", 4.0, 4.0, d) for d in delays], 1.5 * np.arange(60), np.inf)
    rows = [(method, *(_values(made, method)["cbf"] / made.truth["cbf"]).round(3)) for method in methods]
    return Table(
        "CBF over truth against delay (s), noise-free, MTT 4 s", ("method", *(f"{d:g}" for d in delays)), tuple(rows)
    )


def leakage_table() -> Table:
    """Error of CBV in leaking voxels, and change of CBV in those that do not leak."""
    times = 1.5 * np.arange(60)
    k2 = np.repeat([0.0, -0.06, -0.03, 0.03, 0.06], (400, 50, 50, 50, 50))
    cases = [("exp", cbv, 4.0, 0.0) for cbv in np.resize([2.0, 4.0], len(k2))]
    made = objects.leaking_object(cases, times, 100.0, k2)
    bolus = _bolus(made)
    curves = delta_r2star(made.signal, objects.ECHO_TIME, made.baseline)
    truth, area = made.truth["cbv"], np.trapezoid(made.arterial, times)
    before = 100 * np.trapezoid(curves, times, axis=0) / area
    rows = [("none", *_leakage_row(before, before, truth, k2))]
    for name in ("bsw", "bidirectional"):
        fit = correct_leakage(curves, times, reference_curve(curves, bolus), bolus, name == "bidirectional")
        rows.append((name, *_leakage_row(100 * np.trapezoid(fit.curves, times, axis=0) / area, before, truth, k2)))
    return Table("Leakage: median % of CBV", ("correction", "error, leaking", "change, not leaking"), tuple(rows))


def osipi_table(folder: Path) -> Table:
    """The 14 curves of the OSIPI code collection: CBF, passes of its tolerance, CBV against its corrected truth."""
    csv.field_size_limit(10**7)
    with (folder / "osipi" / "dsc_data.csv").open() as file:
        cases = list(csv.DictReader(file))
    tissue = np.stack([_numbers(case["C_tis"]) for case in cases], axis=1)
    arterial, step = _numbers(cases[0]["C_aif"]), float(cases[0]["tr"])
    cbv, cbf = (np.array([float(case[name]) for case in cases]) for name in ("cbv", "cbf"))
    # Its curves come from the rectangle rule: a residue that begins half a step early, larger by that factor.
    corrected, consistent = cbv + step * cbf / 120, cbf * (1 + step * cbf / cbv / 120)
    times = step * np.arange(len(arterial))
    bolus = find_bolus(np.exp(-tissue.mean(axis=1)), times)
    choices = {
        "ssvd 0.2": MapOptions("ssvd", 1.0),
        "csvd 0.1": MapOptions("csvd", 1.0),
        "csvd adaptive": MapOptions("csvd", 1.0, threshold="adaptive"),
        "osvd 0.035": MapOptions("osvd", 1.0),
        "osvd 0.095, step 0.005": MapOptions("osvd", 1.0, threshold=0.005, oscillation=0.095),
        "bayes": MapOptions("bayes", 1.0),
    }
    rows = []
    for name, options in choices.items():
        # A vanishing echo time: the noise of these curves does not depend on the signal.
        maps = curve_maps(tissue, times, ArterialInput(times, arterial), bolus, options, echo_time=1e-9)
        error = maps["cbf"] - cbf
        passed = int(np.sum(np.abs(error) <= 15 + 0.1 * cbf))
        rows.append((name, _percent(maps["cbf"], cbf), passed, _percent(maps["cbf"], consistent)))
        rows[-1] += (_percent(maps["cbv"], corrected),)
    columns = ("method", "CBF as labelled", "of 14 within tolerance", "CBF of the curves", "CBV of the curves")
    return Table("OSIPI curves: median error %", columns, tuple(rows))


def _bolus(made: objects.ReferenceObject) -> Bolus:
    found = find_bolus(made.signal.mean(axis=1), made.times)
    return Bolus(
        made.baseline, found.arrival, found.peak, made.baseline.stop - 1, found.peak_frame, found.drop, found.noise
    )


def _values(made: objects.ReferenceObject, method: str) -> dict[str, np.ndarray]:
    curves = delta_r2star(made.signal, objects.ECHO_TIME, made.baseline)
    aif, options = ArterialInput(made.times, made.arterial), MapOptions(method, kh_over_rho=1.0)
    return curve_maps(curves, made.times, aif, _bolus(made), options, objects.ECHO_TIME)


def _errors(made: objects.ReferenceObject, method: str, every: bool = False) -> tuple[float, ...]:
    maps, truth = _values(made, method), made.truth
    chosen = slice(None) if every else made.residue == "exp"
    late = np.abs(maps["tmax"] - truth["delay"])[chosen].mean()
    return (*(_percent(maps[name], truth[name]) for name in ("cbv", "cbf", "mtt")), float(late))


def _coverage(made: objects.ReferenceObject) -> tuple[float, ...]:
    """How many % of the nominal 95 % intervals of the Bayesian maps hold the truth; of logarithms but for Tmax."""
    maps, truth = _values(made, "bayes"), made.truth
    found = []
    for name in ("cbv", "cbf", "mtt"):
        distance = np.abs(np.log(maps[name] / truth[name])) * maps[name]
        found.append(100 * float(np.mean(distance < 1.96 * maps[f"{name}_sd"])))
    return (*found, 100 * float(np.mean(np.abs(maps["tmax"] - truth["delay"]) < 1.96 * maps["tmax_sd"])))


def _leakage_row(cbv: np.ndarray, before: np.ndarray, truth: np.ndarray, k2: np.ndarray) -> tuple[float, float]:
    change = 100 * np.median(np.abs(cbv / before - 1)[k2 == 0])
    return _percent(cbv[k2 != 0], truth[k2 != 0]), float(change)


def _percent(found: np.ndarray, truth: np.ndarray) -> float:
    return 100 * float(np.median(np.abs(found / truth - 1)))


def _numbers(text: str) -> np.ndarray:
    return np.array(text.strip("[] \n").replace(",", " ").split(), float)
