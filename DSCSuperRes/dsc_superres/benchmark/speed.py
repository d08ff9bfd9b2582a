"""The cost of a reconstruction on this machine, compared with the machine's peak rates and with other implementations.

The same network is also computed as a textbook would (LIIF query by query; every pair and every time separately), and
VideoINR does the same work. All are timed one after the other in this run, on a simulated head; nothing is trained.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import nn

from dsc_superres.benchmark.networks.videoinr import VideoInr
from dsc_superres.benchmark.reconstruction_speed.speed_text import text
from dsc_superres.benchmark.reconstruction_speed.stage_times import JOB, head_series, rates, seconds
from dsc_superres.benchmark.reconstruction_speed.textbook_network import TextbookDecoder, textbook_frames
from dsc_superres.benchmark.reconstruction_speed.whole_commands import whole_commands
from dsc_superres.models import DEFAULT_MODEL, ODE_LIIF
from dsc_superres.networks import load_model
from dsc_superres.pipeline.estimate import reconstruction_seconds
from dsc_superres.pipeline.signal_share import signal_extents, signal_share
from dsc_superres.reconstruction.devices import choose_device, convolution_rate, quick_in_bfloat16
from dsc_superres.reconstruction.reconstruct import reconstruct
from dsc_superres.reconstruction.target_grid import normalization
from dsc_superres.series import Series
from dsc_superres.utils.atomic_writing import write_json

PARTS = ("rates", "ratios", "scaling", "commands")
TIMES = (0.0, 0.25, 0.5, 0.75)


def ratios(network: nn.Module, size: int, device: str, pairs: int = 2) -> dict[str, float]:
    """Return the speed relative to the textbook's decoder and loop and to VideoINR, and the differences of the results.

    All compute in float32. Differences are the largest ones, in shares of the range of intensities.
    """
    series, fine = head_series(size, 2, pairs + 1), (2 * size, 2 * size)
    offset, scale = normalization(series.signal.mean(axis=0))
    frames = torch.from_numpy((series.signal - offset) / scale).transpose(0, 1).contiguous().to(device)
    times, t = torch.from_numpy(series.times.copy()), torch.tensor(TIMES, device=device)
    rival = VideoInr().eval().to(device)

    def textbook_result() -> np.ndarray:
        with torch.inference_mode():
            images = torch.stack(list(textbook_frames(network, frames, times, t, fine)))
        return np.maximum(images.cpu().numpy() * scale + offset, 0)

    def work(model: nn.Module) -> Series:
        return reconstruct(series, model=model, device=device, fast=False)

    latent = torch.rand(len(TIMES), network.decoder.branch[0].in_channels, size, size, device=device)
    latent = latent.contiguous(memory_format=torch.channels_last)
    textbook = TextbookDecoder(network.decoder)
    expected, found = textbook_result(), work(network).signal[: pairs * len(TIMES)]
    with torch.inference_mode():
        image = network.decoder(latent, fine)
        decoder = seconds(lambda: network.decoder(latent, fine), device)
        decoder_ratio = seconds(lambda: textbook(latent, fine), device) / decoder
        decoder_difference = float((textbook(latent, fine) - image).abs().max())
    whole = seconds(lambda: work(network), device)
    begin = time.perf_counter()
    textbook_result()
    return {
        "decoder_ratio": decoder_ratio,
        "decoder_difference": decoder_difference,
        "end_to_end_ratio": (time.perf_counter() - begin) / whole,
        "end_to_end_difference": float(np.abs(found - expected).max() / np.ptp(expected)),
        "videoinr_ratio": seconds(lambda: work(rival), device, 1) / whole,
    }


def cost(size: int, slices: int, frames: int, model: str, device: str, threads: int) -> tuple[float, float]:
    """Return seconds and peak memory above the imports (MiB) of one reconstruction; to be run in a new process."""
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
    """Return time and memory by slices and frames, a line fitted to the times, and the (fitted) time of ``JOB``."""
    shapes = [(2, 8), (4, 8), (8, 8), (2, 16), (2, 32)] + ([JOB] if full else [])
    half = convolution_rate(device, bfloat16=True) if quick_in_bfloat16(device) else None
    share = signal_share(signal_extents(head_series(size, 1, 8).signal.mean(axis=0)), (size, size))
    rows, machine = [], {"gflops": convolution_rate(device), "bfloat16_gflops": half}
    for slices, frames in shapes:
        with ProcessPoolExecutor(1, get_context("spawn")) as alone:
            spent, memory = alone.submit(cost, size, slices, frames, model, device, threads).result()
        guess = reconstruction_seconds((size, size, slices), frames, 2, 4, model, machine, share=share)
        row = {"slices": slices, "frames": frames, "seconds": spent, "estimated_seconds": guess}
        rows.append({**row, "peak_memory_mib": memory})
    fitted = [row for row in rows if (row["slices"], row["frames"]) != JOB]
    shape = np.array([[row["slices"] * (row["frames"] - 1), row["slices"], 1] for row in fitted], float)
    spent = np.array([row["seconds"] for row in fitted])
    terms = np.linalg.lstsq(shape, spent, rcond=None)[0]
    residual = spent - shape @ terms
    job = float(terms @ (JOB[0] * (JOB[1] - 1), JOB[0], 1))
    return {
        "model": model,
        "rows": rows,
        "seconds_per_pair": float(terms[0]),
        "seconds_per_slice": float(terms[1]),
        "r_squared": 1 - residual.var() / spent.var(),
        "job_seconds": rows[-1]["seconds"] if full else job,
        "job_seconds_fitted": job,
        "peak_memory_mib": max(row["peak_memory_mib"] for row in rows),
    }


def run(arguments: Sequence[str]) -> None:
    """``dsc-superres benchmark speed``: print the tables, or JSON."""
    parser = argparse.ArgumentParser(prog="dsc-superres benchmark speed", description=__doc__)
    parser.add_argument("--model", default=ODE_LIIF, help=f"{ODE_LIIF} or a .safetensors file of such a network")
    parser.add_argument(
        "--job-model", default=DEFAULT_MODEL, help="any model, whose time and memory by slices and frames are measured"
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="number of processor threads")
    parser.add_argument("--size", type=int, default=128, help="rows and columns of the input (default: 128)")
    parser.add_argument(
        "--full", action="store_true", help="run the 20 slices x 60 frames, not only fit their time; and whole commands"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--into", type=Path, help="Markdown file to insert the tables into")
    parser.add_argument(
        "--mark", default="reconstruction-speed", help="insert them between <!-- MARK --> and <!-- /MARK -->"
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="measure these parts (default: all)")
    parser.add_argument(
        "--saved", type=Path, help="JSON file that keeps what is found, and what other parts found before"
    )
    options = parser.parse_args(arguments)
    device = choose_device(options.device)
    found = json.loads(options.saved.read_text()) if options.saved and options.saved.exists() else {}
    found |= measure(options, device)
    if options.saved:
        write_json(options.saved, found)
    if options.into:
        from dsc_superres.benchmark.shared.documents import insert

        insert(options.into, options.mark, text(found))
    print(json.dumps(found, indent=1) if options.json else text(found))


def measure(options: argparse.Namespace, device: str) -> dict:
    """Return the results of the chosen parts, for ``speed_text``."""
    size, threads, parts = options.size, options.threads, options.only
    torch.set_num_threads(threads)
    found = {"device": device, "threads": threads, "size": size, "job": JOB}
    network = load_model(options.model).to(device, memory_format=torch.channels_last)
    if "rates" in parts:
        found |= rates(network, size, device, threads)
    if "ratios" in parts:
        found |= ratios(network, size, device)
    if "scaling" in parts:
        grown = scaling(size, options.job_model, device, threads, options.full)
        found |= {"scaling": grown, "peak_memory_mib": grown["peak_memory_mib"], "job_seconds": grown["job_seconds"]}
    if "commands" in parts and options.full:
        found["commands"] = whole_commands(*JOB, size)
    return found
