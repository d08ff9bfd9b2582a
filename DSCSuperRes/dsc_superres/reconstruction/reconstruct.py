"""A series at finer pixels and more frames: any model, any spatial factor, any times, on any device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dsc_superres.errors import Cancelled, ModelError
from dsc_superres.models import DEFAULT_MODEL, DEFAULT_MODEL_WITH_UNCERTAINTY
from dsc_superres.reconstruction.acquired_frames import keep_acquired_frames
from dsc_superres.reconstruction.devices import choose_device
from dsc_superres.reconstruction.initial_transient import has_initial_transient
from dsc_superres.reconstruction.reconstruction_words import reconstruction_words
from dsc_superres.reconstruction.schedule import Part, Schedule, steps_between
from dsc_superres.reconstruction.target_grid import fine_size, normalization, target_times
from dsc_superres.reconstruction.tiling import TILE
from dsc_superres.reconstruction.uncertainty_calibration import calibrate
from dsc_superres.series import Series
from dsc_superres.utils.parallel import parallel_map
from dsc_superres.utils.progress import IsCancelled, Progress, never, no_progress
from dsc_superres.utils.scratch_memory import release, reusing_freed_memory, scratch

if TYPE_CHECKING:  # torch takes a second to import; who only asks for --help should not wait for it
    import torch

    from dsc_superres.networks import Model
    from dsc_superres.reconstruction.piece import PieceModel


def reconstruct(
    series: Series,
    *,
    space: float = 2.0,
    time: float = 4,
    interval: float | None = None,
    times: np.ndarray | None = None,
    model: str | Path | Model = DEFAULT_MODEL,
    device: str = "auto",
    tile: int = TILE,
    fast: bool = True,
    common_times: bool = True,
    progress: Progress = no_progress,
    cancelled: IsCancelled = never,
) -> Series:
    """``series`` with pixels ``space`` times finer in plane and more frames, in the same patient space.

    The frame times are ``times`` (s, within the series), or every ``interval`` s from the first frame on, or else
    each interval divided by ``time``: n frames become ``time`` (n - 1) + 1, the input's among them. With ``space`` 1
    acquired frames are kept as they are.
    The field of view is kept to the edge; where ``space`` times the matrix is not whole it is rounded.
    ``model`` is a registered name, a .safetensors file, or a ``Model``, which is not changed.
    Slices (or tiles of at most ``tile`` coarse pixels a side) are worked on one group at a time, on the processor one
    group per thread, and a large result is kept in a temporary file, so that memory does not grow with the series.
    Tiles shrink where a device has too little memory for them. On one kind of processor the result is the same, bit
    for bit, whatever the number of threads.
    ``fast`` computes a network in bfloat16 where device and network are fit for it (see ``half_precision``): about a
    thousandth of the intensities off, but twice as fast.
    Where the series has slice times, each slice is reconstructed from its own, so that the slices of a frame are those
    of one moment: the times of the frame. Without ``common_times`` the slices stay as far apart as they were taken.
    A model that ``removes_initial_transient`` is given a first frame in steady state, and the excess of the acquired
    one is added again as it decays (see ``initial_transient``).
    Raises ``SeriesError`` or ``ModelError`` with one sentence, and ``Cancelled`` when ``cancelled()`` is true.
    """
    options = {"space": space, "time": time, "interval": interval, "times": times, "device": device, "tile": tile}
    options |= {"fast": fast, "common_times": common_times}
    return reconstruct_series(series, model, progress=progress, cancelled=cancelled, **options)[0]


def reconstruct_with_uncertainty(
    series: Series, *, model: str | Path | Model = DEFAULT_MODEL_WITH_UNCERTAINTY, **options
) -> tuple[Series, Series]:
    """As ``reconstruct``, with the standard deviation of the error of every voxel and frame, in units of the signal.

    The error is that against the signal without noise (see ``uncertainty_calibration``).
    ``options`` are those of ``reconstruct``. Raises ``ModelError`` for a model that does not estimate it.
    """
    return reconstruct_series(series, model, uncertainty=True, **options)


def reconstruct_series(
    series: Series,
    model: str | Path | Model,
    *,
    uncertainty: bool = False,
    space: float = 2.0,
    time: float = 4,
    interval: float | None = None,
    times: np.ndarray | None = None,
    device: str = "auto",
    tile: int = TILE,
    fast: bool = True,
    common_times: bool = True,
    progress: Progress = no_progress,
    cancelled: IsCancelled = never,
) -> tuple[Series, Series | None]:
    """As ``reconstruct``, with the standard deviation of the error where ``uncertainty`` is true, else None."""
    import torch

    from dsc_superres.reconstruction.half_precision import computes_in_bfloat16

    target = target_times(series, time=time, interval=interval, times=times)
    height, width = fine_size(series, space)
    network = _find_network(model, uncertainty)
    where = torch.device(choose_device(device))
    shape = (target.size, series.signal.shape[1], height, width)
    offset, scale = normalization(series.signal.mean(axis=0))
    if scale == 0:
        work = _Work(series, _constant_model(), where, offset, 1.0, [scratch(shape)], False)
    else:
        results = [scratch(shape) for _ in range(1 + uncertainty)]
        copy = _copy_on(network, where)
        work = _Work(series, copy, where, offset, scale, results, fast and computes_in_bfloat16(copy, where))
        applied = work.network.for_series(series, offset, scale, work.transient, uncertainty, cancelled)
        work = replace(work, network=applied)
    threads = torch.get_num_threads() if where.type == "cpu" else 1
    to_common = common_times and series.has_times and series.slice_times is not None
    steps = steps_between(series.times, target)
    if to_common and series.slice_times.any():
        steps = [steps_between(series.times + offset, target) for offset in series.slice_times]
    schedule = Schedule(series.signal.shape[1:], (height, width), tile, steps, threads)
    _run(work, schedule, threads, progress, cancelled)
    slice_times = np.zeros(shape[1]) if to_common else series.slice_times
    notes = work.network.notes
    if work.network.drawn_toward_kinetics:
        from dsc_superres.reconstruction.toward_kinetics import Reconstruction, draw_toward_kinetics

        reached = Reconstruction(work.results[0], target, slice_times, work.lowest)
        notes += draw_toward_kinetics(
            reached, series, transient=work.transient, threads=torch.get_num_threads(), cancelled=cancelled
        )
    coefficients = work.network.uncertainty_coefficients
    if coefficients is not None:
        for result in work.results[1:]:
            calibrate(result, work.results[0], series, coefficients, scale, height / series.size[1], cancelled)
    if len(work.results) < 1 + uncertainty:
        work.results.append(np.zeros_like(work.results[0]))  # the interpolation of a constant series has no error
    keep_acquired_frames(work.results[0], target, series, to_common)
    geometry = series.geometry.resized(series.size, (width, height, shape[1]))
    changes = {"times": target, "missing_times": (), "geometry": geometry, "slice_times": slice_times}
    found = [series.with_signal(result, **changes) for result in work.results]
    settings = {
        "space": space,
        "time": time if interval is None and times is None else None,
        "interval": interval,
        "fast": work.fast,
    }
    words = reconstruction_words(series, network, {**settings, "device": where.type})
    found = [
        one.described(
            sources=words["sources"],
            provenance={**words["provenance"], "role": role},
            notes=(*series.notes, *notes),
        )
        for role, one in zip(("reconstruction", "uncertainty"), found, strict=False)
    ]
    return found[0], found[1] if uncertainty else None


def _find_network(model: str | Path | Model, uncertainty: bool) -> Model:
    """``model``, loaded where it is a name or a file. Raises ``ModelError``."""
    from dsc_superres.networks import Model, load_model
    from dsc_superres.networks.model import no_uncertainty

    network = load_model(model) if isinstance(model, str | Path) else model
    if not isinstance(network, Model):
        raise ModelError(f"A {type(network).__name__} cannot reconstruct: give a name, a file or a networks.Model.")
    if uncertainty and not network.estimates_uncertainty:
        raise no_uncertainty()
    return network


def _constant_model() -> Model:
    from dsc_superres.networks.interpolation import Interpolator

    return Interpolator(in_space="backprojection", in_time="pchip").eval()


def _copy_on(network: Model, device: torch.device) -> Model:
    """A copy of ``network`` to compute with: the caller's own keeps its mode, device and memory layout."""
    from copy import deepcopy

    import torch

    return deepcopy(network).eval().to(device, memory_format=torch.channels_last)


