"""The local implicit image function: a continuous image from a grid of features (Chen, Liu and Wang 2021).

The image at a query point x is a weighted mean over the four latent cells around it; the weight of each is the area S
of the rectangle diagonally opposite to it:

    I(x) = sum_cells S / S_total * g(z, x - v, cell)

with z the cell's feature vector, v its center and ``cell`` the size of a query pixel in latent pixels. Where LIIF
concatenates all of these into one MLP, g is here the inner product of two: ``branch``, a convolutional one of the
features (LIIF's feature unfolding included), and ``trunk``, one of the coordinates. That spans the same functions,
learns the sub-pixel pattern sooner (in 300 steps a concatenating MLP gained nothing, this one 1 dB) and takes a
fraction of the operations: the branch runs on the latent grid, and at a whole factor the mean is a single convolution.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from dsc_superres.networks.encoder import convolution, draw_weights
from dsc_superres.networks.resampling import query_positions

GAIN = 0.05
"""Typical size of the residual that is learned, of an image of about 0..1, so that the weights are of order one."""


def neighbors(fine: int, coarse: int) -> list[tuple[Tensor, Tensor]]:
    """The two latent cells around every query along one axis: (index int64, offset), [fine] each.

    ``offset`` is query minus cell center in latent pixels. A cell beyond the edge has the features of the one at the
    edge.
    """
    position = query_positions(fine, coarse)
    sides = []
    for side in (0, 1):
        cell = np.floor(position).astype(int) + side
        offset = (position - cell).astype(np.float32)
        index = torch.from_numpy(np.clip(cell, 0, coarse - 1))
        sides.append((index, torch.from_numpy(offset)))
    return sides


def _with_edges(features: Tensor) -> Tensor:
    """[b, c, h, w] -> [b, c, h + 2, w + 2]: edges are held. ``nn.functional.pad`` takes several times as long."""
    batch, channels, height, width = features.shape
    padded = features.new_empty(batch, height + 2, width + 2, channels).permute(0, 3, 1, 2)
    padded[..., 1:-1, 1:-1] = features
    padded[..., 1:-1, 0], padded[..., 1:-1, -1] = features[..., 0], features[..., -1]
    padded[..., 0, :], padded[..., -1, :] = padded[..., 1, :], padded[..., -2, :]
    return padded


class LocalImplicitDecoder(nn.Module):
    """Features [b, channels, h, w] -> images [b, outputs, H, W] at any size (without that axis where it is one).

    ``hidden`` is the width of the inner product, of which each output has its own.
    """

    def __init__(self, channels: int, hidden: int, outputs: int = 1) -> None:
        super().__init__()
        self.outputs = outputs
        self.branch = nn.Sequential(convolution(channels, hidden), nn.ReLU(), convolution(hidden, hidden))
        self.trunk = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, hidden * outputs))
        for layer in (self.trunk[0], self.trunk[2]):
            draw_weights(layer.weight)
        with torch.no_grad():
            self.branch[2].weight.mul_(0.1)
        self.gain = GAIN / hidden**0.5

    def forward(self, latent: Tensor, size: tuple[int, int], kernel: Tensor | None = None) -> Tensor:
        """``kernel`` is that of ``kernel_for`` this size, where several latents are decoded."""
        features = self.branch(latent)
        if kernel is None:
            kernel = self.kernel_for(features, size)
        images = self._any_factor(features, size) if kernel is None else self._whole_factor(features, size, kernel)
        return self.gain * (images[:, 0] if self.outputs == 1 else images)

    @staticmethod
    def ensemble_weights(distance: Tensor) -> Tensor:
        """Weight along one axis of a cell whose center is at that ``distance`` (latent pixels).

        It is the distance to the other cell, so that the product over both axes is the area of the rectangle
        diagonally opposite, and the four weights sum to one.
        """
        return (1 - distance).clamp(min=0)

    def coordinates(self, down: Tensor, right: Tensor, cell: tuple[float, float]) -> Tensor:
        """The trunk at every pair of offsets (latent pixels): [rows], [columns] -> [rows, columns, width]."""
        down, right = torch.meshgrid(down, right, indexing="ij")
        sin_y, cos_y, sin_x, cos_x = (f(np.pi * axis) for axis in (down, right) for f in (torch.sin, torch.cos))
        waves = [sin_y, cos_y, sin_x, cos_x, 2 * sin_y * cos_y, 2 * sin_x * cos_x, sin_y * sin_x, cos_y * cos_x]
        sizes = [torch.full_like(down, length) for length in cell]
        return self.trunk(torch.stack([down, right, *waves, *sizes], -1))

    def kernel_for(self, features: Tensor, size: tuple[int, int]) -> Tensor | None:
        """At a whole factor, the weighted mean as one 3 x 3 convolution of features like these; None at others.

        The offsets of queries are then the same in every latent pixel.
        """
        if size[0] % features.shape[-2] or size[1] % features.shape[-1]:
            return None
        down, right = size[0] // features.shape[-2], size[1] // features.shape[-1]
        taps = torch.tensor([-1.0, 0.0, 1.0])
        offsets, weights = [], []
        for factor in (down, right):
            position = (torch.arange(factor) + 0.5) / factor - 0.5
            offset = (position[:, None] - taps).flatten()
            offsets.append(offset.to(features))
            weights.append(self.ensemble_weights(offset.abs()).to(features))
        table = self.coordinates(*offsets, (1 / down, 1 / right)) * torch.outer(*weights)[..., None]
        # [phase row, tap row, phase column, tap column, output, hidden] -> [output and phase, hidden, tap row, column]
        return table.view(down, 3, right, 3, self.outputs, -1).permute(4, 0, 2, 5, 1, 3).flatten(0, 2)

    def _whole_factor(self, features: Tensor, size: tuple[int, int], kernel: Tensor) -> Tensor:
        phases = nn.functional.conv2d(_with_edges(features), kernel)
        batch, _, height, width = phases.shape
        down, right = size[0] // height, size[1] // width
        phases = phases.view(batch, self.outputs, down, right, height, width).permute(0, 1, 4, 2, 5, 3)
        return phases.reshape(batch, self.outputs, height * down, width * right)

    def _any_factor(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        height, width = features.shape[-2:]
        cell = (height / size[0], width / size[1])
        cells = features.permute(0, 2, 3, 1)
        image = 0.0
        for row, down in neighbors(size[0], height):
            rows = cells.index_select(1, row.to(features.device))
            for column, right in neighbors(size[1], width):
                query = rows.index_select(2, column.to(features.device))
                trunk = self.coordinates(down.to(features), right.to(features), cell)
                share = torch.outer(self.ensemble_weights(down.abs()), self.ensemble_weights(right.abs())).to(features)
                trunk = trunk.unflatten(-1, (self.outputs, -1))
                image = image + share * torch.einsum("byxc,yxoc->boyx", query, trunk)
        return image
