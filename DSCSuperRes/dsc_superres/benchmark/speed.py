"""What a reconstruction costs on this machine, beside what the machine can do and beside other ways to compute it.

The same network is also computed as a textbook would (LIIF query by query; every pair and every time on its own), and
VideoINR does the same work. All are timed one after the other in this run, on a simulated head; nothing is trained.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from dsc_superres.benchmark.textbook import TextbookDecoder, textbook_frames
from dsc_superres.estimate import reconstruction_seconds
from dsc_superres.networks import create, load_model, summarise, window
from dsc_superres.probe import convolution_rate
from dsc_superres.reconstruct import choose_device, reconstruct
from dsc_superres.series import Series

STAGES = {
    "interpolator": ("base",),
    "encoder": ("anatomy", "frame"),
    "direction": ("direction",),
    "ODE": ("forward_field", "backward_field"),
    "fusion": ("fusion",),
    "decoder": ("decoder",),
}
"""Parts of ``ode-liif`` by what the table calls them."""

TIMES = (0.0, 0.25, 0.5, 0.75)
JOB = (20, 60)
"""Slices and frames of the job that users wait for: 128 x 128 x 20 x 60 to 256 x 256 x 20 x 237."""


def head_series(size: int, slices: int, frames: int, seed: int = 0) -> Series:
    """A head of a usual share of the field of view, with a bolus; noise of 1 %."""
    rng = np.random.default_rng(seed)
    y, x = (np.mgrid[:size, :size] - size / 2) / size
    head = (x / 0.36) ** 2 + (y / 0.44) ** 2 < 1
    still = 600 * head * (1 + 0.4 * np.sin(40 * x) * np.cos(31 * y))
    bolus = 1 - 0.4 * np.exp(-((np.arange(frames) - frames / 3) ** 2) / 8)
    signal = np.empty((frames, slices, size, size), np.float32)
    for frame, level in zip(signal, bolus, strict=True):
        frame[:] = np.abs(level * still + 6 * rng.standard_normal(frame.shape, dtype=np.float32))
    return Series(signal, 1.5 * np.arange(frames), echo_time=0.03)


def seconds(work: Callable[[], object], device: str, least: float = 0.5) -> float:
    """The quickest of some runs of ``work`` after a first one; at least ``least`` s of them."""
    work()
    found, begin = [], time.monotonic()
    while len(found) < 3 or time.monotonic() - begin < least:
        start = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        found.append(time.perf_counter() - start)
    return min(found)


def peaks(device: str, threads: int) -> list[dict]:
    """GFLOP/s of a large convolution and a matrix product, by type and number of threads; GB/s of copying."""
    rows = []
    half = torch.float16 if device == "mps" else torch.bfloat16
    for count in sorted({1, threads}) if device == "cpu" else (threads,):
        torch.set_num_threads(count)
        for kind in (torch.float32, half):
            layer = nn.Conv2d(64, 64, 3, padding=1).to(device, kind, memory_format=torch.channels_last)
            image = torch.randn(4, 64, 128, 128).to(device, kind).contiguous(memory_format=torch.channels_last)
            square = torch.randn(2048, 2048).to(device, kind)
            with torch.inference_mode():
                convolution = 2 * 64 * 64 * 9 * 4 * 128**2 / seconds(partial(layer, image), device)
                product = 2 * 2048**3 / seconds(partial(torch.mm, square, square), device)
            row = {"threads": count, "type": str(kind).removeprefix("torch.")}
            rows.append(row | {"convolution_gflops": convolution / 1e9, "product_gflops": product / 1e9})
        source = torch.empty(2**26).to(device)
        rows[-2]["copy_gb_per_s"] = 2 * 4 * 2**26 / seconds(source.clone, device) / 1e9
    return rows


class Stopwatch:
    """Time spent in each stage of a network, by hooks around its parts."""

    def __init__(self, network: nn.Module, device: str) -> None:
        self.spent, self._device, self._hooks, self._begin = dict.fromkeys(STAGES, 0.0), device, [], 0.0
        for stage, parts in STAGES.items():
            for part in parts:
                module = getattr(network, part)
                self._hooks.append(module.register_forward_pre_hook(lambda *_: self._start()))
                self._hooks.append(module.register_forward_hook(lambda *_, stage=stage: self._stop(stage)))

    def _start(self) -> None:
        if self._device == "cuda":
            torch.cuda.synchronize()
        self._begin = time.perf_counter()

    def _stop(self, stage: str) -> None:
        if self._device == "cuda":
            torch.cuda.synchronize()
        self.spent[stage] += time.perf_counter() - self._begin

    def remove(self) -> None:
        """Take the hooks off."""
        for hook in self._hooks:
            hook.remove()


def stages(network: nn.Module, series: Series, device: str) -> tuple[list[dict], float, float]:
    """Operations and time of each stage in one reconstruction; then those of the whole (GFLOP, s without hooks)."""

    def work() -> Series:
        return reconstruct(series, model=network, device=device)

    total = seconds(work, device)
    watch = Stopwatch(network, device)
    work()
    watch.remove()
    counter = FlopCounterMode(display=False)
    with counter:
        work()
    counts = counter.get_flop_counts()
    rows = []
    for stage, parts in STAGES.items():
        flops = sum(sum(counts.get(f"{type(network).__name__}.{part}", {}).values()) for part in parts)
        rows.append({"stage": stage, "gflop": flops / 1e9, "seconds": watch.spent[stage]})
    return rows, counter.get_total_flops() / 1e9, total


def saving(network: nn.Module, series: Series, device: str) -> dict[str, float]:
    """How much quicker ``fast`` is, and what it changes: root mean square and largest, in shares of the range."""
    exact = reconstruct(series, model=network, device=device).signal
    begin = time.perf_counter()
    quick = reconstruct(series, model=network, device=device, fast=True).signal
    spent = time.perf_counter() - begin
    off = np.abs(quick - exact) / np.ptp(exact)
    return {"fast_seconds": spent, "fast_rms": float(np.sqrt(np.mean(off**2))), "fast_largest": float(off.max())}


def ratios(network: nn.Module, size: int, device: str, pairs: int = 3) -> dict[str, float]:
    """Times faster than the textbook's decoder and loop and than VideoINR, and how much the results differ."""
    series = head_series(size, 1, pairs + 1)
    frames = torch.from_numpy(series.signal / 800).transpose(0, 1).contiguous().to(device)
    times, t, fine = torch.from_numpy(series.times.copy()), torch.tensor(TIMES, device=device), (2 * size, 2 * size)
    rival = create("videoinr").eval().to(device)

    def ours(model: nn.Module) -> torch.Tensor:
        cache, summary = {}, summarise(frames)
        return torch.cat([model(window(frames, times, summary, k), t, fine, cache) for k in range(pairs)], 1)

    def theirs() -> torch.Tensor:
        return torch.stack(list(textbook_frames(network, frames, times, t, fine)), 1)

    latent = torch.rand(len(TIMES), network.decoder.branch[0].in_channels, size, size, device=device)
    latent = latent.contiguous(memory_format=torch.channels_last)
    textbook = TextbookDecoder(network.decoder)
    with torch.inference_mode():
        decoder = seconds(lambda: network.decoder(latent, fine), device)
        loop = seconds(lambda: ours(network), device)
        return {
            "decoder_ratio": seconds(lambda: textbook(latent, fine), device) / decoder,
            "decoder_difference": float((textbook(latent, fine) - network.decoder(latent, fine)).abs().max()),
            "end_to_end_ratio": seconds(theirs, device) / loop,
            "end_to_end_difference": float((theirs() - ours(network)).abs().max()),
            "videoinr_ratio": seconds(lambda: ours(rival), device) / loop,
        }