def _run(work: _Work, schedule: Schedule, threads: int, progress: Progress, cancelled: IsCancelled) -> None:
    """Do all parts of the schedule, with smaller tiles where memory runs out."""
    import torch

    while not schedule.finished:
        try:
            with reusing_freed_memory(), closing(parallel_map(work.do, schedule.parts(), threads)) as steps:
                for part in steps:
                    progress(schedule.done_after(part), "reconstructing")
                    if cancelled():
                        raise Cancelled
            schedule.finished = True
        except torch.OutOfMemoryError:
            schedule.shrink()
            torch.cuda.empty_cache()


@dataclass(frozen=True)
class _Work:
    """What all parts of one reconstruction share.

    network         on ``device``, which no one else changes
    offset, scale   of the normalized signal
    results         float32[t, z, y, x] to fill: the frames, and with a second array the standard deviation of their
                    error
    """

    series: Series
    network: Model
    device: torch.device
    offset: float
    scale: float
    results: list[np.ndarray]
    fast: bool

    @cached_property
    def lowest(self) -> float:
        """Least value of a frame: a magnitude image has no negative voxels."""
        return 0.0 if self.series.signal.min() >= 0 else -np.inf

    @cached_property
    def transient(self) -> bool:
        """Whether the first frame is one before steady state that the network is not to be given."""
        series = self.series
        return self.network.removes_initial_transient and series.has_times and has_initial_transient(series.signal)

    def do(self, part: Part) -> Iterator[Part]:
        """Reconstruct a part; yields it after each step."""
        import torch

        with torch.inference_mode():
            model = self._piece_model(part)
        for step in part.steps:
            with torch.inference_mode():
                images = model.between(step.pair, step.moments)[(..., *part.piece.inner)]
                images = images.transpose(1, 2).cpu().numpy()
            place = (step.output, part.piece.slices, *part.piece.fine)
            self.results[0][place] = np.maximum(images[0] * self.scale + self.offset, self.lowest)
            for result, uncertainty in zip(self.results[1:], images[1:], strict=True):
                result[place] = uncertainty * self.scale
            yield part
        for result in self.results:
            release(result)

    def _piece_model(self, part: Part) -> PieceModel:
        import torch

        from dsc_superres.reconstruction.piece import PieceModel

        series, piece = self.series, part.piece
        coarse = series.signal[:, piece.slices, piece.input_rows, piece.input_columns]
        frames = torch.from_numpy((coarse - self.offset) / self.scale).transpose(0, 1).contiguous().to(self.device)
        return PieceModel(
            self.network.for_piece(piece.slices, piece.input_rows, piece.input_columns),
            frames,
            series.times,
            piece.input_fine_size,
            transient=self.transient,
            uncertainty=len(self.results) > 1,
            fast=self.fast,
        )
