"""VideoINR (Chen et al., CVPR 2022) for one gray-scale channel: the method that the abstract compares with.

From the paper's description: an encoder of both frames; a spatial implicit function that turns its features into ones
at any position; a temporal implicit function that predicts, from those and the time, a flow to either frame; the
continuous features and those of both frames, warped by their flows, are decoded into the image. What differs from the
paper: residual blocks instead of the deformable recurrent encoder, which is a large network by itself; normalized
features, whose growth in training would otherwise turn the phases of the sinusoidal layers; and the residual on
back-projection that ``OdeLiif`` also has, so that the two differ in their models and not in their starting points. The
published sinusoidal layers had learned nothing within 1,400 steps, so they can be replaced by ReLU.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn

from dsc_superres.networks.encoder import ResidualEncoder, convolution
from dsc_superres.networks.interpolation import Interpolator
from dsc_superres.networks.model import Model
from dsc_superres.networks.resampling import query_positions
from dsc_superres.networks.window import Window, cached

FREQUENCY = 30.0
"""The first layer's angular frequency (Sitzmann et al. 2020)."""

REACH = 1.2
"""Length of a flow of one in latent pixels, on images of any size."""


class Sine(nn.Module):
    """A linear layer followed by sin, started as Sitzmann et al. (2020) say."""

    def __init__(self, inputs: int, outputs: int, first: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.frequency = FREQUENCY if first else 1.0
        bound = 1 / inputs if first else math.sqrt(6 / inputs)
        nn.init.uniform_(self.linear.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        if self.frequency == 1:
            return torch.sin(self.linear(x))
        # Phases of up to some 30 radians would lose their fraction in half precision.
        with torch.autocast(x.device.type, enabled=False):
            return torch.sin(self.frequency * self.linear(x.float()))


class Rectified(nn.Module):
    """A linear layer followed by ReLU, in place of ``Sine``."""

    def __init__(self, inputs: int, outputs: int, first: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        nn.init.kaiming_normal_(self.linear.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.linear(x))


LAYERS = {"sine": Sine, "relu": Rectified}


def implicit(inputs: int, outputs: int, hidden: tuple[int, ...], activation: str, gain: float = 1.0) -> nn.Sequential:
    """A network of ``hidden`` widths with a linear end, whose outputs start at ``gain`` of the usual."""
    widths = (inputs, *hidden)
    layers = [LAYERS[activation](a, b, index == 0) for index, (a, b) in enumerate(itertools.pairwise(widths))]
    last = nn.Linear(widths[-1], outputs)
    with torch.no_grad():
        last.weight.mul_(gain)
    return nn.Sequential(*layers, last)


class VideoInr(Model):
    """The network; features keep the paper's 64 channels and its implicit functions their hidden widths.

    blocks       residual blocks of the encoder
    hidden       widths of the implicit functions' layers
    activation   of these: "sine", as published, or "relu"
    """

    removes_initial_transient = True

    def __init__(
        self,
        *,
        channels: int = 64,
        blocks: int = 5,
        hidden: tuple[int, ...] = (64, 64, 256),
        activation: str = "sine",
    ) -> None:
        super().__init__()
        self.base = Interpolator(in_space="backprojection", in_time="pchip")
        self.frame = ResidualEncoder(1, channels, blocks - 2)
        self.pair = ResidualEncoder(2 * channels, channels, 2)
        self.split = convolution(channels, 2 * channels)
        self.space = implicit(2 * channels + 4, channels, tuple(hidden), activation)
        self.time = implicit(channels + 1, 4, tuple(hidden), activation, gain=0.1)
        self.decode = implicit(4 * channels + 1, 1, (*hidden, hidden[-1]), activation, gain=0.1)

    def forward(
        self, window: Window, t: Tensor, size: tuple[int, int], cache: dict | None = None, *, fast: bool = False
    ) -> Tensor:
        """As ``Model.forward``; ``fast`` changes nothing."""
        encoded = [
            cached(cache, ("encoded", index), lambda frame=frame: self.frame(frame[:, None] - 0.5))
            for index, frame in zip((window.index, window.index + 1), window.pair, strict=True)
        ]
        joint = _normalized(self.split(self.pair(torch.cat(encoded, 1))))
        encoded = [_normalized(features) for features in encoded]
        fine = self.space(torch.cat([_nearest(joint, size), *_coordinates(joint, size)], -1))
        base = self.base(window, t, size, cache)
        # Warped beside each other: only the continuous features depend on the position within a latent pixel.
        ends = [torch.cat([fine, _nearest(features, size)], -1).permute(0, 3, 1, 2) for features in encoded]
        unit = torch.tensor([2 * REACH / length for length in joint.shape[:1:-1]]).to(fine)
        images = [self._image(fine, ends, moment, unit) for moment in t]
        return base + 0.05 * torch.stack(images, 1)

    def _image(self, fine: Tensor, ends: list[Tensor], t: Tensor, unit: Tensor) -> Tensor:
        moment = t.to(fine).expand(*fine.shape[:3], 1)
        flows = self.time(torch.cat([fine, moment], -1))
        warped = [
            _warp(end, unit * flow).permute(0, 2, 3, 1) for end, flow in zip(ends, flows.split(2, -1), strict=True)
        ]
        return self.decode(torch.cat([*warped, moment], -1))[..., 0]


def _normalized(features: Tensor) -> Tensor:
    """[b, c, h, w] with mean 0 and variance 1 over the channels of each place."""
    return nn.functional.layer_norm(features.movedim(1, -1), features.shape[1:2]).movedim(-1, 1)


def _nearest(features: Tensor, size: tuple[int, int]) -> Tensor:
    """[b, c, h, w] -> [b, H, W, c]: the features of the latent pixel that each query lies in."""
    rows, columns = (
        torch.from_numpy(query_positions(fine, coarse).round().clip(0, coarse - 1).astype(int)).to(features.device)
        for fine, coarse in zip(size, features.shape[-2:], strict=True)
    )
    return features.permute(0, 2, 3, 1).index_select(1, rows).index_select(2, columns)


def _coordinates(features: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """[b, H, W, 2] each: position within the latent pixel, -1 to 1, and the size of a query in latent pixels."""
    offsets = []
    for fine, coarse in zip(size, features.shape[-2:], strict=True):
        position = query_positions(fine, coarse)
        offsets.append(torch.from_numpy(2 * (position - position.round().clip(0, coarse - 1))).to(features))
    place = torch.stack(torch.meshgrid(*offsets, indexing="ij"), -1)
    cell = torch.tensor([features.shape[-2] / size[0], features.shape[-1] / size[1]]).to(features)
    shape = (features.shape[0], *place.shape)
    return place.expand(shape), cell.expand(shape)


def _warp(image: Tensor, flow: Tensor) -> Tensor:
    """[b, c, H, W] sampled at each position plus ``flow`` [b, H, W, 2] (right, down), in shares of half the image."""
    rows, columns = (torch.linspace(-1 + 1 / n, 1 - 1 / n, n).to(image) for n in image.shape[-2:])
    place = torch.stack(torch.meshgrid(rows, columns, indexing="ij")[::-1], -1)
    return nn.functional.grid_sample(image, place + flow, padding_mode="border", align_corners=False)
