"""How flow depends on the delay of the tissue, and how well leakage is corrected."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dsc_superres.benchmark.perfusion_objects import reference_objects as objects
from dsc_superres.benchmark.perfusion_objects.map_errors import bolus_of, percent, values
from dsc_superres.benchmark.perfusion_objects.published_results import published_leakage
from dsc_superres.benchmark.shared.text_tables import TextTable
from dsc_superres.perfusion.concentration import delta_r2star
from dsc_superres.perfusion.leakage import correct_leakage, reference_curve


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
        "leaks as modeled": (objects.leaking_object(cases, times, 100.0, k2), k2),
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


def _leakage_row(cbv: np.ndarray, before: np.ndarray, truth: np.ndarray, k2: np.ndarray) -> tuple[float, float]:
    change = 100 * np.median(np.abs(cbv / before - 1)[k2 == 0])
    return percent(cbv[k2 != 0], truth[k2 != 0]), float(change)
