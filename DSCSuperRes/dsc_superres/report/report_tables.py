"""Tables of the report as rows of text, with the best value of each column marked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dsc_superres.perfusion.map_units import UNITS
from dsc_superres.pipeline.case import INPUT, TRUTH, Case
from dsc_superres.report.style import model_name


@dataclass(frozen=True)
class Column:
    """A column: its title, its number format, whether larger is better, and its unit."""

    title: str
    format: str
    more_is_better: bool = False
    unit: str = ""


@dataclass(frozen=True)
class ReportTable:
    """Text for the page: titles with units, and rows of (name, [(text, is best)])."""

    columns: Sequence[Column]
    rows: Sequence[tuple[str, Sequence[tuple[str, bool]]]]


HYPOPERFUSION = {
    "tmax_above_6s_ml": ("Tmax > 6 s", "mL"),
    "cbf_below_30_percent_ml": ("CBF < 30 %", "mL"),
    "mismatch_ml": ("Mismatch", "mL"),
    "mismatch_ratio": ("Ratio", ""),
}
"""Titles and units of the volumes of late tissue, by their names in provenance."""
PSNR = Column("PSNR", ".2f", True, "dB")
NMSE = Column("NMSE", ".2e")
SSIM = Column("SSIM", ".4f", True)
PEAK = Column("Peak ΔR2* error", ".1f", unit="%")


def image_table(case: Case) -> ReportTable:
    """Return each model's measures against the ground truth: brain (if known), whole image, peak and time."""
    columns: list[Column] = []
    getters: list[Callable[[str], float]] = []

    def add(column: Column, get: Callable[[str], float]) -> None:
        columns.append(column)
        getters.append(get)

    results = case.comparisons
    if case.mask is not None:
        add(PSNR, lambda m: results[m].brain.psnr)
        add(NMSE, lambda m: results[m].brain.nmse)
        add(SSIM, lambda m: results[m].brain.ssim)
    add(Column("PSNR whole", ".2f", True, "dB"), lambda m: results[m].whole.psnr)
    add(Column("SSIM whole", ".4f", True), lambda m: results[m].whole.ssim)
    if case.peak_errors:
        add(PEAK, lambda m: 100 * case.peak_errors[m][1])
    add(Column("Time", ".1f", unit="s"), lambda m: case.seconds[f"reconstruction {m}"])
    names = {model: model_name(model) for model in results}
    return ranked_table(columns, names, [[get(model) for get in getters] for model in names], unranked_columns=1)


def map_table(errors: Mapping[str, Mapping[str, Mapping[str, float | None]]]) -> ReportTable:
    """Return the errors of each map by model; the maps of the ground-truth series, if included, are not ranked."""
    titles = {"cbv": "CBV", "cbf": "CBF", "mtt": "MTT", "tmax": "Tmax", "ttp": "TTP"}
    names_present = [name for name in titles if all(name in errors_of_model for errors_of_model in errors.values())]
    times = [name for name in titles if UNITS[name] == "s"]
    columns = [
        Column(f"{titles[name]} error", ".2f", unit="s") if name in times else Column(
            f"{titles[name]} error", ".1f", unit="%"
        )
        for name in names_present
    ]  # fmt: skip
    columns += [Column(f"{titles[name]} r", ".3f", True) for name in names_present if name not in times]

    def values(errors_of_model: Mapping[str, Mapping[str, float | None]]) -> list[float]:
        row = [
            _nan_if_none(errors_of_model[name]["mean_absolute"])
            if name in times
            else 100 * _nan_if_none(errors_of_model[name]["relative"])
            for name in names_present
        ]
        return row + [_nan_if_none(errors_of_model[name]["correlation"]) for name in names_present if name not in times]

    names = {model: "Maps of the ground-truth series" if model == TRUTH else model_name(model) for model in errors}
    return ranked_table(columns, names, [values(errors[model]) for model in names], exclude_truth=TRUTH in errors)


def hypoperfusion_table(case: Case) -> ReportTable | None:
    """Return the volumes of late tissue and its core by series; None where no tissue is late, or nobody looked."""
    found = {name: maps.provenance.get("hypoperfusion") for name, maps in case.maps.items()}
    if case.input_maps is not None:
        found[INPUT] = case.input_maps.provenance.get("hypoperfusion")
    found = {name: record for name, record in found.items() if record}
    if not any(record["tmax_above_6s_ml"] for record in found.values()):
        return None
    columns = [Column(title, ".1f", unit=unit) for title, unit in HYPOPERFUSION.values()]
    names = {TRUTH: "Maps of the ground-truth series", INPUT: "Maps of the input"}
    rows = []
    for name, record in found.items():
        values = (_nan_if_none(record[key]) for key in HYPOPERFUSION)
        cells = [("–" if math.isnan(value) else format(value, ".1f"), False) for value in values]
        rows.append((names.get(name) or model_name(name), cells))
    return ReportTable(columns, rows)


def ranked_table(
    columns: Sequence[Column],
    names: Mapping[str, str],
    values: list[list[float]],
    *,
    unranked_columns: int = 0,
    exclude_truth: bool = False,
) -> ReportTable:
    """Return a table with the best value of each column marked.

    The last ``unranked_columns`` columns and, with ``exclude_truth``, the row ``TRUTH`` are not ranked.
    """
    ranked_rows = [index for index, model in enumerate(names) if not (exclude_truth and model == TRUTH)]
    best = []
    for number, column in enumerate(columns):
        candidates = {i: values[i][number] for i in ranked_rows if not math.isnan(values[i][number])}
        choose = max if column.more_is_better else min
        best_value = choose(candidates.values(), default=math.nan)
        if number >= len(columns) - unranked_columns or len(candidates) < 2:
            best_value = math.nan
        # Equal as printed is equally good.
        best.append(format(best_value, column.format))
    rows = []
    for index, name in enumerate(names.values()):
        cells = []
        for number, column in enumerate(columns):
            text = format(values[index][number], column.format)
            is_best = index in ranked_rows and text == best[number] and text != "nan"
            cells.append(("–" if text == "nan" else _typographic(text), is_best))
        rows.append((name, cells))
    return ReportTable(columns, rows)


def _typographic(text: str) -> str:
    """Return a number with minus signs and powers of ten as printed."""
    if "e" not in text:
        return text.replace("-", "−")
    mantissa, exponent = text.split("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def _nan_if_none(value: float | None) -> float:
    return math.nan if value is None else value
