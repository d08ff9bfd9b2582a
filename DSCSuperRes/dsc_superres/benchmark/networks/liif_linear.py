"""LIIF in space with linear interpolation in time: what the neural ODE must beat.

Encoder and decoder are those of ``ode_liif``: each acquired frame becomes a fine one, and the frames between are their
weighted means.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dsc_superres.networks.interpolation import linear_in_time
from dsc_superres.networks.ode_liif import OdeLiif
from dsc_superres.networks.window import Window


class LiifLinear(OdeLiif):
    """The network: ``OdeLiif`` without direction, vector fields and fusion; ``blocks`` make up for their parameters."""

    def __init__(self, *, channels: int = 48, blocks: int = 12, frame_blocks: int = 2, decoder: int = 48) -> None:
        super().__init__(channels=channels, blocks=blocks, frame_blocks=frame_blocks, decoder=decoder)
        for part in ("direction", "forward_field", "backward_field", "fusion"):
            delattr(self, part)
        self.base.in_time = linear_in_time

    def between(self, window: Window, pair: list[Tensor], t: Tensor, size: tuple[int, int]) -> Tensor:
        """The residuals of both frames, [b, H, W], mixed at the times ``t`` [m]: [b, m, H, W]."""
        first, last = (self.decoder(features, size) for features in pair)
        return torch.lerp(first[:, None], last[:, None], t.to(first)[:, None, None])
