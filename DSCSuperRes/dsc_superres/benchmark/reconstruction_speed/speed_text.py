"""The results of the speed benchmark in Markdown, and the cost of a large cohort estimated from them."""

from __future__ import annotations

from dsc_superres.benchmark.shared.cohort_cost import CASES, PRICE
from dsc_superres.models import ODE_LIIF
from dsc_superres.pipeline.estimate import REPORT_SECONDS, maps_seconds

CORES = 64
"""Cores of a typical node."""
GPU_GFLOPS = 67_000.0
"""Rate of an NVIDIA H100 for 32-bit floats according to its data sheet."""
GPU_SHARE = 0.3
"""Share of that rate that is assumed in practice."""


def text(found: dict) -> str:
    """Return the tables of the parts that were measured, in Markdown."""
    blocks = [[f"{found['device']}, {found['threads']} threads:"]]
    if "stages" in found:
        blocks += [_peaks(found), _stages(found)]
    if "decoder_ratio" in found:
        blocks.append(_ratios(found))
    if "scaling" in found:
        blocks.append(_scaling(found))
    if "commands" in found:
        blocks.append(_commands(found))
    if "stages" in found and "scaling" in found:
        blocks.append(costs(found))
    return "\n\n".join("\n".join(block) for block in blocks)


def _peaks(found: dict) -> list[str]:
    lines = [
        "| threads | type | convolution, GFLOP/s | matrix product, GFLOP/s | copy, GB/s |",
        "|---|---|---|---|---|",
    ]
    for row in found["peaks"]:
        copied = f"{row['copy_gb_per_s']:.1f}" if "copy_gb_per_s" in row else ""
        rates = f"{row['convolution_gflops']:.0f} | {row['product_gflops']:.0f}"
        lines.append(f"| {row['threads']} | {row['type']} | {rates} | {copied} |")
    return lines


def _stages(found: dict) -> list[str]:
    size, quick = found["size"], found["seconds"] / found["fast_seconds"]
    lines = [
        f"{found['slices']} slices of {size} x {size}, 8 frames to {2 * size} x {2 * size}, 29 frames:",
        "",
        "| stage | GFLOP | s | GFLOP/s | share of peak |",
        "|---|---|---|---|---|",
    ]
    whole = {"stage": "whole", **{name: found[name] for name in ("gflop", "seconds", "share_of_peak")}}
    for row in [*found["stages"], whole]:
        rate = row["gflop"] / row["seconds"]
        shown = f"{row['gflop']:.1f} | {row['seconds']:.3f} | {rate:.0f} | {row['share_of_peak']:.0%}"
        lines.append(f"| {row['stage']} | {shown} |")
    return [
        *lines,
        "",
        f"{found['frames_per_second']:.1f} frames per second in float32; as by default, in bfloat16 where processor or "
        f"GPU are quick at it, {quick * found['frames_per_second']:.1f}, {quick:.2f} times as many, with differences "
        f"of {found['fast_rms']:.1e} of the range (at most {found['fast_largest']:.1e}).",
    ]


def _ratios(found: dict) -> list[str]:
    return [
        "| beside | times as fast | largest difference, share of the range |",
        "|---|---|---|",
        f"| the textbook's decoder | {found['decoder_ratio']:.1f} | {found['decoder_difference']:.0e} |",
        f"| the textbook's loop | {found['end_to_end_ratio']:.1f} | {found['end_to_end_difference']:.0e} |",
        f"| VideoINR of the same size | {found['videoinr_ratio']:.1f} | |",
    ]


def _scaling(found: dict) -> list[str]:
    grown, size, (slices, frames) = found["scaling"], found["size"], found["job"]
    took, fitted = (f"{grown[name] / 60:.1f}" for name in ("job_seconds", "job_seconds_fitted"))
    run = grown["job_seconds"] != grown["job_seconds_fitted"]
    job = f"takes {took} minutes (by that line: {fitted})" if run else f"takes {fitted} minutes by that line"
    lines = [
        f"`{grown['model']}`, in bfloat16 where processor or GPU are quick at it:",
        "",
        "| slices | frames | s | as estimated before, s | peak memory above the imports, MiB |",
        "|---|---|---|---|---|",
    ]
    for row in grown["rows"]:
        guess = "" if row["estimated_seconds"] is None else f"{row['estimated_seconds']:.1f}"
        shown = f"{row['seconds']:.1f} | {guess} | {row['peak_memory_mib']:.0f}"
        lines.append(f"| {row['slices']} | {row['frames']} | {shown} |")
    return [
        *lines,
        "",
        f"{grown['seconds_per_pair']:.3f} s per slice and pair of frames, and {grown['seconds_per_slice']:.2f} s per "
        f"slice (a line fits with R2 = {grown['r_squared']:.4f}); "
        f"{size} x {size} x {slices} x {frames} {job}.",
    ]


def _commands(found: dict) -> list[str]:
    size, (slices, frames) = found["size"], found["job"]
    lines = [
        f"Whole commands, a digital patient of {size} x {size} x {slices} x {frames} refined 2 x 2 x 4, start of the "
        "process, reading and writing included:",
        "",
        "| command | s | peak memory above the imports, MiB |",
        "|---|---|---|",
    ]
    for row in found["commands"]:
        memory = "" if row["peak_memory_mib"] is None else f"{row['peak_memory_mib']:.0f}"
        lines.append(f"| {row['command']} | {row['seconds']:.1f} | {memory} |")
    return lines


def costs(found: dict) -> list[str]:
    """Return lines on the cost of a cohort, measured on this device and estimated (marked as such) for an H100."""
    slices, frames = found["job"]
    size = found["size"]
    rest = maps_seconds(slices * size**2 * (4 + 1), 2) + REPORT_SECONDS
    own = (found["job_seconds"] + rest) * found["threads"]
    core_hours = CASES * own / 3600
    lines = [
        f"{CASES:,} cases of {size} x {size} x {slices} x {frames}, maps and report included "
        f"({rest:.0f} s for each, as estimated on two cores), at an assumed {PRICE:g} dollars for a core hour:",
        "",
        "| on | for each case | in all |",
        "|---|---|---|",
    ]
    if found["device"] == "cpu":
        days = core_hours / CORES / 24
        lines.append(
            f"| this processor, as measured | {own / 60:.1f} core minutes | {core_hours:,.0f} core hours: "
            f"{days:.1f} days of a node of {CORES} cores, {core_hours * PRICE:,.2f} dollars |"
        )
    else:
        hours = CASES * found["job_seconds"] / 3600
        lines.append(f"| this device, as measured | {found['job_seconds']:.1f} s and the rest | {hours:,.0f} hours |")
    quick = found["job_gflop"] / (GPU_GFLOPS * GPU_SHARE)
    lines.append(
        f"| `{ODE_LIIF}` on one H100, **an estimate, not measured**: {GPU_SHARE:.0%} of {GPU_GFLOPS / 1000:.0f} "
        f"TFLOP/s | {quick:.1f} s, and {rest:.0f} s of two cores | {CASES * quick / 3600:,.1f} GPU hours and "
        f"{CASES * 2 * rest / 3600:,.0f} core hours |"
    )
    return lines
