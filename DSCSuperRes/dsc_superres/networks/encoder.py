"""Convolutional feature extractors."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def draw_weights(weight: Tensor) -> None:
    """Draw initial weights that keep the variance of rectified inputs (He et al. 2015), in place.

    Weights without memory stay as they are: torch would import its compiler, which takes seconds, to draw none.
    """
    if not weight.is_meta:
        nn.init.kaiming_normal_(weight, nonlinearity="relu")


def convolution(inputs: int, outputs: int, size: int = 3) -> nn.Conv2d:
    """A convolution whose initial weights keep the variance of rectified inputs (He et al. 2015)."""
    layer = nn.Conv2d(inputs, outputs, size, padding=size // 2)
    draw_weights(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class ResidualBlock(nn.Module):
    """Two convolutions beside an identity path, without normalization layers, which would change intensities."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = convolution(channels, channels)
        self.second = convolution(channels, channels)
        with torch.no_grad():
            self.second.weight.mul_(0.2)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(torch.relu_(self.first(x)))


class ResidualEncoder(nn.Module):
    """[b, inputs, h, w] -> [b, channels, h, w] through ``blocks`` residual blocks and a long skip (Lim et al. 2017)."""

    def __init__(self, inputs: int, channels: int, blocks: int) -> None:
        super().__init__()
        self.head = convolution(inputs, channels)
        self.body = nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)))

    def forward(self, x: Tensor) -> Tensor:
        head = self.head(x)
        return head + self.body(head)
