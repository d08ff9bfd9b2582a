"""Estimate of the output size, memory, and time of a run before it starts."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from dsc_superres.pipeline.estimate import SIGNAL_SHARE, Estimate, estimate
from dsc_superres.pipeline.signal_share import signal_share

from ..Scene.Sequences.NewSequence import voxelType
from ..Translation import _
from .ReconstructionRequest import ReconstructionRequest
from .RunSpeed import measuredSpeed

RESERVE = 500 * 2**20
"""Bytes kept free for everything else in Slicer."""

SCENE_SECONDS = 3.0
"""Of Slicer itself: to write the frames that the worker reads, and to add what it returns to the scene."""


@dataclass(frozen=True)
class RunEstimate:
    """An estimate in words; ``problem`` is the reason why the run does not fit into memory, empty if it does.

    ``seconds`` are those of the run; None if not known yet.
    """

    text: str
    problem: str
    seconds: float | None = None


def estimateRun(request: ReconstructionRequest, capabilities: dict | None) -> RunEstimate:
    """Return output size, memory, and time of ``request``; time only if the worker's ``capabilities`` are known."""
    (size, frames), (outputSize, outputFrames) = request.networkInput, request.output
    device, ratios = measuredSpeed(request, deviceOf(request, capabilities))
    expected = _expected(request, device)
    scene, seconds, measured = sceneBytes(request), expected.seconds, None not in (ratios.reconstruction, ratios.rest)
    if seconds is not None:
        rest = (seconds - expected.reconstruction) * (ratios.rest or 1.0)
        seconds = expected.reconstruction * (ratios.reconstruction or 1.0) + rest
    text = _("{before} -> {after}. Memory: {scene} in Slicer, {worker} in the background. Time: {time}.").format(
        before=_shapeText(size, frames),
        after=_shapeText(outputSize, outputFrames),
        scene=_bytesText(scene),
        worker=_bytesText(expected.bytes),
        time=_durationText(seconds, measured),
    )
    needed, free = scene + RESERVE + expected.bytes, freeMemory()
    if free is None or needed <= free:
        return RunEstimate(text, "", seconds)
    problem = _("This needs {needed} of memory, but only {free} are free: use fewer frames, slices or smaller factors.")
    problem = problem.format(needed=_bytesText(needed), free=_bytesText(free))
    return RunEstimate(text, problem, seconds)


def estimateUnmeasured(request: ReconstructionRequest, capabilities: dict | None) -> Estimate:
    """Return the estimate of a run by the rates of operations alone, whatever was measured."""
    return _expected(request, deviceOf(request, capabilities))


def sceneBytes(request: ReconstructionRequest) -> int:
    """Return the bytes of the result in the scene; frames shared with the user's series need none."""
    (size, frames), (inputSize, inputFrames) = request.output, request.networkInput
    kind = request.info.scalarType
    total = math.prod(size) * frames * voxelType(kind).itemsize
    if request.uncertainty:
        total += 4 * math.prod(size) * frames
    if request.task == "compare":
        total += math.prod(size) * frames * voxelType(kind, signed=True).itemsize
        total += math.prod(inputSize) * inputFrames * voxelType(kind).itemsize
    return total


def freeMemory() -> int | None:
    """Return the bytes of available memory (of all memory if only that is known); None if unknown."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            facts = dict(line.split(":", 1) for line in file)
        return int(facts["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def deviceOf(request: ReconstructionRequest, capabilities: dict | None) -> dict | None:
    """Return the device that the worker will use; ``auto`` is the first one that is not the CPU."""
    devices, name = capabilities["devices"] if capabilities else [], request.device
    if name == "auto":
        return next((device for device in devices if device["name"] != "cpu"), devices[0] if devices else None)
    return next((device for device in devices if device["name"] == name), None)


def _expected(request: ReconstructionRequest, device: Mapping[str, object] | None) -> Estimate:
    size, frames = request.networkInput
    expected = estimate(
        size,
        frames,
        request.space,
        request.timeFactor,
        request.model,
        device,
        compared=request.task == "compare",
        maps=request.maps,
        interpolated=bool(request.baselines),
        fast=request.fast,
        share=_share(request),
        interval=(request.times[-1] - request.times[0]) / (frames - 1) if request.info.hasTimes else 0.0,
    )
    return expected if expected.seconds is None else replace(expected, seconds=expected.seconds + SCENE_SECONDS)


def _share(request: ReconstructionRequest) -> float:
    """Return the share of the images in which a network computes."""
    if request.info.extents is None:
        return SIGNAL_SHARE
    factor = int(request.space) if request.task == "compare" else 1
    return signal_share(request.info.extents[request.slices], request.size[1::-1], factor)


def _shapeText(size: tuple[int, int, int], frames: int) -> str:
    return _("{matrix} in {frames} frames").format(matrix=" x ".join(map(str, size)), frames=frames)


def _bytesText(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(count / 1e6, 1):.0f} MB"


def _durationText(seconds: float | None, measured: bool) -> str:
    """Return how long a run takes; a range of a factor of two either way where none like it was measured yet."""
    if seconds is None:
        return _("not known yet")
    if measured:
        return _("about {time}").format(time=_timeText(seconds))
    text = _("{least} to {most}; after a first run it is known better")
    return text.format(least=_timeText(seconds / 2), most=_timeText(2 * seconds))


def _timeText(seconds: float) -> str:
    """Return a time that rounding changes by less than a fifth."""
    if seconds >= 180:
        return _("{minutes} min").format(minutes=round(seconds / 60))
    step = 1 if seconds < 20 else 5
    return _("{seconds} s").format(seconds=max(1, step * round(seconds / step)))
