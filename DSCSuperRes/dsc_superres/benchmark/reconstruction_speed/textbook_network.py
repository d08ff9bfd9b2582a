"""The same network computed as a textbook would: oracles for the tests, and what the speed benchmark compares with."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from dsc_superres.networks import Window, summarize, window
from dsc_superres.networks.liif import LocalImplicitDecoder, neighbors
from dsc_superres.networks.ode_liif import OdeLiif
from dsc_superres.networks.signal_region import find_signal_region


class TextbookDecoder(nn.Module):
    """LIIF at every query: gather the unfolded features of four cells, append coordinates and cell, and run it all."""

    def __init__(self, decoder: LocalImplicitDecoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, latent: Tensor, size: tuple[int, int]) -> Tensor:
        """Features [b, c, h, w] -> image [b, H, W]."""
        first, _, second = self.decoder.branch
        hidden = torch.relu(first(latent))
        unfolded = nn.functional.unfold(hidden, 3, padding=1).unflatten(2, hidden.shape[-2:]).permute(0, 2, 3, 1)
        weight, bias = second.weight.flatten(1), second.bias
        cell = (latent.shape[-2] / size[0], latent.shape[-1] / size[1])
        image = latent.new_zeros(latent.shape[0], *size)
        rows, columns = (
            [[part.to(latent.device) for part in side] for side in neighbors(fine, coarse)]
            for fine, coarse in zip(size, latent.shape[-2:], strict=True)
        )
        for row, down in rows:
            for column, right in columns:
                query = unfolded[:, row][:, :, column]
                trunk = self.decoder.coordinates(down, right, cell)
                value = (nn.functional.linear(query, weight, bias) * trunk).sum(-1)
                image += torch.outer(*map(self.decoder.ensemble_weights, (down.abs(), right.abs()))) * value
        return self.decoder.gain * image


def textbook_frames(
    network: OdeLiif, frames: Tensor, times: Tensor, t: Tensor, size: tuple[int, int]
) -> Iterator[Tensor]:
    """Image [b, H, W] by image: every pair and every time on its own, nothing kept, the whole field of view."""
    summary = summarize(frames)
    region = find_signal_region(summary[:, :1], size)
    share = frames.new_zeros(frames.shape[0], 1, *size)
    share[(..., *region.fine)] = region.share
    decode = TextbookDecoder(network.decoder)
    for index in range(frames.shape[1] - 1):
        seen = window(frames, times, summary, index)
        for moment in t[None].T:
            yield (network.base(seen, moment, size) + share * _residual(network, decode, seen, moment, size)[:, None])[
                :, 0
            ]


def _residual(network: OdeLiif, decode: nn.Module, seen: Window, t: Tensor, size: tuple[int, int]) -> Tensor:
    anatomy = network.anatomy(seen.summary)
    pair = [network.encode(frame, seen.summary, anatomy) for frame in seen.pair]
    return decode(next(network.flow(*pair, network.direction_of(seen), t)), size)
