"""ODE-LIIF without one of its parts, to measure what that part contributes.

Each variant is trained and measured like the whole network (``benchmark/recipes``). ``PARTS`` states the plainest
possible substitute for each part.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from dsc_superres.networks.liif import LocalImplicitDecoder
from dsc_superres.networks.ode import solve
from dsc_superres.networks.ode_liif import OdeLiif
from dsc_superres.networks.window import Window

PARTS = {
    "direction": "the direction d: features of each frame alone enter the flows",
    "backward": "the backward flow: the forward one takes its place in the fusion",
    "ode": "the neural ODE: features of both frames stand still and are mixed by the fusion",
    "fusion": "the learned fusion: both flows are mixed linearly in time",
    "ensemble": "the local ensemble: the nearest latent pixel alone decides",
    "cell": "cell decoding: the decoder does not depend on the size of a query",
}
"""Parts that can be taken out, each with its substitute."""


class AblatedOdeLiif(OdeLiif):
    """``OdeLiif`` without the part named by ``without``, one of ``PARTS``; other options as for ``OdeLiif``."""

    def __init__(self, *, without: str, **options) -> None:
        if without not in PARTS:
            raise ValueError(f"'{without}' is not one of {', '.join(PARTS)}")
        super().__init__(**options)
        self.without, self.oriented = without, self.direction[-1].out_channels
        if without == "direction":
            self.direction = None
        if without in ("backward", "ode"):
            self.backward_field = None
        if without == "ode":
            self.forward_field = None
        if without == "fusion":
            self.fusion = LinearFusion(self.fusion.keep)
        if without in ("ensemble", "cell"):
            channels, hidden = self.decoder.branch[0].in_channels, self.decoder.branch[0].out_channels
            self.decoder = (NearestDecoder if without == "ensemble" else CellBlindDecoder)(channels, hidden)

    def direction_of(self, window: Window) -> Tensor:
        """The direction [b, direction, h, w], zero if it is left out."""
        if self.without != "direction":
            return super().direction_of(window)
        first = window.pair[0]
        return first.new_zeros(first.shape[0], self.oriented, *first.shape[-2:])

    def flow(self, first: Tensor, second: Tensor, direction: Tensor, t: Tensor) -> Iterator[Tensor]:
        """As ``OdeLiif.flow``."""
        direction = direction.to(first)  # features may be of half precision
        if self.without == "ode":
            there, back = (torch.cat([features, direction], 1) for features in (first, second))
            return (self.fusion(there, back, moment[None]) for moment in t.to(first))
        if self.without == "backward":
            return self._forward_alone(torch.cat([first, direction], 1), t)
        return super().flow(first, second, direction, t)

    def _forward_alone(self, start: Tensor, t: Tensor) -> Iterator[Tensor]:
        for there, moment in zip(solve(self.forward_field, start, t, begin=0.0, **self.solving), t, strict=True):
            yield self.fusion(there, there, moment.to(start)[None])


class LinearFusion(nn.Module):
    """Both flows mixed linearly at time t, in as many channels as the decoder takes."""

    def __init__(self, keep: nn.Module) -> None:
        super().__init__()
        self.keep = keep

    def forward(self, forward: Tensor, backward: Tensor, t: Tensor) -> Tensor:
        return self.keep(torch.lerp(forward, backward, t[:, None, None, None]))


class NearestDecoder(LocalImplicitDecoder):
    """The decoder without local ensemble: each query is answered by the latent pixel that it lies in."""

    @staticmethod
    def ensemble_weights(distance: Tensor) -> Tensor:
        return (distance < 0.5).to(distance)


class CellBlindDecoder(LocalImplicitDecoder):
    """The decoder with a constant in place of the size of a query."""

    def coordinates(self, down: Tensor, right: Tensor, cell: tuple[float, float]) -> Tensor:
        return super().coordinates(down, right, (0.5, 0.5))
