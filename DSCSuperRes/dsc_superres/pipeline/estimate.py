"""The memory and time that a job will take, estimated before it starts. Imports no torch.

The operations of a network (``ModelCost``) are divided by the rate that the device reached in the worker's probe. All
other work (metrics, maps, report) runs on the processor, at rates that were measured once on two cores.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from dsc_superres.errors import ModelError
from dsc_superres.frames.coarse_interval import COARSE_INTERVAL
from dsc_superres.models import ModelCost, ModelEntry, find
from dsc_superres.reconstruction.tiling import HALO, TILE
from dsc_superres.utils.memory_limits import IN_MEMORY_LIMIT

SIGNAL_SHARE = 0.78
"""Of the pixels of an image, in the box of the head with its margin, where it is not known (``signal_share``)."""
RATE_SHARE = 0.82
"""Of the rate of a large convolution that networks reach in float32."""
BFLOAT16_RATE_SHARE = 0.86
"""The same in bfloat16."""
SOLVER_GRID_FACTORS = (1, 2, 4)
"""Time factors whose frames lie on the ODE solver's own steps; others need further evaluations between these."""

START_SECONDS = 2.0
"""Until a worker has imported what it needs and read the series."""
NETWORK_START_SECONDS = 0.3
"""Until a network has read its weights, and computed its first tile."""
FRAMES_START_SECONDS = 0.3
COMPARISON_START_SECONDS = 1.0
"""Until frames are looked at; of a comparison, that begins earlier."""
FRAMES_SECONDS = 0.07e-6
"""Per voxel and acquired frame that are looked at for motion and unusable samples."""
INTERPOLATOR_SECONDS = 18e-9
"""Per fine pixel and frame."""
UNCERTAINTY_SECONDS = 25e-9
"""The same for the uncertainty of a network, which maps need."""
KINETICS_START_SECONDS = 3.0
KINETICS_SECONDS = 60e-6
"""Of models that follow kinetics: to find what drives all curves, and per coarse pixel and fit; a third is head."""
METRICS_SECONDS = 43e-9
"""Per fine pixel and frame of a comparison, most of it SSIM."""
MAPS_START_SECONDS = 0.8
"""Per series that maps are computed of: the arterial input function, white matter."""
MAPS_SECONDS = 6e-6
"""Per voxel of every series that maps are computed of."""
COARSE_ARTERY_SECONDS = 2.5
"""To estimate the arterial input between samples that are more than ``COARSE_INTERVAL`` apart."""
UNCERTAIN_MAPS_SECONDS = 40e-9
"""Per fine pixel and frame whose uncertainty goes into maps."""
WRITING_SECONDS = 15e-9
"""Per fine pixel and frame of every series that is written."""
REPORT_SECONDS = 2.6
REPORT_FRAMES_SECONDS = 20e-9
"""Of the report, and per fine pixel and frame."""

PROCESS_BYTES = 600 * 2**20
"""Of a process that reconstructs: libraries, and the intermediate results of a network, whose tiles do not grow."""
MAPS_BYTES = 30 * 2**20
"""Of the further libraries for maps and report."""
COARSE_COPIES = 3.0
"""Of the coarse series, held at once."""
COMPARED_COPIES = 2.8
"""Of the ground truth in a comparison."""
KINETICS_COPIES = 3.0
"""Of the coarse series, where kinetics is fitted to frames of a network."""
MAPPED_COPIES = 0.55
"""Of the largest series that maps are computed of, beside the series itself."""


