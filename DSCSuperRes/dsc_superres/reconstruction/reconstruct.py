"""Series in, finer series out: any network, any spatial factor, any times, on whatever device there is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsc_superres.errors import Cancelled, ModelError, SeriesError
from dsc_superres.reconstruction.initial_transient import has_initial_transient, remaining_excess
from dsc_superres.reconstruction.tiling import HALO, Piece, pieces
from dsc_superres.series import MISSING, Series
from dsc_superres.utils.parallel import best_part_count, parallel_map
from dsc_superres.utils.scratch_memory import release, reusing_freed_memory, scratch

if TYPE_CHECKING:  # torch takes a second to import; who only asks for --help should not wait for it
    import torch

DARK = 0.1
"""Normalised signal from which a factor between two images means something."""
Progress = Callable[[float, str], None]
"""Called with the fraction done (0..1) and the stage in words."""


EXTRA_STEPS = 0.5
"""What starting a piece takes, its anatomy and first frame, in pairs of frames."""


def reconstruct(
    series: Series,
    *,
    space: float = 2.0,
    time: float = 4,
    interval: float | None = None,
    times: np.ndarray | None = None,
    model: str | torch.nn.Module = "ode-liif",
    device: str = "auto",
    tile: int = 160,
    fast: bool = False,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Series:
    """``series`` with pixels ``space`` times finer in plane and more frames, in the same patient space.

    The frame times are ``times`` (s, within the series), or every ``interval`` s from the first frame on, or else
    each interval divided by ``time``: n frames become ``time`` (n - 1) + 1, the input's among them.
    The field of view is kept to the edge; where ``space`` times the matrix is not whole it is rounded.
    ``model`` is a registered name, a .safetensors file, or a network. Slices (or tiles of at most ``tile`` coarse
    pixels a side) are worked on one group at a time, on the processor one group per thread, and a large result is kept
    in a temporary file, so memory does not grow with the series. Tiles shrink where a device has too little memory for
    them. On one kind of processor the result is the same, bit for bit, whatever the number of threads.
    ``fast`` computes a network in bfloat16 where it can: a thousandth of the intensities off, for a shorter wait on
    graphics cards and on processors with such instructions.
    A network that says so (``removes_initial_transient``) is shown a steady-state first frame, and the excess of the
    real one is put back as it decays (see ``initial_transient``).
    Raises ``SeriesError`` or ``ModelError`` with one sentence, and ``Cancelled`` when ``cancelled()`` says so.
    """
    options = {"space": space, "time": time, "interval": interval, "times": times, "device": device, "tile": tile}
    return _reconstruct(series, model, fast=fast, progress=progress, cancelled=cancelled, **options)[0]


def reconstruct_with_uncertainty(
    series: Series, *, model: str | torch.nn.Module = "ode-liif-plus", **options
) -> tuple[Series, Series]:
    """As ``reconstruct``, with the standard deviation of the error at every voxel and frame, in units of the signal.

    ``options`` are those of ``reconstruct``. Raises ``ModelError`` for a model that does not tell its deviation.
    """
    return _reconstruct(series, model, outputs=2, **options)


def _reconstruct(
    series: Series,
    model: str | torch.nn.Module,
    *,
    outputs: int = 1,
    space: float = 2.0,
    time: float = 4,
    interval: float | None = None,
    times: np.ndarray | None = None,
    device: str = "auto",
    tile: int = 160,
    fast: bool = False,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[Series, ...]:
    """The reconstruction, and with 2 ``outputs`` also the deviation of its error."""
    import torch

    from dsc_superres.networks import create, load_model

    target = target_times(series, time=time, interval=interval, times=times)
    height, width = fine_size(series, space)
    slices, wanted = series.signal.shape[1], outputs
    network = load_model(model) if isinstance(model, str) else model
    if outputs > 1 and not hasattr(network, "predict"):
        raise ModelError("This model does not tell how sure it is: choose ode-liif-plus.")
    where = torch.device(choose_device(device))
    offset, scale = normalisation(series.signal.mean(axis=0))
    if scale == 0:
        network, scale, outputs = create("backprojection"), 1.0, 1
    network = network.eval().to(where, memory_format=torch.channels_last)
    network.fast = fast
    results = [scratch((target.size, slices, height, width)) for _ in range(outputs)]
    transient = (
        getattr(network, "removes_initial_transient", False)
        and series.has_times
        and has_initial_transient(series.signal)
    )
    lowest = 0.0 if series.signal.min() >= 0 else -np.inf  # a magnitude image has no negative voxels

    def play(part: Part) -> Iterator[Part]:
        """Reconstructs a part; yields it after each step."""
        piece = part.piece
        coarse = series.signal[:, piece.slices, piece.seen_rows, piece.seen_columns]
        frames = torch.from_numpy((coarse - offset) / scale).transpose(0, 1).contiguous().to(where)
        with torch.inference_mode():
            playing = _Movie(network, frames, series.times, piece.seen_size, transient, outputs)
        for index, moments, output in part.steps:
            with torch.inference_mode():
                found = playing.between(index, moments)[(..., *piece.inner)].transpose(1, 2).cpu().numpy()
            where_to = (output, piece.slices, *piece.fine)
            results[0][where_to] = np.maximum(found[0] * scale + offset, lowest)
            for result, uncertainty in zip(results[1:], found[1:], strict=True):
                result[where_to] = uncertainty * scale
            yield part
        for result in results:
            release(result)

    threads = torch.get_num_threads() if where.type == "cpu" else 1
    todo = _Parts(series.signal.shape[1:], (height, width), tile, _schedule(series.times, target), threads)
    while not todo.finished:
        try:
            with reusing_freed_memory(), closing(parallel_map(play, todo.parts(), threads)) as played:
                for part in played:
                    if progress is not None:
                        progress(todo.done_after(part), "reconstructing")
                    if cancelled is not None and cancelled():
                        raise Cancelled
            todo.finished = True
        except torch.OutOfMemoryError:
            todo.shrink()
            torch.cuda.empty_cache()
    geometry = series.geometry.resized(series.size, (width, height, slices))
    if len(results) < wanted:
        results.append(np.zeros_like(results[0]))  # of a constant series nothing is unsure
    return tuple(series.with_signal(result, times=target, geometry=geometry) for result in results)


def target_times(
    series: Series, *, time: float = 4, interval: float | None = None, times: np.ndarray | None = None
) -> np.ndarray:
    """float64[m], s: the frame times that ``reconstruct`` will give. Raises ``SeriesError`` where it cannot."""
    first, last = series.times[0], series.times[-1]
    if times is not None:
        target = np.asarray(times, float)
        if target.ndim != 1 or target.size < 2 or np.any(np.diff(target) <= 0):
            raise SeriesError("The times to reconstruct must be at least two and increase.")
        if target[0] < first - 1e-6 or target[-1] > last + 1e-6:
            raise SeriesError(f"The times to reconstruct must lie within the series, {first:g} to {last:g} s.")
        return np.clip(target, first, last)
    if interval is not None:
        if series.sources["times"] == MISSING:
            raise SeriesError(
                f"{series.name} has no frame times, so an interval in seconds means nothing: give its TR."
            )
        if not 0 < interval <= last - first:
            raise SeriesError(
                f"The interval must lie between 0 and the series' {last - first:g} s, not {interval:g} s."
            )
        count = math.floor((last - first) / interval + 1e-6) + 1
        return np.minimum(first + interval * np.arange(count), last)
    if not 1 <= time <= 1000:
        raise SeriesError(f"The time factor must lie between 1 and 1000, not {time:g}.")
    count = math.floor((series.frames - 1) * time + 1e-6) + 1
    return np.interp(np.arange(count) / time, np.arange(series.frames), series.times)


def fine_size(series: Series, space: float) -> tuple[int, int]:
    """Rows and columns after refinement by ``space``. Raises ``SeriesError`` for a factor outside 1 to 16."""
    if not 1 <= space <= 16:
        raise SeriesError(f"The spatial factor must lie between 1 and 16, not {space:g}.")
    rows, columns = series.signal.shape[2:]
    return round(rows * space), round(columns * space)


def normalisation(mean: np.ndarray) -> tuple[float, float]:
    """Offset and scale that bring a series to about 0..1: the 1st and 99th percentile of its temporal ``mean``.

    The scale is 0 only for an image that is constant.
    """
    low, high = np.percentile(mean, (1, 99))
    if high <= low:
        low, high = mean.min(), mean.max()
    return float(low), float(high - low)


def choose_device(name: str = "auto") -> str:
    """A device that is there: ``auto`` takes cuda, then mps, then cpu. Raises ``ModelError``."""
    import torch

    available = ["cpu"]
    if torch.backends.mps.is_available():
        available.insert(0, "mps")
    if torch.cuda.is_available():
        available.insert(0, "cuda")
    if name == "auto":
        return available[0]
    if name.split(":")[0] not in available:
        raise ModelError(f"The device '{name}' is not available here: choose auto or one of {', '.join(available)}.")
    return name


def _schedule(times: np.ndarray, target: np.ndarray) -> Steps:
    """For each pair that is needed: its index, the moments on its clock (0..1), and where they go in the output."""
    pair = np.clip(np.searchsorted(times, target, side="right") - 1, 0, times.size - 2)
    moment = (target - times[pair]) / (times[pair + 1] - times[pair])
    steps = []
    for index in np.unique(pair):
        begin, end = np.searchsorted(pair, [index, index + 1])
        steps.append((int(index), np.clip(moment[begin:end], 0, 1).astype(np.float32), slice(int(begin), int(end))))
    return steps


class _Movie:
    """One piece of a series, [b, n, h, w], and the network that says what lies between its frames."""

    def __init__(
        self,
        network: torch.nn.Module,
        frames: torch.Tensor,
        times: np.ndarray,
        size: tuple[int, int],
        transient: bool,
        outputs: int = 1,
    ) -> None:
        import torch

        from dsc_superres.networks import summarise

        self.times, self.size, self.transient = torch.tensor(times), size, transient
        self.network = network if outputs == 1 else network.predict
        self.base = network.base if getattr(network, "transient_is_factor", False) else None
        self.acquired = frames
        self.frames = torch.cat([frames[:, 1:2], frames[:, 1:]], 1) if transient else frames
        self.summary = summarise(self.frames)
        self.cache: dict = {}

    def between(self, index: int, moments: np.ndarray) -> torch.Tensor:
        """float32[outputs, b, m, H, W]: the frames at ``moments`` (0..1) from frame ``index`` to the next."""
        import torch

        t = torch.from_numpy(moments).to(self.frames)
        found = self._run(self.frames, index, t, self.cache, self.network)
        if self.transient and index == 0:
            left = remaining_excess(moments * float(self.times[1] - self.times[0]))
            found[0] += torch.from_numpy(left).to(t)[:, None, None] * self._excess(t[:1] * 0)
        return found

    def _excess(self, t: torch.Tensor) -> torch.Tensor:
        """float32[b, 1, H, W]: by how much the unsettled first frame is brighter than it would be settled."""
        import torch

        from dsc_superres.networks.window import ALWAYS

        of_series = {key: value for key, value in self.cache.items() if key[1] == ALWAYS}
        model = self.base or self.network
        bright, settled = (
            self._run(frames, 0, t, dict(of_series), model)[0] for frames in (self.acquired, self.frames)
        )
        if self.base is None:
            return bright - settled
        # Detail that was learned for a bolus does not fit this change, which is a factor of the still image.
        fine = self._run(self.frames, 0, t, dict(of_series), self.network)[0]
        share = (bright - settled) / settled.clamp(min=DARK)
        return torch.where(settled > DARK, fine * share, bright - settled)

    def _run(self, frames: torch.Tensor, index: int, t: torch.Tensor, cache: dict, model: Callable) -> torch.Tensor:
        import torch

        from dsc_superres.networks import window

        found = model(window(frames, self.times, self.summary, index), t, self.size, cache)
        return torch.stack(found) if isinstance(found, tuple) else found[None]


Steps = list[tuple[int, np.ndarray, slice]]


@dataclass(frozen=True)
class Part:
    """Some successive steps of one piece; ``share`` of the whole result is done with each of them."""

    piece: Piece
    steps: Steps
    share: float


class _Parts:
    """What is left to do: whole slices or tiles, cut in time where there are few, smaller where memory runs out."""

    def __init__(
        self, shape: tuple[int, int, int], size: tuple[int, int], tile: int, steps: Steps, threads: int
    ) -> None:
        self._shape, self._size, self._tile, self._steps, self._threads = shape, size, tile, steps, threads
        self._first, self._done = 0, 0.0
        self.finished = False

    def parts(self) -> Iterator[Part]:
        """Those from the first slice on that is not done."""
        cut = list(pieces(self._shape, self._size, self._tile, self._first))
        count = best_part_count(len(cut), len(self._steps), self._threads, EXTRA_STEPS)
        for piece in cut:
            self._first = piece.slices.start if self._threads == 1 else 0  # several threads end in any order
            voxels = math.prod(span.stop - span.start for span in (piece.slices, *piece.fine))
            share = voxels / (self._shape[0] * math.prod(self._size)) / len(self._steps)
            for part in range(count):
                begin, end = (len(self._steps) * k // count for k in (part, part + 1))
                yield Part(piece, self._steps[begin:end], share)

    def done_after(self, part: Part) -> float:
        """The fraction of the whole that is done with one more step of a part."""
        self._done = min(self._done + part.share, 1.0)
        return self._done if self._done < 1 - 1e-9 else 1.0

    def shrink(self) -> None:
        """Go on with tiles of half the size, from the slices that did not fit on. Raises ``ModelError``."""
        if self._tile // 2 <= 2 * HALO:
            raise ModelError("The device has not enough memory for even a small tile: choose the CPU instead.")
        self._tile //= 2
        self._done = self._first / self._shape[0]
