"""Peak rates of this machine, and the share of them that the stages of a reconstruction reach."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from dsc_superres.reconstruction.reconstruct import reconstruct
from dsc_superres.series import Series

STAGES = {
    "interpolator": ("base",),
    "encoder": ("anatomy", "frame"),
    "direction": ("direction",),
    "ODE": ("forward_field", "backward_field"),
    "fusion": ("fusion",),
    "decoder": ("decoder",),
}
"""Parts of ``OdeLiif`` by their title in the table."""
JOB = (20, 60)
"""Slices and frames of the job that users wait for: 128 x 128 x 20 x 60 to 256 x 256 x 20 x 237."""


def head_series(size: int, slices: int, frames: int, seed: int = 0) -> Series:
    """Return a series of a simulated head of typical size with a bolus and noise of 1 %."""
    rng = np.random.default_rng(seed)
    y, x = (np.mgrid[:size, :size] - size / 2) / size
    head = (x / 0.36) ** 2 + (y / 0.44) ** 2 < 1
    still = 600 * head * (1 + 0.4 * np.sin(40 * x) * np.cos(31 * y))
    bolus = 1 - 0.4 * np.exp(-((np.arange(frames) - frames / 3) ** 2) / 8)
    signal = np.empty((frames, slices, size, size), np.float32)
    for frame, level in zip(signal, bolus, strict=True):
        frame[:] = np.abs(level * still + 6 * rng.standard_normal(frame.shape, dtype=np.float32))
    return Series(signal, 1.5 * np.arange(frames), echo_time=0.03)


def seconds(work: Callable[[], object], device: str, runs: int = 3, least: float = 0.5) -> float:
    """Return the shortest time of ``runs`` or more runs that take ``least`` s in total, after a warm-up run."""
    work()
    found, begin = [], time.monotonic()
    while len(found) < runs or time.monotonic() - begin < least:
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


class StageStopwatch:
    """Time that each thread spent in each stage of a network, summed, by hooks around its parts."""

    def __init__(self, network: nn.Module, device: str) -> None:
        self.spent, self._device, self._hooks = dict.fromkeys(STAGES, 0.0), device, []
        self._begun, self._adding = threading.local(), threading.Lock()
        for stage, parts in STAGES.items():
            for part in parts:
                module = getattr(network, part)
                self._hooks.append(module.register_forward_pre_hook(lambda *_: self._start()))
                self._hooks.append(module.register_forward_hook(lambda *_, stage=stage: self._stop(stage)))

    def _start(self) -> None:
        if self._device == "cuda":
            torch.cuda.synchronize()
        self._begun.at = time.perf_counter()

    def _stop(self, stage: str) -> None:
        if self._device == "cuda":
            torch.cuda.synchronize()
        with self._adding:
            self.spent[stage] += time.perf_counter() - self._begun.at

    def remove(self) -> None:
        """Take the hooks off."""
        for hook in self._hooks:
            hook.remove()


def stages(network: nn.Module, series: Series, device: str) -> tuple[list[dict], float, float]:
    """Operations and time of each stage in float32; then those of the whole (GFLOP, s without hooks).

    Threads work side by side, so the time of a stage is its mean over them. Operations are counted on one.
    """

    def work() -> Series:
        return reconstruct(series, model=network, device=device, fast=False)

    threads = torch.get_num_threads()
    total = seconds(work, device)
    watch = StageStopwatch(network, device)
    work()
    watch.remove()
    counter = FlopCounterMode(display=False)
    torch.set_num_threads(1)
    with counter:
        work()
    torch.set_num_threads(threads)
    counts = counter.get_flop_counts()
    busy = threads if device == "cpu" else 1
    rows = []
    for stage, parts in STAGES.items():
        flops = sum(sum(counts.get(f"{type(network).__name__}.{part}", {}).values()) for part in parts)
        rows.append({"stage": stage, "gflop": flops / 1e9, "seconds": watch.spent[stage] / busy})
    return rows, counter.get_total_flops() / 1e9, total


def saving(network: nn.Module, series: Series, device: str) -> dict[str, float]:
    """Return the time in bfloat16 and the resulting error: root mean square and largest, in shares of the range."""
    exact = reconstruct(series, model=network, device=device, fast=False).signal
    spent = seconds(lambda: reconstruct(series, model=network, device=device), device)
    quick = reconstruct(series, model=network, device=device).signal
    off = np.abs(quick - exact) / np.ptp(exact)
    return {"fast_seconds": spent, "fast_rms": float(np.sqrt(np.mean(off**2))), "fast_largest": float(off.max())}


def rates(network: nn.Module, size: int, device: str, threads: int) -> dict[str, object]:
    """Return peak rates of the machine, and those of the stages and the whole of a reconstruction."""
    ceiling = peaks(device, threads)
    torch.set_num_threads(threads)
    slices = threads if device == "cpu" else 8
    series = head_series(size, slices, 8)
    parts, gflop, spent = stages(network, series, device)
    peak = max(row["convolution_gflops"] for row in ceiling if row["type"] == "float32")
    for row in parts:
        row["share_of_peak"] = row["gflop"] / row["seconds"] / peak
    return {
        "slices": slices,
        "peaks": ceiling,
        "stages": parts,
        "gflop": gflop,
        "seconds": spent,
        "share_of_peak": gflop / spent / peak,
        "frames_per_second": slices * (7 * 4 + 1) / spent,
        "job_gflop": gflop / (7 * slices) * JOB[0] * (JOB[1] - 1),
        **saving(network, series, device),
    }
