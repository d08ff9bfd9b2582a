"""The tables of the quality benchmark, in Markdown: image quality, perfusion, cost, differences, coverage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

IMAGE: dict[str, tuple[str, bool]] = {
    "psnr": ("PSNR, dB", True),
    "psnr_whole": ("PSNR, whole image, dB", True),
    "nmse": ("NMSE, %", False),
    "nmse_whole": ("NMSE, whole image, %", False),
    "nmse_between": ("NMSE, frames not acquired, %", False),
    "nmse_bolus": ("NMSE, bolus frames, %", False),
    "ssim": ("SSIM", True),
    "ssim_whole": ("SSIM, whole image", True),
    "ssim_between": ("SSIM, frames not acquired", True),
    "ssim_bolus": ("SSIM, bolus frames", True),
    "psnr_clean": ("PSNR to noise-free, dB", True),
    "psnr_between": ("PSNR to noise-free, frames not acquired, dB", True),
    "psnr_settled": ("PSNR to noise-free, after the first interval, dB", True),
    "psnr_bolus": ("PSNR to noise-free, bolus frames, dB", True),
}
"""Heading of each measure, and whether more is better. In the brain unless it says otherwise."""
MAPS = {
    "peak": ("peak ΔR2*, %", False),
    "cbv": ("CBV, %", False),
    "cbf": ("CBF, %", False),
    "mtt": ("MTT, %", False),
    "tmax": ("Tmax, s", False),
}
REGIONS = {"gray": "gray matter", "white": "white matter", "lesion": "lesions", "vessel": "large vessels"}
PERFUSION = MAPS | {
    f"{name}_{region}": (f"{name.upper()}, {title}, %", False)
    for name in ("cbv", "cbf")
    for region, title in REGIONS.items()
}
MEASURES = IMAGE | PERFUSION
COMPARED = (
    *("psnr", "nmse", "ssim", "psnr_clean", "psnr_between", "psnr_bolus", "peak", "cbv", "cbf", "mtt", "tmax"),
    *("cbv_gray", "cbf_gray", "cbv_lesion", "cbf_lesion"),
)
"""Measures in which models are compared pair by pair: all of them would be too many to read."""
BRIEF = ("psnr_clean", "psnr_between", "psnr_bolus", "nmse", "ssim", "peak", "cbv", "cbf")
"""Measures by which one table compares methods and ablations."""
OWN_TRUTH = {name: (title.replace(" to noise-free", ""), more) for name, (title, more) in IMAGE.items()}
"""The same for measured series, of which no noise-free one is known."""
Records = list[dict]


def text(records: Records, against: Sequence[str] = ()) -> str:
    """All tables of records of many cases; differences of each model in ``against`` to every other one."""
    models, count = _models(records), len({record["case"] for record in records})
    spread = ", mean ± standard deviation" if count > 1 else ""
    parts = [
        _titled(f"Image quality in the brain{spread}; the best in bold", _means(records, models, IMAGE)),
        _titled(
            f"Median error of perfusion in the brain{spread}; the best in bold", _means(records, models, PERFUSION)
        ),
        cost(records),
        *(differences(records, model) for model in against if count > 1 and len(models) > 1),
        *(_coverage(records, model) for model in models),
    ]
    return "\n\n".join(filter(None, parts))


def text_by_case(records: Records) -> str:
    """The tables of measured series, one after another: there is nothing to take the mean of."""
    parts = []
    for case in dict.fromkeys(record["case"] for record in records):
        own = [record for record in records if record["case"] == case]
        models = _models(own)
        parts += [
            _titled(f"`{case}`, image quality in the brain; the best in bold", _means(own, models, OWN_TRUTH)),
            _titled(
                f"`{case}`, median perfusion errors in the brain; the best in bold", _means(own, models, PERFUSION)
            ),
            *(_coverage(own, model) for model in models),
        ]
    return "\n\n".join(filter(None, parts))


def brief(records: Records) -> str:
    """One table, models by measures: the first model's means and cost, and how each other model differs from it."""
    first, *others = _models(records)
    head = [MEASURES[name][0] for name in BRIEF]
    lines = ["| | " + " | ".join([*head, "parameters", "CPU s per frame"]) + " |", "|---" * (len(BRIEF) + 3) + "|"]
    for model in (first, *others):
        own = [record for record in records if record["model"] == model]
        means = [_mean_and_spread(np.array([r[name] for r in own if name in r]), name) for name in BRIEF]
        cells = means if model == first else [_paired(records, model, first, name) for name in BRIEF]
        spent = np.mean([record["cost"]["seconds"] for record in own])
        lines.append(f"| {model} | " + " | ".join(cells) + f" | {own[0]['cost']['parameters']:,} | {spent:.3f} |")
    title = (
        f"{first}, mean ± standard deviation; the others' paired differences to it with 95 % confidence intervals: of "
        "PSNR and SSIM as they are, of errors as a change in %; bold where better, italic where worse, both only where "
        "the interval excludes zero"
    )
    return _titled(title, lines)


