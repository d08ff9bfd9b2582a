"""Perfusion methods on digital reference objects: ``dsc-superres benchmark perfusion`` prints these tables.

Every object is made in code; published results stand beside ours where the reference folder (argument or the
environment variable DSC_REFERENCE) holds them.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsc_superres.benchmark import reference_objects as objects
from dsc_superres.errors import FileError
from dsc_superres.perfusion.arterial import ArterialInput
from dsc_superres.perfusion.bolus import Bolus, find_bolus
from dsc_superres.perfusion.concentration import delta_r2star
from dsc_superres.perfusion.estimate import curve_maps
from dsc_superres.perfusion.leakage import correct_leakage, reference_curve
from dsc_superres.perfusion.options import MapOptions

INTERVALS = (1.0, 1.5, 2.0, 6.0)
NOISE = (np.inf, 100.0, 50.0, 20.0)
METHODS = ("ssvd", "csvd", "osvd", "bayes")


@dataclass(frozen=True)
class Table:
    """A title, the names of the columns, and rows of text or numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]

    def __str__(self) -> str:
        cells = [self.columns, *(tuple(_text(cell) for cell in row) for row in self.rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
        return "\n".join([self.title, *lines])


def run(arguments: Sequence[str] = ()) -> list[Table]:
    """``dsc-superres benchmark perfusion``: prints the tables, and returns them."""
    parser = argparse.ArgumentParser(prog="dsc-superres benchmark perfusion", description=__doc__)
    parser.add_argument("--reference", type=Path, help="folder with published results (or set DSC_REFERENCE)")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    options = parser.parse_args(arguments)
    found = tables(options.reference, options.methods, lambda _, stage: print(stage, file=sys.stderr, flush=True))
    print("\n\n".join(map(str, found)))
    return found


def tables(
    reference: str | Path | None = None,
    methods: Iterable[str] = METHODS,
    progress: Callable[[float, str], None] = lambda fraction, stage: None,
) -> list[Table]:
    """All tables.

    reference  folder with the published results and reference objects (``perfusion/bar.csv``, ``perfusion/osipi`` ...);
               DSC_REFERENCE unless given; without either, the objects made in code stand alone
    progress   called with the fraction done and the name of the table under way

    Raises ``FileError`` where a folder is given that holds no perfusion references.
    """
    folder = _reference_folder(reference)
    methods = tuple(methods)
    parts = {
        "standard object": lambda: [standard_table(methods, folder)],
        "other objects": lambda: [other_table()],
        "delays": lambda: [delay_table(methods)],
        "leakage": lambda: [leakage_table()],
        "OSIPI": lambda: [osipi_table(folder)] if folder and (folder / "osipi").is_dir() else [],
        "speed": lambda: [speed_table(methods)],
    }
    found = []
    for done, (stage, make) in enumerate(parts.items()):
        progress(done / len(parts), stage)
        found += make()
    progress(1.0, "done")
    return found


def standard_table(methods: tuple[str, ...], folder: Path | None) -> Table:
    """Median absolute relative errors (%) of 288 cases, and the mean Tmax error (s) of the exponential ones."""
    published = _published(folder)
    rows = []
    for interval in INTERVALS:
        times = interval * np.arange(60)
        for snr in NOISE:
            made = objects.reference_object(objects.grid_cases(), times, snr, seed=1)
            rows += [(interval, snr, method, *_errors(made, method)) for method in methods]
            rows += [(interval, snr, name, *values) for name, values in published.get((interval, snr), {}).items()]
    title = "Standard object (3 residues x 4 CBV x 6 MTT x 4 delays): median error %, Tmax mean error s"
    return Table(title, ("TR s", "SNR", "method", "CBV", "CBF", "MTT", "Tmax"), tuple(rows))


def other_table(count: int = 60) -> Table:
    """Errors and coverage off the model: other arteries, residues, delays off any grid, irregular frame times."""
    random = np.random.default_rng(11)
    even, jitter = 1.5 * np.arange(60), 1.5 * np.arange(60) + np.append(0, random.uniform(-0.5, 0.5, 59))
    settings = {
        "other artery": (objects.OTHER_AIFS[0], 1.37 * np.arange(60), np.inf),
        "noisy wide artery": (objects.OTHER_AIFS[1], even, 40.0),
        "irregular frames": (objects.STANDARD_AIF, jitter, np.inf),
        "frames 1.5 s, then 5 s": (
            objects.OTHER_AIFS[0],
            np.append(np.arange(0, 50, 1.5), np.arange(50, 120, 5.0)),
            np.inf,
        ),
    }
    rows = []
    for name, (aif, times, aif_snr) in settings.items():
        for snr in NOISE[1:]:
            for residues in (("exp", "box", "gamma"), ("lorentzian",), ("biexponential",), ("dispersed",)):
                cases = objects.random_cases(residues, count, seed=5)
                made = objects.reference_object(cases, times, snr, aif=aif, seed=7, aif_snr=aif_snr)
                what = "exp, box, gamma" if len(residues) > 1 else residues[0]
                rows += [(name, snr, what, m, *_errors(made, m, every=True)) for m in ("csvd", "bayes")]
                rows[-1] += _coverage(made)
                rows[-2] += ("", "", "", "")
    columns = (
        "object",
        "SNR",
        "residue",
        "method",
        "CBV",
        "CBF",
        "MTT",
        "Tmax",
        *(f"95 % {q}" for q in ("CBV", "CBF", "MTT", "Tmax")),
    )
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
    corrected = cbv + step * cbf / 120  # its curves come from the rectangle rule
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
        rows.append((name, _percent(maps["cbf"], cbf), passed, _percent(maps["cbv"], corrected)))
    return Table("OSIPI curves: median error %", ("method", "CBF", "of 14 within tolerance", "CBV"), tuple(rows))


def speed_table(methods: tuple[str, ...], voxels: int = 50_000) -> Table:
    """Thousands of voxels per second of processor time, all maps from concentration curves of 60 frames."""
    made = objects.reference_object(objects.random_cases(("exp", "gamma"), 250, seed=2), 1.5 * np.arange(60), 50.0)
    curves = delta_r2star(made.signal, objects.ECHO_TIME, made.baseline)
    random = np.random.default_rng(0)
    curves = np.tile(curves, (1, voxels // curves.shape[1]))
    curves = curves + random.normal(scale=0.3, size=curves.shape).astype(np.float32)
    bolus, aif = _bolus(made), ArterialInput(made.times, made.arterial)
    rows = []
    for method in methods:
        start = time.process_time()
        curve_maps(curves, made.times, aif, bolus, MapOptions(method), objects.ECHO_TIME)
        rows.append((method, curves.shape[1] / (time.process_time() - start) / 1e3))
    return Table("Speed, processor time of all threads", ("method", "1000 voxels/s"), tuple(rows))


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


def _text(cell: object) -> str:
    if not isinstance(cell, float):
        return str(cell)
    return f"{cell:g}" if np.isinf(cell) or cell == round(cell, 1) else f"{cell:.2f}"


def _reference_folder(reference: str | Path | None) -> Path | None:
    """The folder with ``bar.csv``: the one given, or its ``perfusion``; None where nothing was asked for."""
    given = reference or os.environ.get("DSC_REFERENCE")
    if not given:
        return None
    for folder in (Path(given), Path(given) / "perfusion"):
        if (folder / "bar.csv").is_file():
            return folder
    raise FileError(f"The reference folder {given} holds no perfusion/bar.csv: name another, or none.")


def _published(folder: Path | None) -> dict[tuple[float, float], dict[str, tuple[float, ...]]]:
    """The best published tool and the stretch value of each cell, in the order of the columns."""
    if folder is None:
        return {}
    with (folder / "bar.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = ("CBV_medARE", "CBF_medARE", "MTT_medARE", "Tmax_MAE_exp")
    return {
        (float(row["TR"]), float(row["SNR"])): {
            kind: tuple(float(row[f"{name}_{key}"]) for name in names)
            for kind, key in (("best published", "bar"), ("stretch", "stretch"))
        }
        for row in rows
    }
