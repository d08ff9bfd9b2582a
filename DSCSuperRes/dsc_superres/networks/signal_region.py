"""The part of an image that holds signal: outside the head there is nothing to compute."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dsc_superres.models import AIR_MARGIN, AIR_SIGNAL
from dsc_superres.networks.window import ALWAYS, Window, cached

TISSUE_SIGNAL = 0.08
"""Normalized signal from which a pixel is tissue."""


@dataclass(frozen=True)
class SignalRegion:
    """The box of an image that holds all of its signal, with a margin.

    share    [b, 1, H', W'] in the box, fine grid: 0 in air, 1 where there is signal within a coarse pixel
    coarse   rows and columns of the box on the coarse grid
    fine     the same on the fine grid; both begin and end where edges of coarse and fine pixels coincide
    """

    share: Tensor
    coarse: tuple[slice, slice]
    fine: tuple[slice, slice]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the box on the fine grid."""
        return tuple(self.share.shape[-2:])

    def embed(self, residual: Tensor, size: tuple[int, int]) -> Tensor:
        """Embed a residual in the box, [b, m, H', W'], into the whole image, [b, m, H, W]: zero in air."""
        masked = self.share.repeat_interleave(residual.shape[0] // self.share.shape[0], 0) * residual
        rows, columns = self.fine
        return nn.functional.pad(masked, (columns.start, size[1] - columns.stop, rows.start, size[0] - rows.stop))


def signal_region_of(window: Window, size: tuple[int, int], cache: dict | None) -> SignalRegion | None:
    """Return the signal region of a window's series; computed once per series if there is a cache."""
    return cached(cache, ("signal region", ALWAYS), lambda: find_signal_region(window.summary[:, :1], size))


def find_signal_region(mean: Tensor, size: tuple[int, int]) -> SignalRegion | None:
    """Return the signal region of a series with temporal mean [b, 1, h, w] for ``size`` (H, W); None if all is air."""
    near = nn.functional.max_pool2d(mean, 3, 1, 1)
    share = ((near - AIR_SIGNAL) / (TISSUE_SIGNAL - AIR_SIGNAL)).clamp(0, 1)
    signal = (share > 0).any(0).any(0)
    if not bool(signal.any()):
        return None
    spans = [_span(signal.any(1 - axis), signal.shape[axis], size[axis]) for axis in (0, 1)]
    (rows, fine_rows), (columns, fine_columns) = spans
    fine = nn.functional.interpolate(share, size=size, mode="bilinear", align_corners=False)
    return SignalRegion(fine[..., fine_rows, fine_columns], (rows, columns), (fine_rows, fine_columns))


def _span(signal: Tensor, coarse: int, fine: int) -> tuple[slice, slice]:
    """From the first to the last True of bool[coarse], with the margin, as slices of the coarse and the fine axis."""
    common = math.gcd(coarse, fine)
    unit = coarse // common
    where = torch.nonzero(signal).flatten()
    begin = max(int(where[0]) - AIR_MARGIN, 0) // unit
    end = min(-(-(int(where[-1]) + 1 + AIR_MARGIN) // unit), common)
    return slice(begin * unit, end * unit), slice(begin * (fine // common), end * (fine // common))
