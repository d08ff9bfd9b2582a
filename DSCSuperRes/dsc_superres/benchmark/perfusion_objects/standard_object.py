"""The standard object at every interval and noise: errors, coverage, and comparison with published errors."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np

from dsc_superres.benchmark.perfusion_objects import reference_objects as objects
from dsc_superres.benchmark.perfusion_objects.map_errors import (
    COVERED,
    QUANTITIES,
    covered,
    errors,
    over_all_frames,
    share,
    values,
)
from dsc_superres.benchmark.perfusion_objects.published_results import (
    BAR,
    STRETCH,
    TOOLBOX,
    Cell,
    published_object,
    published_rows,
)
from dsc_superres.benchmark.shared.text_tables import TextTable

INTERVALS = (1.0, 1.5, 2.0, 6.0)
NOISE = (np.inf, 100.0, 50.0, 20.0)
ROUNDING = 0.005
"""Published errors have two decimals."""
Errors = dict[tuple[float, float, str], tuple[float, ...]]


def standard_tables(methods: tuple[str, ...], folder: Path | None) -> list[TextTable]:
    """Return median absolute relative errors (%) of 288 cases, mean Tmax errors (s) of exponential ones, and coverage.

    The published noise is used if the folder contains it. If it contains published results, further tables compare the
    errors with them.
    """
    published = published_rows(folder)
    rows, own, whole, inside = [], {}, {}, {}
    for cell in product(INTERVALS, NOISE):
        made = (folder and published_object(folder, cell)) or objects.reference_object(
            objects.grid_cases(), cell[0] * np.arange(60), cell[1], seed=1
        )
        for method in methods:
            maps, late = values(made, method), made.residue == "exp"
            own[*cell, method] = errors(maps, made, late)
            cover = ("",) * 4
            if method == "bayes":
                inside[cell] = covered(maps, made)
                cover = share(inside[cell])
            if method in TOOLBOX:
                whole[*cell, method] = errors(over_all_frames(maps, made), made, late)
            rows.append((*cell, method, *own[*cell, method], *cover))
        rows += [(*cell, name, *numbers, *("",) * 4) for name, numbers in published.get(cell, {}).items()]
    title = "Standard object (3 residues x 4 CBV x 6 MTT x 4 delays): median error %, Tmax mean error s"
    found = [TextTable(title, ("TR s", "SNR", "method", *QUANTITIES, *COVERED), tuple(rows))]
    if published and "bayes" in methods:
        found += [comparison_table(own, published), rank_table(own, published)]
    if published and set(methods) & set(TOOLBOX):
        found.append(parity_table(whole, published))
    if inside:
        found.append(coverage_table(inside))
    return found


def comparison_table(own: Errors, published: dict[Cell, dict[str, tuple[float, ...]]]) -> TextTable:
    """Return the errors of the Bayesian method and of the best published tool in each cell, as "own / published"."""
    rows = [
        (*cell, *(f"{error:.1f} / {bar:.1f}" for error, bar in zip(own[*cell, "bayes"], names[BAR], strict=True)))
        for cell, names in published.items()
    ]
    title = "Bayesian method / best published tool on the standard object: median error %, Tmax mean error s"
    return TextTable(title, ("TR s", "SNR", *QUANTITIES), tuple(rows), headline=True)


def rank_table(own: Errors, published: dict[Cell, dict[str, tuple[float, ...]]]) -> TextTable:
    """Return in how many cells the Bayesian method's errors are at most the published ones, and any excess."""
    rows = []
    for name, limit in ((BAR, np.inf), (STRETCH, 2.0)):
        cells = [cell for cell in published if cell[0] <= limit]
        apart = np.array([np.subtract(own[*cell, "bayes"], published[cell][name]) for cell in cells])
        where = "all TR" if limit == np.inf else f"TR up to {limit:g} s"
        count = [f"{n} of {len(cells)}" for n in np.sum(apart <= ROUNDING, axis=0)]
        rows.append((f"at or below {name}, {where}", *count))
        rows += [
            (
                f"above {name} by, TR {cell[0]:g} s, SNR {cell[1]:g}",
                *(f"{d:.2f}" if d > ROUNDING else "" for d in excess),
            )
            for cell, excess in zip(cells, apart, strict=True)
            if np.any(excess > ROUNDING)
        ]
    return TextTable("Bayesian method on the standard object", ("cells", *QUANTITIES), tuple(rows), headline=True)


def parity_table(whole: Errors, published: dict[Cell, dict[str, tuple[float, ...]]]) -> TextTable:
    """Return the distance of the classic methods' errors from the toolbox's; CBV over the whole series, as there."""
    rows = []
    for method, name in TOOLBOX.items():
        cells = [cell for cell in published if cell[0] <= 2 and cell[1] >= 50 and (*cell, method) in whole]
        apart = [np.abs(np.subtract(whole[*cell, method], published[cell][name])) for cell in cells]
        if apart:
            rows.append((method, name, *(round(float(d), 2) for d in np.max(apart, axis=0))))
    title = "Largest distance of the errors from published ones, TR up to 2 s, SNR from 50 (points; Tmax s)"
    return TextTable(title, ("method", "published", *QUANTITIES), tuple(rows))


def coverage_table(inside: dict[Cell, np.ndarray]) -> TextTable:
    """Return the coverage at each noise level, over all cells."""
    rows = [
        (snr, *share(np.concatenate([found for cell, found in inside.items() if cell[1] == snr], axis=1)))
        for snr in NOISE
    ]
    return TextTable(
        "How many % of 95 % intervals hold the truth, standard object, all TR", ("SNR", *QUANTITIES), tuple(rows)
    )
