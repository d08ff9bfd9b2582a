"""The input of a model: a pair of neighboring frames of a series, with one more on either side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

ALWAYS = -1
"""Frame index of cache entries that belong to the whole series."""


@dataclass(frozen=True)
class Window:
    """Four consecutive coarse frames around a pair, and statistics of each pixel over the whole series.

    frames   float32[b, 4, h, w]: before the pair, the pair, after it; normalized signal
    times    float32[b, 4]: frame times on a clock that reads 0 and 1 at the pair; NaN if a frame is absent
             (the pair is the series' first or last), whose image then repeats its neighbor's
    summary  float32[b, 2, h, w]: mean and standard deviation of every pixel over the series' frames
    index    position of the pair's first frame in the series
    """

    frames: Tensor
    times: Tensor
    summary: Tensor
    index: int = 0

    @property
    def pair(self) -> tuple[Tensor, Tensor]:
        """Both frames of the pair, [b, h, w] each."""
        return self.frames[:, 1], self.frames[:, 2]

    def slopes(self) -> tuple[Tensor, Tensor, Tensor]:
        """Change of signal per unit of the pair's clock, before, within and after it; zero beside an absent frame."""
        before = torch.nan_to_num(1 / -self.times[:, 0])[:, None, None]
        after = torch.nan_to_num(1 / (self.times[:, 3] - 1))[:, None, None]
        frames = self.frames
        return (
            (frames[:, 1] - frames[:, 0]) * before,
            frames[:, 2] - frames[:, 1],
            (frames[:, 3] - frames[:, 2]) * after,
        )

    def crop(self, rows: slice, columns: slice) -> Window:
        """A part of the image, on the coarse grid."""
        return replace(self, frames=self.frames[..., rows, columns], summary=self.summary[..., rows, columns])


def summarize(frames: Tensor) -> Tensor:
    """[b, n, h, w] -> [b, 2, h, w]: mean and standard deviation over the frames."""
    return torch.stack([frames.mean(1), frames.std(1, correction=0)], 1)


def window(frames: Tensor, times: Tensor, summary: Tensor, index: int) -> Window:
    """The window of pair (``index``, ``index`` + 1) of a series: frames [b, n, h, w], times [n] in s."""
    count = frames.shape[1]
    around = torch.arange(index - 1, index + 3)
    absent = (around < 0) | (around >= count)
    around = around.clamp(0, count - 1)
    clock = (times[around] - times[index]) / (times[index + 1] - times[index])
    clock = torch.where(absent, torch.nan, clock).to(frames)
    return Window(frames[:, around], clock.expand(frames.shape[0], 4), summary, index)


def cached(cache: dict | None, key: tuple[str, int], make: Callable[[], Tensor]) -> Tensor:
    """Return the result of ``make``, computed once per ``key`` (name, frame index) if there is a cache."""
    if cache is None:
        return make()
    if key not in cache:
        cache[key] = make()
    return cache[key]


def drop_older(cache: dict | None, before: int) -> None:
    """Remove cache entries of frames earlier than ``before``, which are not needed again: pairs come in order."""
    for key in [key for key in cache or () if 0 <= key[1] < before]:
        del cache[key]


def channels_last(x: Tensor) -> Tensor:
    """``x`` in the memory layout in which convolutions are fastest."""
    return x.contiguous(memory_format=torch.channels_last)


def in_bfloat16(like: Tensor, fast: bool) -> torch.autocast:
    """A context that computes in bfloat16 where ``fast`` is set, or autocast is enabled around it (in training)."""
    device = like.device.type
    return torch.autocast(device, torch.bfloat16, enabled=fast or torch.is_autocast_enabled(device))
