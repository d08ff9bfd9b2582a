"""Series in, finer series out: any network, any spatial factor, any times, on whatever device there is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from dsc_superres.errors import Cancelled, ModelError, SeriesError
from dsc_superres.scratch import release, scratch
from dsc_superres.series import MISSING, Series
from dsc_superres.start_up import remaining_excess, starts_unsettled
from dsc_superres.tiling import HALO, Piece, pieces

if TYPE_CHECKING:  # torch takes a second to import; who only asks for --help should not wait for it
    import torch

Progress = Callable[[float, str], None]
"""Called with the fraction done (0..1) and the stage in words."""


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
    pixels a side) are worked on one group at a time, and a large result is kept in a temporary file, so memory does not
    grow with the series. Tiles shrink where a device has too little memory for them.
    ``fast`` computes a network in bfloat16 where it can: a thousandth of the intensities off, for a shorter wait on
    graphics cards and on processors with such instructions.
    A network that says so (``models_start_up``) is shown a settled first frame, and the excess of the real one is put
    back as it decays (see ``start_up``).
    Raises ``SeriesError`` or ``ModelError`` with one sentence, and ``Cancelled`` when ``cancelled()`` says so.
    """
    import torch

    from dsc_superres.networks import create, load_model

    target = target_times(series, time=time, interval=interval, times=times)
    height, width = fine_size(series, space)
    network = load_model(model) if isinstance(model, str) else model
    where = torch.device(choose_device(device))
    offset, scale = normalisation(series.signal.mean(axis=0))
    if scale == 0:
        network, scale = create("backprojection"), 1.0
    network = network.eval().to(where, memory_format=torch.channels_last)
    network.fast = fast
    slices = series.signal.shape[1]
    result = scratch((target.size, slices, height, width))
    unsettled = getattr(network, "models_start_up", False) and series.has_times and starts_unsettled(series.signal)

    def movie(piece: Piece) -> _Movie:
        coarse = series.signal[:, piece.slices, piece.seen_rows, piece.seen_columns]
        frames = torch.from_numpy((coarse - offset) / scale).transpose(0, 1).contiguous().to(where)
        return _Movie(network, frames, series.times, piece.seen_size, unsettled)

    lowest = 0.0 if series.signal.min() >= 0 else -np.inf  # a magnitude image has no negative voxels
    steps = _schedule(series.times, target)
    todo = _Pieces(series.signal.shape[1:], (height, width), tile, progress, cancelled)
    with torch.inference_mode():
        while not todo.finished:
            try:
                for piece in todo.pieces():
                    playing = movie(piece)
                    for index, moments, output in todo.steps(steps):
                        image = playing.between(index, moments)[(..., *piece.inner)].transpose(0, 1).cpu().numpy()
                        result[(output, piece.slices, *piece.fine)] = np.maximum(image * scale + offset, lowest)
                    release(result)
            except torch.OutOfMemoryError:
                todo.shrink()
                torch.cuda.empty_cache()
    geometry = series.geometry.resized(series.size, (width, height, slices))
    return series.with_signal(result, times=target, geometry=geometry)


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


def _schedule(times: np.ndarray, target: np.ndarray) -> list[tuple[int, np.ndarray, slice]]:
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
        self, network: torch.nn.Module, frames: torch.Tensor, times: np.ndarray, size: tuple[int, int], unsettled: bool
    ) -> None:
        import torch

        from dsc_superres.networks import summarise

        self.network, self.times, self.size, self.unsettled = network, torch.tensor(times), size, unsettled
        self.acquired = frames
        self.frames = torch.cat([frames[:, 1:2], frames[:, 1:]], 1) if unsettled else frames
        self.summary = summarise(self.frames)
        self.cache: dict = {}

    def between(self, index: int, moments: np.ndarray) -> torch.Tensor:
        """float32[b, m, H, W]: the frames at ``moments`` (0..1) from frame ``index`` to the next."""
        import torch

        t = torch.from_numpy(moments).to(self.frames)
        image = self._run(self.frames, index, t, self.cache)
        if self.unsettled and index == 0:
            bright, settled = (self._run(frames, 0, t[:1] * 0, {}) for frames in (self.acquired, self.frames))
            left = remaining_excess(moments * float(self.times[1] - self.times[0]))
            image = image + torch.from_numpy(left).to(image)[:, None, None] * (bright - settled)
        return image

    def _run(self, frames: torch.Tensor, index: int, t: torch.Tensor, cache: dict) -> torch.Tensor:
        from dsc_superres.networks import window

        return self.network(window(frames, self.times, self.summary, index), t, self.size, cache)


class _Pieces:
    """What is left to do: pieces of whole slices or tiles, told to whoever waits, and smaller where memory runs out."""

    def __init__(
        self,
        shape: tuple[int, int, int],
        size: tuple[int, int],
        tile: int,
        progress: Progress | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self._shape, self._size, self._tile = shape, size, tile
        self._progress, self._cancelled = progress, cancelled
        self._first, self._done, self._share = 0, 0.0, 0.0
        self.finished = False

    def pieces(self) -> Iterator[Piece]:
        """Those from the first slice on that is not done."""
        for piece in pieces(self._shape, self._size, self._tile, self._first):
            self._first = piece.slices.start
            voxels = math.prod(span.stop - span.start for span in (piece.slices, *piece.fine))
            self._share = voxels / (self._shape[0] * math.prod(self._size))
            yield piece
            self._done += self._share
        self.finished = True

    def steps(self, steps: list) -> Iterator:
        """The steps of one piece, with a report after each. Raises ``Cancelled``."""
        for count, step in enumerate(steps, 1):
            if self._cancelled is not None and self._cancelled():
                raise Cancelled
            yield step
            if self._progress is not None:
                self._progress(min(self._done + self._share * count / len(steps), 1.0), "reconstructing")

    def shrink(self) -> None:
        """Go on with tiles of half the size, from the slices that did not fit on. Raises ``ModelError``."""
        if self._tile // 2 <= 2 * HALO:
            raise ModelError("The device has not enough memory for even a small tile: choose the CPU instead.")
        self._tile //= 2
        self._done = self._first / self._shape[0]