@dataclass(frozen=True)
class Estimate:
    """What a job will take.

    bytes            of memory that it will hold at most
    seconds          it will last; None where that is not known
    reconstruction   seconds of the reconstruction by the model among them; None where they are not known
    """

    bytes: int
    seconds: float | None
    reconstruction: float | None = None


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
    interpolated: bool = False,
    fast: bool = True,
    share: float = SIGNAL_SHARE,
    interval: float = 0.0,
) -> Estimate:
    """Memory and time of a job on a coarse series of ``size`` (x, y, z) and ``frames``.

    space, time    factors of refinement: pixels in plane, frames per interval
    model          a registered name or a .safetensors file
    device         as the worker's probe describes it, with its rates; None where it is not known yet
    compared       whether the result is compared with a ground truth
    maps           whether perfusion maps and the report are made
    interpolated   whether an interpolation of the series is compared beside the model
    fast           whether the network computes in bfloat16 where the device is quick at it
    share          of the pixels of the coarse series in which a network computes (``signal_share``)
    interval       s between its frames
    """
    entry, pixels = _entry(model), math.prod(size)
    output = math.floor((frames - 1) * time + 1e-6) + 1
    fine = pixels * space**2 * output
    coarse_bytes, fine_bytes = 4 * pixels * frames, 4 * fine
    copies = COMPARED_COPIES * compared + MAPPED_COPIES * maps + interpolated
    coarse_copies = COARSE_COPIES + KINETICS_COPIES * (entry is not None and entry.follows_kinetics)
    memory = PROCESS_BYTES + MAPS_BYTES * maps + coarse_copies * coarse_bytes + copies * fine_bytes
    memory += fine_bytes if maps else min(fine_bytes, IN_MEMORY_LIMIT)  # beyond, the result is kept in a file
    reconstruction = reconstruction_seconds(
        size, frames, space, time, model, device, fast=fast, share=share, uncertain=maps
    )
    if reconstruction is None:
        return Estimate(int(memory), None)
    seconds = START_SECONDS + FRAMES_START_SECONDS + COMPARISON_START_SECONDS * compared + reconstruction
    seconds += FRAMES_SECONDS * (fine if compared else pixels * frames) + METRICS_SECONDS * fine * compared
    seconds += (INTERPOLATOR_SECONDS + METRICS_SECONDS) * fine * interpolated
    seconds += WRITING_SECONDS * fine * (1 + 2 * compared)
    if maps:
        voxels = pixels * space**2 * (1 + compared) + pixels
        seconds += MAPS_START_SECONDS * (2 + compared) + MAPS_SECONDS * voxels
        seconds += COARSE_ARTERY_SECONDS * (interval > COARSE_INTERVAL)
        seconds += UNCERTAIN_MAPS_SECONDS * fine * (entry is not None and entry.estimates_uncertainty)
        seconds += REPORT_SECONDS + REPORT_FRAMES_SECONDS * fine
    return Estimate(int(memory), seconds, reconstruction)


def reconstruction_lap(model: str) -> str:
    """What the measured ``seconds`` of a case call those of the reconstruction by a model. Raises ``ModelError``."""
    return f"reconstruction {find(model).label}"


def maps_seconds(voxels: int, series: int) -> float:
    """Seconds of a job that computes maps of so many series of so many voxels in all."""
    return START_SECONDS + series * MAPS_START_SECONDS + COARSE_ARTERY_SECONDS + MAPS_SECONDS * voxels


def reconstruction_seconds(
    size: tuple[int, int, int],
    frames: int,
    space: float,
    time: float,
    model: str,
    device: Mapping[str, object] | None,
    *,
    fast: bool = True,
    share: float = SIGNAL_SHARE,
    uncertain: bool = False,
) -> float | None:
    """Seconds of the reconstruction alone, without reading and writing; None where they are not known.

    ``uncertain`` is whether the uncertainty is computed, too, where the model estimates it.
    """
    entry = _entry(model)
    if entry is None:
        return None
    pixels, output = math.prod(size), (frames - 1) * time + 1
    interpolator = pixels * space**2 * output * INTERPOLATOR_SECONDS
    if entry.follows_kinetics:
        fits = 1 if entry.is_interpolator else 2  # to acquired frames, and to those of the network
        interpolator += KINETICS_START_SECONDS + fits * KINETICS_SECONDS * pixels
    if entry.is_interpolator:
        return interpolator
    rates = device or {}
    half = rates.get("bfloat16_gflops") if fast else None
    rate = BFLOAT16_RATE_SHARE * half if half else RATE_SHARE * (rates.get("gflops") or 0)
    if entry.cost is None or not rate:
        return None
    operations = operations_per_pixel(entry.cost, frames, space, time)
    others = NETWORK_START_SECONDS + interpolator
    if uncertain and entry.estimates_uncertainty:
        others += pixels * space**2 * output * UNCERTAINTY_SECONDS
    return others + operations * _network_pixels(size) * share / (1e9 * rate)


def operations_per_pixel(cost: ModelCost, frames: int, space: float, time: float) -> float:
    """Operations of a network per pixel of a coarse series of ``frames``, refined by ``space`` and ``time``."""
    pairs, output = frames - 1, (frames - 1) * time + 1
    evaluations = dict(zip(SOLVER_GRID_FACTORS, cost.evaluations, strict=False)).get(time, cost.evaluations[-1])
    operations = cost.series + cost.frame * frames
    operations += (cost.pair + cost.evaluation * evaluations) * pairs
    return operations + (cost.output + cost.fine_pixel * space**2) * output


def _entry(model: str) -> ModelEntry | None:
    try:
        return find(model)
    except ModelError:
        return None


def _network_pixels(size: tuple[int, int, int], tile: int = TILE) -> int:
    """Coarse pixels that a network computes: those at the seams of tiles twice."""
    columns, rows = (n if n <= tile else n + 2 * HALO * (math.ceil(n / (tile - 2 * HALO)) - 1) for n in size[:2])
    return columns * rows * size[2]
