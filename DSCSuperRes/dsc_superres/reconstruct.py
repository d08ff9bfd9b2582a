"""Series in, finer series out: any network, any spatial factor, any times, on whatever device there is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsc_superres.errors import Cancelled, ModelError, SeriesError
from dsc_superres.series import MISSING, Series

if TYPE_CHECKING:  # torch takes a second to import; who only asks for --help should not wait for it
    import torch

Progress = Callable[[float, str], None]
"""Called with the fraction done (0..1) and the stage in words."""

HALO = 24
"""Coarse pixels around a tile that the network sees but does not write; about its effective reach."""


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
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Series:
    """``series`` with pixels ``space`` times finer in plane and more frames, in the same patient space.

    The frame times are ``times`` (s, within the series), or every ``interval`` s from the first frame on, or else
    each interval divided by ``time``: n frames become ``time`` (n - 1) + 1, the input's among them.
    The field of view is kept to the edge; where ``space`` times the matrix is not whole it is rounded.
    ``model`` is a registered name, a .safetensors file, or a network. Slices (or tiles of at most ``tile`` coarse
    pixels a side) are worked on one group at a time, so working memory does not grow with the series.
    Raises ``SeriesError`` or ``ModelError`` with one sentence, and ``Cancelled`` when ``cancelled()`` says so.
    """
    import torch

    from dsc_superres.networks import create, load_model, summarise

    target = target_times(series, time=time, interval=interval, times=times)
    height, width = fine_size(series, space)
    network = load_model(model) if isinstance(model, str) else model
    where = torch.device(choose_device(device))
    offset, scale = normalisation(series.signal.mean(axis=0))
    if scale == 0:
        network, scale = create("backprojection"), 1.0
    network = network.eval().to(where, memory_format=torch.channels_last)
    slices = series.signal.shape[1]
    result = np.empty((target.size, slices, height, width), np.float32)
    steps = _schedule(series.times, target)
    pieces = list(_pieces(series.signal.shape[1:], (height, width), tile))
    clock = torch.tensor(series.times)
    done, total = 0, len(pieces) * len(steps)
    with torch.inference_mode():
        for piece in pieces:
            coarse = (np.asarray(series.signal[:, piece.slices, piece.seen_rows, piece.seen_columns]) - offset) / scale
            frames = torch.from_numpy(coarse).transpose(0, 1).contiguous().to(where)
            summary, cache = summarise(frames), {}
            for index, moments, output in steps:
                if cancelled is not None and cancelled():
                    raise Cancelled
                image = _run(network, frames, clock, summary, index, moments, piece.seen_size, cache)
                inner = image[..., piece.inner_rows, piece.inner_columns].cpu().numpy()
                result[output, piece.slices, piece.rows, piece.columns] = inner.transpose(1, 0, 2, 3)
                done += 1
                if progress is not None:
                    progress(done / total, "reconstructing")
    result *= scale
    result += offset
    if series.signal.min() >= 0:
        np.maximum(result, 0, out=result)  # a magnitude image has no negative voxels
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


def _run(network, frames, clock, summary, index, moments, size, cache):
    """Frames [b, m, H, W] of one pair."""
    import torch

    from dsc_superres.networks import window

    t = torch.from_numpy(moments).to(frames.device)
    return network(window(frames, clock, summary, index), t, size, cache)


@dataclass(frozen=True)
class _Piece:
    """A group of slices, or one tile of a slice: what is seen (coarse), and what is written (fine)."""

    slices: slice
    seen_rows: slice
    seen_columns: slice
    seen_size: tuple[int, int]
    inner_rows: slice
    inner_columns: slice
    rows: slice
    columns: slice


def _pieces(shape: tuple[int, int, int], size: tuple[int, int], tile: int) -> Iterator[_Piece]:
    slices, height, width = shape
    rows, columns = _spans(height, size[0], tile), _spans(width, size[1], tile)
    area = max(r[0].stop - r[0].start for r in rows) * max(c[0].stop - c[0].start for c in columns)
    group = max(1, tile * tile // (2 * area))
    for first in range(0, slices, group):
        for seen_rows, inner_rows, fine_rows in rows:
            for seen_columns, inner_columns, fine_columns in columns:
                seen = (seen_rows.stop - seen_rows.start, seen_columns.stop - seen_columns.start)
                yield _Piece(
                    slices=slice(first, min(first + group, slices)),
                    seen_rows=seen_rows,
                    seen_columns=seen_columns,
                    seen_size=(seen[0] * size[0] // height, seen[1] * size[1] // width),
                    inner_rows=inner_rows,
                    inner_columns=inner_columns,
                    rows=fine_rows,
                    columns=fine_columns,
                )


def _spans(coarse: int, fine: int, tile: int) -> list[tuple[slice, slice, slice]]:
    """One axis cut into tiles: (seen, on the coarse grid), (written, within what is seen), (written, on the fine grid).

    Cuts lie where a coarse and a fine pixel edge coincide; where there are too few of those the axis stays whole.
    """
    common = math.gcd(coarse, fine)
    unit_coarse, unit_fine = coarse // common, fine // common
    per_tile = max(1, (tile - 2 * HALO) // unit_coarse)
    halo = math.ceil(HALO / unit_coarse)
    if coarse <= tile or unit_coarse * (per_tile + 2 * halo) >= coarse:
        return [(slice(0, coarse), slice(0, fine), slice(0, fine))]
    spans = []
    for begin in range(0, common, per_tile):
        end = min(begin + per_tile, common)
        low, high = max(begin - halo, 0), min(end + halo, common)
        spans.append(
            (
                slice(low * unit_coarse, high * unit_coarse),
                slice((begin - low) * unit_fine, (end - low) * unit_fine),
                slice(begin * unit_fine, end * unit_fine),
            )
        )
    return spans
