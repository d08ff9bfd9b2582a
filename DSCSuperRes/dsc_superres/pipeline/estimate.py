"""What a job will take, said before it starts; needs no torch, so that any program can ask.

The network's work is counted in operations and divided by the rate that the device reached in the worker's probe.
The rest of the work (metrics, maps, report) runs on the processor at rates that were measured once, on two cores.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from dsc_superres.models import INTERPOLATORS

SERIES_OPERATIONS = 665e3
"""Per coarse pixel of a slice: the anatomy that ``ode-liif`` finds in a series, once."""
DETAIL_OPERATIONS = 17.2e6
"""The same of ``ode-liif-plus``: its static detail in eight views, and the anatomy."""
FRAME_OPERATIONS = 209e3
"""Per coarse pixel and acquired frame: its features."""
PAIR_OPERATIONS = 32e3
"""Per coarse pixel and pair of frames: the direction of change."""
FIELD_OPERATIONS = 73.7e3
"""Per coarse pixel, pair and evaluation of the vector fields; see ``_evaluations``."""
OUTPUT_OPERATIONS = 284e3
"""Per coarse pixel and output frame: fusion and decoder, but for what each fine pixel adds."""
FINE_OPERATIONS = 0.9e3
"""Per fine pixel and output frame."""
HEAD_SHARE = 0.85
"""Of the pixels that are looked at: the box of the head, and a margin."""
PEAK_SHARE = 0.78
"""Of the rate of a large convolution that the network reaches."""

START_SECONDS = 3.0
"""Until a worker has imported what it needs and read the series."""
INTERPOLATOR_SECONDS = 22e-9
"""Per fine pixel and frame."""
METRICS_SECONDS = 130e-9
"""Per fine pixel and frame of a comparison, most of it SSIM."""
MAPS_SECONDS = 0.2e-6
"""Per voxel and frame of every series that maps are made of."""
REPORT_SECONDS = 6.0
ADAPT_SECONDS = 5.0
"""Of an adaptation beyond its minutes: measuring before and after."""

IMPORTS_BYTES = 350 * 2**20
MAPS_BYTES = 90 * 2**20
"""What the libraries for maps and report take."""
WORK_BYTES = 100 * 2**20
"""What the network works in; its tiles do not grow with the series."""
ADAPT_BYTES = 400 * 2**20
"""What tuning a network works in."""
COARSE_COPIES, COMPARED_COPIES, MAPPED_COPIES = 3.0, 2.8, 1.9
"""Of the coarse series; of the truth in a comparison; of the largest series that maps are made of."""


@dataclass(frozen=True)
class Estimate:
    """``bytes`` of memory that the job will hold at most; ``seconds`` it will last, None where that is not known."""

    bytes: int
    seconds: float | None


def estimate(
    size: tuple[int, int, int],
    frames: int,
    space: float,
    time: float,
    model: str,
    device: Mapping[str, object] | None,
    *,
    compared: bool = False,
    maps: bool = False,
    adapt_minutes: float = 0,
) -> Estimate:
    """What a job on a coarse series of ``size`` (x, y, z) and ``frames`` will take.

    space, time  factors of refinement: pixels in plane, frames per interval
    model        a registered name
    device       as the worker's probe describes it, with ``gflops``; None where it is not known yet
    compared     whether the result is measured against a ground truth
    maps         whether perfusion maps and the report are made
    adapt_minutes  how long the model is tuned to the series first
    """
    pixels = math.prod(size)
    output = math.floor((frames - 1) * time + 1e-6) + 1
    fine = pixels * space**2 * output
    coarse_bytes, fine_bytes = 4 * pixels * frames, 4 * fine
    copies = COMPARED_COPIES * compared + MAPPED_COPIES * maps
    memory = IMPORTS_BYTES + WORK_BYTES + MAPS_BYTES * maps + COARSE_COPIES * coarse_bytes + copies * fine_bytes
    memory += ADAPT_BYTES * bool(adapt_minutes)
    reconstruction = reconstruction_seconds(size, frames, space, time, model, device)
    if reconstruction is None:
        return Estimate(int(memory), None)
    seconds = START_SECONDS + reconstruction + fine * METRICS_SECONDS * compared
    if adapt_minutes:
        seconds += 60 * adapt_minutes + ADAPT_SECONDS
    if maps:
        seconds += REPORT_SECONDS + MAPS_SECONDS * (fine * (1 + compared) + pixels * frames)
    return Estimate(int(memory), seconds)


def reconstruction_seconds(
    size: tuple[int, int, int], frames: int, space: float, time: float, model: str, device: Mapping[str, object] | None
) -> float | None:
    """s of the reconstruction alone, without reading and writing; None where it cannot be said."""
    pixels, pairs, output = math.prod(size), frames - 1, (frames - 1) * time + 1
    interpolator = pixels * space**2 * output * INTERPOLATOR_SECONDS
    if model in INTERPOLATORS:
        return interpolator
    rate = (device or {}).get("gflops")
    of_series = {"ode-liif": SERIES_OPERATIONS, "ode-liif-plus": DETAIL_OPERATIONS}.get(model)
    if of_series is None or not rate:
        return None
    operations = of_series + FRAME_OPERATIONS * frames
    operations += (PAIR_OPERATIONS + FIELD_OPERATIONS * _evaluations(time)) * pairs
    operations += (OUTPUT_OPERATIONS + FINE_OPERATIONS * space**2) * output
    return interpolator + operations * pixels * HEAD_SHARE / (1e9 * rate * PEAK_SHARE)


def _evaluations(time: float) -> int:
    """Of the vector fields, per pair: the solver's own steps are quarters, and other moments lie between them."""
    return 14 if time in (1, 2, 4) else 22
