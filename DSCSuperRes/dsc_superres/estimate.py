"""What a reconstruction will take, before it starts: so that nobody waits for what cannot fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

INTERPOLATORS = ("linear", "cubic", "pchip", "backprojection")
"""As in the registry, which imports torch."""
PROGRAM = 700 * 2**20
"""Bytes of the process before it has any data: torch and its libraries."""
COPIES = 3.0
"""How often voxels of the output are in memory at once, as float32, up to ``LARGE``; beyond it they are in a file."""
LARGE = 256 * 2**20
TILES = 700 * 2**20
"""Bytes that the network's features take while it works on a tile."""
START = 6.0
"""s until the work begins."""
RATES = {"cpu": 4.0e5, "cuda": 2.0e7, "mps": 4.0e6}
"""Voxels of the output per second: on the CPU for each thread, elsewhere in all."""
INTERPOLATION = 8e6
"""The same for interpolators, anywhere."""


@dataclass(frozen=True)
class Estimate:
    """What to expect: the output's size (x, y, z) and frames, main memory in bytes, and seconds (None: unknown)."""

    size: tuple[int, int, int]
    frames: int
    bytes: int
    seconds: float | None


def estimate(
    size: tuple[int, int, int],
    frames: int,
    space: float,
    time: float,
    model: str,
    device: Mapping[str, object] | None,
) -> Estimate:
    """What it takes to reconstruct ``frames`` of ``size`` (x, y, z) by the factors ``space`` and ``time``.

    ``device`` is one of the probe's; None leaves the seconds unknown. Memory and time are rough, and rather too much.
    """
    fine = (round(size[0] * space), round(size[1] * space), size[2])
    count = math.floor((frames - 1) * time + 1e-6) + 1
    voxels = math.prod(fine) * count
    held = 4 * (math.prod(size) * frames + voxels)
    memory = PROGRAM + TILES + int(min(COPIES * held, LARGE + held))
    return Estimate(fine, count, memory, _seconds(voxels, model, device))


def _seconds(voxels: int, model: str, device: Mapping[str, object] | None) -> float | None:
    if model in INTERPOLATORS:
        return START + voxels / INTERPOLATION
    if device is None or device["name"] not in RATES:
        return None
    threads = device.get("threads") or 1 if device["name"] == "cpu" else 1
    return START + voxels / (RATES[device["name"]] * float(threads))