def cost(size: int, slices: int, frames: int, model: str, device: str, threads: int) -> tuple[float, float]:
    """Seconds of one reconstruction and its peak memory above the imports, MiB; in a process of its own."""
    torch.set_num_threads(threads)
    load_model(model)
    before = _peak_mib(device)
    series = head_series(size, slices, frames)
    begin = time.perf_counter()
    reconstruct(series, model=model, device=device)
    return time.perf_counter() - begin, _peak_mib(device) - before


def _peak_mib(device: str) -> float:
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would also count what the parent process once used
        return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def scaling(size: int, model: str, device: str, threads: int, full: bool) -> dict[str, object]:
    """Time and memory over slices and frames, with the line through the times; and the whole job, fitted or run."""
    shapes = [(1, 8), (2, 8), (4, 8), (1, 16), (1, 32)] + ([JOB] if full else [])
    rows, machine = [], {"gflops": convolution_rate(device)}
    for slices, frames in shapes:
        with ProcessPoolExecutor(1, get_context("spawn")) as alone:
            spent, memory = alone.submit(cost, size, slices, frames, model, device, threads).result()
        guess = reconstruction_seconds((size, size, slices), frames, 2, 4, model, machine)
        row = {"slices": slices, "frames": frames, "seconds": spent, "estimated_seconds": guess}
        rows.append({**row, "peak_memory_mib": memory})
    fitted = [row for row in rows if (row["slices"], row["frames"]) != JOB]
    pairs = np.array([row["slices"] * (row["frames"] - 1) for row in fitted])
    spent = np.array([row["seconds"] for row in fitted])
    slope, start = np.polyfit(pairs, spent, 1)
    residual = spent - (slope * pairs + start)
    job = slope * JOB[0] * (JOB[1] - 1) + start
    return {
        "rows": rows,
        "seconds_per_pair": slope,
        "r_squared": 1 - residual.var() / spent.var(),
        "job_seconds": rows[-1]["seconds"] if full else job,
        "job_seconds_fitted": job,
        "peak_memory_mib": max(row["peak_memory_mib"] for row in rows),
    }


