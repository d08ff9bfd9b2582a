"""Series and comparisons as text for people and as plain values for JSON."""

from __future__ import annotations

import math

import numpy as np

from dsc_superres.comparison import Comparison
from dsc_superres.metrics import Scores
from dsc_superres.pipeline.notes import series_notes
from dsc_superres.series import MISSING, Series

NEEDS = {
    "times": "the frame times are not in the file: perfusion needs them (--tr SECONDS)",
    "echo_time": "the echo time is not in the file: maps assume 30 ms (give it with --te SECONDS)",
    "geometry": "the position in patient space is not in the file: voxels are taken as they lie",
}
"""Explanations of missing values, by key of ``Series.sources``."""


def series_facts(series: Series) -> dict[str, object]:
    """Return the properties of a series as plain values: sizes in x, y, z order, lengths in mm, times in s."""
    steps = np.diff(series.times)
    return {
        "matrix_xyz": list(series.size),
        "spacing_mm": list(series.geometry.spacing),
        "origin_lps_mm": list(series.geometry.origin),
        "direction_lps": [list(row) for row in series.geometry.direction],
        "frames": series.frames,
        "interval_s": series.interval if series.has_times else None,
        "uniform_times": bool(np.ptp(steps) <= 1e-3 * series.interval),
        "times_s": series.times.tolist() if series.has_times else None,
        "echo_time_s": series.echo_time,
        "scalar_type": series.scalar_type.name,
        "range": [float(series.signal.min()), float(series.signal.max())],
        "sources": dict(series.sources),
        "slice_times_s": None if series.slice_times is None else series.slice_times.tolist(),
        "notes": list(series_notes(series)),
        "provenance": dict(series.provenance) or None,
        "missing": [name for name, source in series.sources.items() if source == MISSING],
    }


def series_text(series: Series) -> str:
    """Return the properties of a series as lines of text."""
    facts = series_facts(series)
    sources = series.sources
    pixel = " x ".join(f"{s:.4g}" for s in series.geometry.spacing)
    rows = [
        ("matrix", " x ".join(map(str, series.size)) + " voxels"),
        ("spacing", f"{pixel} mm ({sources['geometry']})"),
        ("orientation", _orientation(series)),
        ("frames", str(series.frames)),
    ]
    if series.has_times:
        steps = (
            f"every {series.interval:.4g} s" if facts["uniform_times"] else f"{series.interval:.4g} s apart (median)"
        )
        span = f"{steps}, {series.times[0]:.4g} to {series.times[-1]:.4g} s"
        rows.append(("times", f"{span} ({sources['times']})"))
    if series.echo_time is not None:
        rows.append(("echo time", f"{1000 * series.echo_time:.4g} ms ({sources['echo_time']})"))
    low, high = facts["range"]
    rows.append(("values", f"{facts['scalar_type']}, {low:.6g} to {high:.6g}"))
    rows += [("missing", NEEDS.get(name, name)) for name in facts["missing"]]
    rows += [("note", note) for note in facts["notes"]]
    return "\n".join(f"{name:<12} {value}" for name, value in rows)


def _orientation(series: Series) -> str:
    """Return the slice plane in words, with its tilt against the nearest orthogonal plane."""
    direction = np.asarray(series.geometry.direction)
    tilt = math.degrees(math.acos(np.clip(np.abs(direction[:, 2]).max(), -1, 1)))
    plane = ("sagittal", "coronal", "axial")[int(np.abs(direction[:, 2]).argmax())]
    return plane if tilt < 0.5 else f"{plane}, tilted by {tilt:.0f} degrees"


def comparison_text(result: Comparison) -> str:
    """Return the metrics of a comparison as a small table, preceded by notes about unmatched frames and voxels."""
    lines = [f"{result.aligned.times.size} frames compared", *(f"Note: {note}" for note in result.notes), ""]
    lines.append(f"{'':<8}{'PSNR dB':>10}{'NMSE':>12}{'SSIM':>9}   worst frame")
    lines.append(_scores_line("whole", result.whole))
    if result.brain:
        lines.append(_scores_line("brain", result.brain))
    return "\n".join(lines)


def _scores_line(region: str, scores: Scores) -> str:
    worst = int(np.argmin(scores.frame_psnr))
    numbers = f"{scores.psnr:>10.2f}{scores.nmse:>12.3e}{scores.ssim:>9.4f}"
    return f"{region:<8}{numbers}   {worst} (PSNR {scores.frame_psnr[worst]:.2f} dB)"
