"""Delay, leakage and the curves of the OSIPI code collection."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from dsc_superres.benchmark import reference_objects as objects
from dsc_superres.benchmark.measures import bolus_of, percent, values
from dsc_superres.benchmark.published import published_leakage
from dsc_superres.benchmark.text_tables import TextTable
from dsc_superres.perfusion.arterial_input import ArterialInput
from dsc_superres.perfusion.bolus import find_bolus
from dsc_superres.perfusion.concentration import delta_r2star
from dsc_superres.perfusion.curve_maps import curve_maps
from dsc_superres.perfusion.leakage import correct_leakage, reference_curve
from dsc_superres.perfusion.options import MapOptions


def delay_table(methods: tuple[str, ...]) -> TextTable:
    """CBF over its truth for an exponential residue of 4 s without noise, against the delay of the tissue."""
    delays = np.array([-4.0, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8])
    made = objects.reference_object([("exp", 4.0, 4.0, d) for d in delays], 1.5 * np.arange(60), np.inf)
    rows = []
    for method in methods:
        ratio = values(made, method)["cbf"] / made.truth["cbf"]
        rows.append((method, *ratio.round(3), f"{50 * np.ptp(ratio) / ratio.mean():.1f} %"))
    columns = ("method", *(f"{d:g}" for d in delays), "spread ±")
    return TextTable("CBF over truth against delay (s), noise-free, MTT 4 s", columns, tuple(rows))


def leakage_table(folder: Path | None = None) -> TextTable:
    """Error of CBV in leaking voxels, and change of CBV in those that do not leak.

    The second object lets contrast flow back, as the first model does not; the published one is there with ``folder``.
    """
    times = 1.5 * np.arange(60)
    k2 = np.repeat([0.0, -0.06, -0.03, 0.03, 0.06], (400, 50, 50, 50, 50))
    cases = [("exp", cbv, 4.0, 0.0) for cbv in np.resize([2.0, 4.0], len(k2))]
    leaking = {
        "leaks as modelled": (objects.leaking_object(cases, times, 100.0, k2), k2),
        "flows back, 0.02/s": (objects.leaking_object(cases, times, 100.0, k2, back=0.02), k2),
    }
    published = published_leakage(folder) if folder else None
    if published:
        leaking["published"] = published
    rows = [row for name, (made, rate) in leaking.items() for row in _leakage_rows(name, made, rate)]
    columns = ("object", "correction", "error, leaking", "change, not leaking")
    return TextTable("Leakage: median % of CBV", columns, tuple(rows))


def _leakage_rows(name: str, made: objects.ReferenceObject, k2: np.ndarray) -> list[tuple[object, ...]]:
    bolus, times = bolus_of(made), made.times
    curves = delta_r2star(made.signal, objects.ECHO_TIME, made.baseline)
    truth, area = made.truth["cbv"], np.trapezoid(made.arterial, times)
    before = 100 * np.trapezoid(curves, times, axis=0) / area
    rows = [(name, "none", *_leakage_row(before, before, truth, k2))]
    for correction in ("bsw", "bidirectional"):
        fit = correct_leakage(curves, times, reference_curve(curves, bolus), bolus, correction == "bidirectional")
        after = 100 * np.trapezoid(fit.curves, times, axis=0) / area
        rows.append((name, correction, *_leakage_row(after, before, truth, k2)))
    return rows


def osipi_table(folder: Path) -> TextTable:
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
        "osvd 0.035, as published": MapOptions("osvd", 1.0, as_published=True),
        "osvd 0.095, step 0.005": MapOptions("osvd", 1.0, threshold=0.005, oscillation=0.095),
        "bayes": MapOptions("bayes", 1.0),
    }
    rows = []
    for name, options in choices.items():
        # A vanishing echo time: the noise of these curves does not depend on the signal.
        maps = curve_maps(tissue, times, ArterialInput(times, arterial), bolus, options, echo_time=1e-9)
        error = maps["cbf"] - cbf
        passed = int(np.sum(np.abs(error) <= 15 + 0.1 * cbf))
        rows.append((name, percent(maps["cbf"], cbf), passed, percent(maps["cbf"], consistent)))
        rows[-1] += (percent(maps["cbv"], corrected),)
    columns = ("method", "CBF as labelled", "of 14 within tolerance", "CBF of the curves", "CBV of the curves")
    return TextTable("OSIPI curves: median error %", columns, tuple(rows))


def _leakage_row(cbv: np.ndarray, before: np.ndarray, truth: np.ndarray, k2: np.ndarray) -> tuple[float, float]:
    change = 100 * np.median(np.abs(cbv / before - 1)[k2 == 0])
    return percent(cbv[k2 != 0], truth[k2 != 0]), float(change)


def _numbers(text: str) -> np.ndarray:
    return np.array(text.strip("[] \n").replace(",", " ").split(), float)