def cost(records: Records) -> str:
    """Parameters and CPU seconds of every model."""
    first = next((record["cost"] for record in records if "cost" in record), None)
    if first is None:
        return ""
    lines = ["| model | parameters | CPU s per output frame |", "|---|---|---|"]
    for model in _models(records):
        own = [record["cost"] for record in records if record["model"] == model]
        spent = np.mean([one["seconds"] for one in own])
        lines.append(f"| {model} | {own[0]['parameters']:,} | {spent:.3f} |")
    size = f"{first['width']} x {first['height']}"
    return _titled(f"Cost: one output frame of one slice of {size}, on one thread, all models in this run", lines)


def differences(records: Records, model: str) -> str:
    """Paired differences of ``model`` to each other model, with Student confidence intervals.

    Errors are ratios by nature: their logarithms are compared, and stated as a change in %.
    """
    others = [other for other in _models(records) if other != model]
    lines = ["| | " + " | ".join(others) + " |", "|---" * (len(others) + 1) + "|"]
    for name in COMPARED:
        cells = [_paired(records, model, other, name) for other in others]
        if any(cells):
            title, more = MEASURES[name]
            unit = title if more else f"{title.rsplit(', ', 1)[0]}, change of the error in %"
            lines.append(f"| {unit} | " + " | ".join(cells) + " |")
    title = (
        f"{model} against each other model, paired over patients, with 95 % confidence intervals; "
        "bold where the interval excludes zero in its favor, italic where it does to its disadvantage"
    )
    return _titled(title, lines)


def _paired(records: Records, model: str, other: str, name: str) -> str:
    from scipy.stats import t

    more = MEASURES[name][1]
    of_model, of_other = (
        {record["case"]: record[name] for record in records if record["model"] == one and name in record}
        for one in (model, other)
    )
    pairs = np.array([(of_model[case], of_other[case]) for case in of_model if case in of_other], float).reshape(-1, 2)
    if len(pairs) < 2 or not (more or np.all(pairs > 0)):
        return ""
    change = pairs[:, 0] - pairs[:, 1] if more else np.log(pairs[:, 0] / pairs[:, 1])
    half = t.ppf(0.975, len(change) - 1) * change.std(ddof=1) / len(change) ** 0.5
    numbers = change.mean() + half * np.array([0, -1, 1])
    numbers, digits = (numbers, _digits(name)) if more else (100 * np.expm1(numbers), 0)
    middle, low, high = (f"{value:+.{digits}f}" for value in numbers)
    if low[0] != high[0] or not numbers.all():
        return f"{middle} ({low} to {high})"
    mark = "**" if (middle[0] == "+") == more else "*"
    return f"{mark}{middle}{mark} ({low} to {high})"


def _models(records: Records) -> list[str]:
    return list(dict.fromkeys(record["model"] for record in records))


def _titled(title: str, lines: list[str]) -> str:
    return "\n".join([f"{title}:", "", *lines]) if len(lines) > 2 else ""


def _means(records: Records, models: list[str], measures: dict[str, tuple[str, bool]]) -> list[str]:
    """Measures by models: mean ± standard deviation, the best one bold; those that not all models have are left out."""
    lines = ["| | " + " | ".join(models) + " |", "|---" * (len(models) + 1) + "|"]
    cases = len({record["case"] for record in records})
    for name, (title, more) in measures.items():
        values = [np.array([r[name] for r in records if r["model"] == m and name in r]) for m in models]
        if not all(found.size for found in values):
            continue
        means = [found.mean() for found in values]
        best = int(np.argmax(means) if more else np.argmin(means))
        cells = [_mean_and_spread(found, name) for found in values]
        cells[best] = f"**{cells[best]}**"
        known = f" ({values[0].size} of {cases})" if values[0].size < cases else ""
        lines.append(f"| {title}{known} | " + " | ".join(cells) + " |")
    return lines


def _coverage(records: Records, model: str) -> str:
    own = [record for record in records if record["model"] == model and "within_1" in record]
    lines = ["| | one standard deviation (68.3) | 1.96 standard deviations (95) |", "|---|---|---|"]
    for prefix, title in (("", "signal"), ("bolus_", "signal, bolus frames"), ("cbv_", "CBV"), ("cbf_", "CBF")):
        names = [f"{prefix}within_{k}" for k in (1, 2)]
        values = [np.array([record[name] for record in own if name in record]) for name in names]
        if values[0].size:
            lines.append(f"| {title} | " + " | ".join(_mean_and_spread(v, "within_1") for v in values) + " |")
    return _titled(f"How often the truth lies within the interval that {model} estimates, in %", lines)


def _digits(name: str) -> int:
    return 4 if name.startswith("ssim") else 3 if name.startswith("nmse") else 1 if name == "within_1" else 2


def _mean_and_spread(values: np.ndarray, name: str) -> str:
    digits = _digits(name)
    return f"{values.mean():.{digits}f}" + (f" ± {values.std(ddof=1):.{digits}f}" if values.size > 1 else "")
