"""The curves of the OSIPI code collection, if the reference folder contains them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from dsc_superres.benchmark.perfusion_objects.map_errors import percent
from dsc_superres.benchmark.shared.text_tables import TextTable
from dsc_superres.perfusion.arterial_input import ArterialInput
from dsc_superres.perfusion.bolus import find_bolus
from dsc_superres.perfusion.curve_maps import curve_maps
from dsc_superres.perfusion.options import MapOptions


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
    columns = ("method", "CBF as labeled", "of 14 within tolerance", "CBF of the curves", "CBV of the curves")
    return TextTable("OSIPI curves: median error %", columns, tuple(rows))


def _numbers(text: str) -> np.ndarray:
    return np.array(text.strip("[] \n").replace(",", " ").split(), float)