def run(arguments: Sequence[str]) -> None:
    """``dsc-superres benchmark speed``: print the tables, or JSON."""
    parser = argparse.ArgumentParser(prog="dsc-superres benchmark speed", description=__doc__)
    parser.add_argument("--model", default="ode-liif", help="ode-liif or a .safetensors file of such a network")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of the processor")
    parser.add_argument("--size", type=int, default=128, help="rows and columns of the input (default: 128)")
    parser.add_argument("--full", action="store_true", help="run the 20 slices x 60 frames, not only fit their time")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    device = choose_device(options.device)
    found = measure(options.model, device, options.threads, options.size, options.full)
    print(json.dumps(found, indent=1) if options.json else text(found))


def measure(model: str, device: str, threads: int, size: int, full: bool) -> dict[str, object]:
    """All of it."""
    ceiling = peaks(device, threads)
    torch.set_num_threads(threads)
    network = load_model(model).to(device, memory_format=torch.channels_last)
    parts, gflop, spent = stages(network, head_series(size, 1, 8), device)
    peak = max(row["convolution_gflops"] for row in ceiling if row["type"] == "float32")
    for row in parts:
        row["share_of_peak"] = row["gflop"] / row["seconds"] / peak
    grown = scaling(size, model, device, threads, full)
    return {
        "device": device,
        "threads": threads,
        "size": size,
        "peaks": ceiling,
        "stages": parts,
        "gflop": gflop,
        "seconds": spent,
        "share_of_peak": gflop / spent / peak,
        "frames_per_second": (7 * 4 + 1) / spent,
        **saving(network, head_series(size, 1, 8), device),
        **ratios(network, size, device),
        "scaling": grown,
        "peak_memory_mib": grown["peak_memory_mib"],
        "job_seconds": grown["job_seconds"],
    }


def text(found: dict) -> str:
    """The tables in Markdown."""
    lines = [
        "| threads | type | convolution, GFLOP/s | matrix product, GFLOP/s | copy, GB/s |",
        "|---|---|---|---|---|",
    ]
    for row in found["peaks"]:
        copied = f"{row['copy_gb_per_s']:.1f}" if "copy_gb_per_s" in row else ""
        rates = f"{row['convolution_gflops']:.0f} | {row['product_gflops']:.0f}"
        lines.append(f"| {row['threads']} | {row['type']} | {rates} | {copied} |")
    size, scaling_ = found["size"], found["scaling"]
    lines += ["", f"One slice of {size} x {size}, 8 frames to {2 * size} x {2 * size}, 29 frames:", ""]
    lines += ["| stage | GFLOP | s | GFLOP/s | share of peak |", "|---|---|---|---|---|"]
    whole = {"stage": "whole", **{name: found[name] for name in ("gflop", "seconds", "share_of_peak")}}
    for row in [*found["stages"], whole]:
        rate = row["gflop"] / row["seconds"]
        shown = f"{row['gflop']:.1f} | {row['seconds']:.3f} | {rate:.0f} | {row['share_of_peak']:.0%}"
        lines.append(f"| {row['stage']} | {shown} |")
    quick = found["seconds"] / found["fast_seconds"]
    lines += [
        "",
        f"{found['frames_per_second']:.1f} frames per second; `--fast` is {quick:.2f} times as fast and differs",
    ]
    lines += [f"by {found['fast_rms']:.1e} of the range (at most {found['fast_largest']:.1e}). Times faster than", ""]
    lines += [
        f"- the textbook's decoder: {found['decoder_ratio']:.1f} (differs by {found['decoder_difference']:.1e})",
        f"- the textbook's loop: {found['end_to_end_ratio']:.1f} ({found['end_to_end_difference']:.1e})",
        f"- VideoINR of the same size: {found['videoinr_ratio']:.1f}",
        "",
        "| slices | frames | s | as estimated before, s | peak memory above the imports, MiB |",
        "|---|---|---|---|---|",
    ]
    for row in scaling_["rows"]:
        guess = "" if row["estimated_seconds"] is None else f"{row['estimated_seconds']:.1f}"
        shown = f"{row['seconds']:.1f} | {guess} | {row['peak_memory_mib']:.0f}"
        lines.append(f"| {row['slices']} | {row['frames']} | {shown} |")
    lines += [
        "",
        f"{scaling_['seconds_per_pair']:.3f} s per slice and pair of frames (R2 = {scaling_['r_squared']:.4f}); "
        f"{size} x {size} x {JOB[0]} x {JOB[1]} takes {scaling_['job_seconds'] / 60:.1f} minutes "
        f"(fitted: {scaling_['job_seconds_fitted'] / 60:.1f}).",
    ]
    return "\n".join(lines)
