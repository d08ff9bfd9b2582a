"""The local implicit image function: a continuous image out of a grid of features (Chen, Liu and Wang 2021)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from dsc_superres.networks.encoder import convolution
from dsc_superres.networks.sampling import query_positions


def neighbours(fine: int, coarse: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Both latent cells around every query along one axis: (index int64, offset, weight), [fine] each.

    ``offset`` is query minus cell centre in latent pixels. ``weight`` is the distance to the *other* cell, so the
    product over both axes is the area of the rectangle diagonally opposite, and the four weights sum to one.
    Beyond the outermost centres the cell at the edge stands for the one that is missing.
    """
    position = query_positions(fine, coarse)
    first = np.floor(position).astype(int)
    sides = []
    for side in (0, 1):
        index = np.clip(first + side, 0, coarse - 1)
        weight = 1 - np.abs(position - (first + side))
        sides.append(
            (
                torch.from_numpy(index),
                torch.from_numpy((position - index).astype(np.float32)),
                torch.from_numpy(weight.astype(np.float32)),
            )
        )
    return sides


class LocalImplicitDecoder(nn.Module):
    """Features [b, c, h, w] -> image [b, H, W] at any size.

    The MLP g(z, x_q - v, cell) votes once from each of the four cells around a query. Its first layer is linear in
    its parts, so the feature part runs once on the latent grid (as a convolution: LIIF's feature unfolding) and the
    coordinate part once per row and column; its last layer is linear too and acts once on the weighted sum of votes.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.features = convolution(channels, hidden)
        self.coordinates = nn.Linear(4, hidden, bias=False)
        self.hidden = nn.Linear(hidden, hidden)
        self.output = nn.Linear(hidden, 1)
        with torch.no_grad():
            self.output.weight.mul_(0.1)
            self.output.bias.zero_()

    def forward(self, latent: Tensor, size: tuple[int, int]) -> Tensor:
        height, width = latent.shape[-2:]
        features = self.features(latent).permute(0, 2, 3, 1)
        weight = self.coordinates.weight.T
        cell = weight[2] * (height / size[0]) + weight[3] * (width / size[1])
        votes = 0.0
        for row, down, row_weight in neighbours(size[0], height):
            rows = features.index_select(1, row.to(latent.device))
            rows = rows + (down.to(latent)[:, None] * weight[0])[:, None, :] + cell
            for column, right, column_weight in neighbours(size[1], width):
                query = rows.index_select(2, column.to(latent.device)) + right.to(latent)[:, None] * weight[1]
                vote = torch.relu(self.hidden(torch.relu(query)))
                share = row_weight[:, None] * column_weight[None, :]
                votes = votes + vote * share.to(latent)[..., None]
        return self.output(votes)[..., 0]
