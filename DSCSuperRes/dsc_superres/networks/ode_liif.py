"""ODE-LIIF: oriented features, a bi-directional neural ODE in time, a local implicit image function in space.

After Lee et al., ISMRM 2024, abstract 0658. The abstract leaves some choices open; these are ours. The image is a
residual on back-projection with pchip in time, so that the network corrects an interpolator and can fall back on it.
Beside each frame, the encoder is given features of the series' temporal mean and standard deviation, which show the
anatomy at a far better signal-to-noise ratio. The direction depends on one more frame on either side of the pair. Where
there is no signal the residual is left out, so that air keeps the noise floor of a magnitude image.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from dsc_superres.networks.encoder import ResidualBlock, ResidualEncoder, convolution
from dsc_superres.networks.interpolation import Interpolator
from dsc_superres.networks.liif import LocalImplicitDecoder
from dsc_superres.networks.model import Model
from dsc_superres.networks.ode import VectorField, solve
from dsc_superres.networks.signal_region import signal_region_of
from dsc_superres.networks.window import ALWAYS, Window, cached, channels_last, in_bfloat16

SLOPE_GAIN = 4.0
"""Changes between frames are smaller than frames; brought to about the same size, they are learned as fast."""


class Fusion(nn.Module):
    """Both flows at time t -> one feature map: their linear mix plus a learned correction.

    The correction's features are multiplied by functions of t (``pace``, initially one), so that a curve over time
    can be learned as a product of a function of the place and one of the time, as in the decoder of positions.
    """

    def __init__(self, oriented: int, channels: int) -> None:
        super().__init__()
        self.mix = convolution(2 * oriented, channels)
        self.clock = nn.Linear(1, channels)
        self.pace = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, channels))
        self.keep = convolution(oriented, channels, 1)
        self.refine = ResidualBlock(channels)
        nn.init.zeros_(self.pace[2].weight)
        nn.init.ones_(self.pace[2].bias)

    def forward(self, forward: Tensor, backward: Tensor, t: Tensor) -> Tensor:
        """Features [b, c', h, w] of either flow and their time [1] -> [b, c, h, w]."""
        share = t[:, None, None, None]
        # For whole rows: a factor for one pixel would be applied pixel by pixel, three times as slowly.
        pace = channels_last(self.pace_at(t)[:, :, None, None].expand(-1, -1, 1, forward.shape[-1]))
        shift = self.mix.bias + self.clock(t)
        both = nn.functional.conv2d(torch.cat([forward, backward], 1), self.mix.weight, shift, padding=1)
        return self.refine(torch.addcmul(self.keep(torch.lerp(forward, backward, share)), torch.relu_(both), pace))

    def pace_at(self, t: Tensor) -> Tensor:
        """The factors of the correction's features at times [b]: [b, c]."""
        waves = [t, t * t, torch.sin(torch.pi * t), torch.cos(torch.pi * t), torch.sin(2 * torch.pi * t)]
        return self.pace(torch.stack(waves, 1))


class OdeLiif(Model):
    """The network. All options are keyword-only and are saved with the weights.

    channels, blocks      width of the features and depth of the anatomy encoder
    frame_blocks          depth of the per-frame encoder
    direction             channels of the direction d
    field                 hidden channels of the vector fields
    decoder               width of the implicit function
    solver, step, rtol, atol   how the ODE is solved (see ``ode.solve``); free to change after training
    """

    removes_initial_transient = True

    def __init__(
        self,
        *,
        channels: int = 48,
        blocks: int = 8,
        frame_blocks: int = 2,
        direction: int = 16,
        field: int = 32,
        decoder: int = 48,
        solver: str = "adams",
        step: float = 0.25,
        rtol: float = 1e-3,
        atol: float = 1e-4,
    ) -> None:
        super().__init__()
        oriented = channels + direction
        self.base = Interpolator(in_space="backprojection", in_time="pchip")
        self.anatomy = ResidualEncoder(2, channels, blocks)
        self.frame = ResidualEncoder(2 + channels, channels, frame_blocks)
        self.direction = nn.Sequential(
            convolution(7, 32), nn.ReLU(), convolution(32, 32), nn.ReLU(), convolution(32, direction)
        )
        self.forward_field = VectorField(oriented, field)
        self.backward_field = VectorField(oriented, field)
        self.fusion = Fusion(oriented, channels)
        self.decoder = LocalImplicitDecoder(channels, decoder)
        self.solving = {"method": solver, "step": step, "rtol": rtol, "atol": atol}

    def anatomy_features(self, summary: Tensor, cache: dict | None = None) -> Tensor:
        """Features of the anatomy, [b, channels, h, w], from the series' summary [b, 2, h, w]."""
        return self.anatomy(channels_last(summary))

    def encode(self, frame: Tensor, summary: Tensor, anatomy: Tensor) -> Tensor:
        """Z = E(I): one frame [b, h, w] with the series' summary [b, 2, h, w] and anatomy features [b, c, h, w]."""
        return self.frame(channels_last(self.frame_inputs(frame, summary, anatomy)))

    @staticmethod
    def frame_inputs(frame: Tensor, summary: Tensor, anatomy: Tensor) -> Tensor:
        """What the encoder of frames sees, [b, 2 + c, h, w]; arguments as for ``encode``."""
        change = frame - summary[:, 0]
        return torch.cat([frame[:, None] - 0.5, SLOPE_GAIN * change[:, None], anatomy], 1)

    def direction_of(self, window: Window) -> Tensor:
        """The direction d of a pair, [b, direction, h, w], from it, its neighbors and the series' summary."""
        frames = torch.stack([*window.pair, *(SLOPE_GAIN * slope for slope in window.slopes())], 1)
        return self.direction(channels_last(torch.cat([frames, window.summary], 1)))

    def flow(self, first: Tensor, second: Tensor, direction: Tensor, t: Tensor) -> Iterator[Tensor]:
        """Features of both frames and the direction -> fused features [b, c, h, w] at each of the times ``t`` [m].

        One time after the other, so that features stay in the processor's cache: a tenth less time in all.
        """
        starts = (channels_last(torch.cat([features, direction], 1)) for features in (first, second))
        forward = solve(self.forward_field, next(starts), t, begin=0.0, **self.solving)
        backward = solve(self.backward_field, next(starts), t, begin=1.0, **self.solving)
        for there, back, moment in zip(forward, backward, t.to(first), strict=True):
            yield self.fusion(channels_last(there), channels_last(back), moment[None])

    def forward(
        self, window: Window, t: Tensor, size: tuple[int, int], cache: dict | None = None, *, fast: bool = False
    ) -> Tensor:
        """As ``Model.forward``. ``cache`` keeps the encoded anatomy and frames, so that each is encoded once.

        A window may hold several pairs of one scene: its batch is then a whole multiple of the summary's.
        """
        image = self.base(window, t, size, cache)
        region = signal_region_of(window, size, cache)
        if region is None:
            return image
        with in_bfloat16(image, fast):
            residual = self.residual(window.crop(*region.coarse), t, region.size, cache)
        return image + region.embed(residual.float(), size)

    def residual(self, window: Window, t: Tensor, size: tuple[int, int], cache: dict | None) -> Tensor:
        """What the network adds to the interpolator: [b, m, H, W], or [b, m, outputs, H, W] of several outputs."""
        anatomy = cached(cache, ("anatomy", ALWAYS), lambda: self.anatomy_features(window.summary, cache))
        repeat = window.frames.shape[0] // window.summary.shape[0]
        window = replace(window, summary=window.summary.repeat_interleave(repeat, 0))
        anatomy = anatomy.repeat_interleave(repeat, 0)
        pair = [
            cached(cache, ("encoded", index), lambda frame=frame: self.encode(frame, window.summary, anatomy))
            for index, frame in zip((window.index, window.index + 1), window.pair, strict=True)
        ]
        return self.between(window, pair, t, size)

    def between(self, window: Window, pair: list[Tensor], t: Tensor, size: tuple[int, int]) -> Tensor:
        """Features of both frames, [b, c, h, w] each -> decoded images at the times ``t`` [m], stacked at axis 1."""
        fused = self.flow(*pair, self.direction_of(window), t)
        kernel = self.decoder.kernel_for(pair[0], size)
        return torch.stack([self.decoder(features, size, kernel) for features in fused], 1)
