"""The request for a run, made from the parameters and checked before the job starts."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dsc_superres.errors import SeriesError
from dsc_superres.geometry import Geometry
from dsc_superres.models import find
from dsc_superres.pipeline.checks import Frames

from ..Scene.Sequences.SequenceInput import InputInfo
from ..Tasks import ENHANCE, JOB_TASKS
from ..Translation import _

if TYPE_CHECKING:
    from ..Parameters import Parameters

INTERPOLATION = "backprojection"
"""The best interpolation without weights: metrics of a model alone do not show what it gains."""


@dataclass(frozen=True, eq=False)
class ReconstructionRequest:
    """The frames and slices of ``info`` that a run uses, and the fields of the worker's job.

    frames       of the series, as numbers from 0
    slices       as numbers from 0, the last one not included
    task         "compare" or "reconstruct"
    uncertainty  whether the standard deviation of the error is loaded too
    fast         whether the network computes in half precision where that is quicker
    exclude      frames to leave out, as numbers from 0 among those that are used
    motion       "off", "warn" or "correct"
    """

    name: str
    info: InputInfo
    frames: range
    slices: slice
    task: str
    space: float
    time: float
    interval: float | None
    operator: str
    model: str
    device: str
    maps: bool
    uncertainty: bool = False
    fast: bool = True
    exclude: tuple[int, ...] = ()
    motion: str = "warn"

    @property
    def times(self) -> list[float]:
        """Times in s of the frames that are used."""
        return [float(self.info.times[frame]) for frame in self.frames]

    @property
    def sliceTimes(self) -> list[float] | None:
        """Times in s of the slices that are used, after that of their frame; None if unknown."""
        return None if self.info.sliceTimes is None else list(self.info.sliceTimes[self.slices])

    @property
    def geometry(self) -> Geometry:
        """Geometry of the slices that are used."""
        return self.info.geometry.cropped((0, 0, self.slices.start))

    @property
    def size(self) -> tuple[int, int, int]:
        """Number of voxels along x, y, z that are used."""
        return (*self.info.size[:2], self.slices.stop - self.slices.start)

    @property
    def networkInput(self) -> tuple[tuple[int, int, int], int]:
        """Size (x, y, z) and number of frames of the network's input."""
        if self.task == "reconstruct":
            return self.size, len(self.frames)
        space, time = int(self.space), int(self.time)
        return (self.size[0] // space, self.size[1] // space, self.size[2]), (len(self.frames) - 1) // time + 1

    @property
    def output(self) -> tuple[tuple[int, int, int], int]:
        """Size (x, y, z) and number of frames of the reconstruction."""
        size, frames = self.networkInput
        size = (round(size[0] * self.space), round(size[1] * self.space), size[2])
        if self.interval is not None:
            return size, math.floor((self.times[-1] - self.times[0]) / self.interval + 1e-6) + 1
        return size, math.floor((frames - 1) * self.time + 1e-6) + 1

    @property
    def timeFactor(self) -> float:
        """Frames of the reconstruction per interval between frames of the network's input."""
        return (self.output[1] - 1) / (self.networkInput[1] - 1)

    @property
    def baselines(self) -> tuple[str, ...]:
        """Interpolation of the input that the metrics are compared with; none without a ground truth."""
        return () if self.task != "compare" or self.model == INTERPOLATION else (INTERPOLATION,)

    def middleSlice(self) -> ReconstructionRequest:
        """Return the same request for the middle one of its slices alone, as a preview of the others."""
        middle = (self.slices.start + self.slices.stop) // 2
        name = _("{name} preview of slice {slice}").format(name=self.name, slice=middle + 1)
        return replace(self, name=name, slices=slice(middle, middle + 1))

    def job(self, inputFile: str, outputFolder: str) -> dict[str, object]:
        """Return the fields of the worker's job file."""
        fields = {
            "task": self.task,
            "input": inputFile,
            "output": outputFolder,
            "space": self.space,
            "time": self.time,
            "interval": self.interval,
            "operator": self.operator if self.task == "compare" else None,
            "model": self.model,
            "baselines": list(self.baselines) or None,
            "baseline_maps": False if self.baselines else None,
            "device": self.device,
            "echo_time": self.info.echoTime,
            "times": self.times,
            "slice_times": self.sliceTimes,
            "geometry": self.geometry.as_dict(),
            "maps": self.maps,
            "uncertainty": self.uncertainty,
            "fast": self.fast,
            "exclude": list(self.exclude),
            "motion": self.motion,
            "report": True,
            "format": "npy",
        }
        return {name: value for name, value in fields.items() if value is not None}


def makeRequest(parameters: Parameters, info: InputInfo, name: str) -> ReconstructionRequest:
    """Return the request for ``parameters`` and the series ``info``. Raises ``SeriesError`` with one sentence."""
    task, chosen = parameters.task, parameters.reconstruct
    frames = range(max(task.firstFrame, 1) - 1, _last(task.lastFrame, len(info.times)))
    slices = slice(max(task.firstSlice, 1) - 1, _last(task.lastSlice, info.size[2]))
    if len(frames) < 2 or slices.stop <= slices.start:
        raise SeriesError(_("Choose at least two frames and one slice in the section Task."))
    if not info.hasTimes:
        raise SeriesError(_("The time between frames is not known: enter TR in the section Input."))
    model = find(chosen.model)
    request = ReconstructionRequest(
        name=name,
        info=info,
        frames=frames,
        slices=slices,
        task=JOB_TASKS[task.task],
        space=task.space,
        time=task.time,
        interval=task.interval if task.task == ENHANCE and task.regular else None,
        operator=task.operator,
        model=chosen.model,
        device=chosen.device,
        maps=chosen.maps,
        uncertainty=chosen.uncertainty and model.estimates_uncertainty,
        fast=chosen.fast and not model.is_interpolator,
        exclude=_excluded(parameters.input.exclude, frames, len(info.times)),
        motion=parameters.input.motion,
    )
    _check(request)
    return request


def _excluded(words: str, frames: range, count: int) -> tuple[int, ...]:
    """Return the frames to leave out among ``frames``. Raises ``DSCError`` for others than ``count`` has."""
    chosen = Frames()("exclude", words)
    if chosen and chosen[-1] >= count:
        text = _("The series has no frame {frame} to leave out: its frames count from 0 to {last}.")
        raise SeriesError(text.format(frame=chosen[-1], last=count - 1))
    return tuple(frame - frames.start for frame in chosen if frame in frames)


def _last(number: int, count: int) -> int:
    return count if number <= 0 else min(number, count)


def _check(request: ReconstructionRequest) -> None:
    size, frames = request.networkInput
    if request.task == "compare" and request.space % 1:
        raise SeriesError(_("To compare with ground truth, the in-plane factor must be a whole number."))
    if frames < 2:
        text = _("{frames} frames leave one when only every {factor}th is kept: use a smaller time factor.")
        raise SeriesError(text.format(frames=len(request.frames), factor=int(request.time)))
    if min(size[:2]) < 2:
        raise SeriesError(_("The matrix is too small for this in-plane factor: use a smaller one."))
    duration = request.times[-1] - request.times[0]
    if request.interval is not None and request.interval > duration:
        text = _("The interval of {interval} s is longer than the series, which lasts {duration} s.")
        raise SeriesError(text.format(interval=f"{request.interval:g}", duration=f"{duration:g}"))
