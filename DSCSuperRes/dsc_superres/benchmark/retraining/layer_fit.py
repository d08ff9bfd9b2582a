"""Layers fitted to given values by linear least squares, and what of a layer's values is worth keeping."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

PORTION = 16
"""Images that are computed at once."""
FITTED_PIXELS = 100_000
RIDGE = 1e-4
"""Share of the inputs' variance that is added to it, so that inputs that hardly vary get small weights."""


def in_portions(call: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """``call`` of [b, ...], some images at a time: memory for all at once would be large."""
    return torch.cat([call(portion) for portion in inputs.split(PORTION)])


def fit_convolution(
    layer: nn.Conv2d, inputs: Tensor, target: Tensor, generator: torch.Generator, clock: Tensor | None = None
) -> Tensor | None:
    """Set weights and bias so that ``layer`` of inputs [b, c, h, w] is as near to target [b, c', h, w] as it can be.

    It is fitted to pixels chosen at random. Of a target that also depends linearly on a ``clock`` [b, 1], returns the
    rate [c', 1].
    """
    size = layer.kernel_size[0]
    count, channels, height, width = inputs.shape
    padded = nn.functional.pad(inputs, (size // 2,) * 4)
    left = right = 0.0
    for image in range(count):
        chosen = torch.randint(height * width, (max(1, FITTED_PIXELS // count),), generator=generator)
        y, x = chosen // width, chosen % width
        taps = [padded[image][:, y + down, x + along] for down in range(size) for along in range(size)]
        known = [torch.stack(taps, 1).flatten(0, 1).T, torch.ones(len(chosen), 1)]
        if clock is not None:
            known.append(clock[image].expand(len(chosen), 1))
        known = torch.cat(known, 1).double()
        left, right = left + known.T @ known, right + known.T @ target[image][:, y, x].T.double()
    diagonal = torch.diagonal(left)
    left = left + RIDGE * torch.diag(diagonal + 1e-6 * diagonal.mean())
    found = torch.linalg.solve(left, right).float().T
    taps = channels * size * size
    layer.weight.copy_(found[:, :taps].reshape(len(found), channels, size, size))
    layer.bias.copy_(found[:, taps])
    return found[:, taps + 1 :] if clock is not None else None


def projection(features: Tensor, readers: Sequence[Tensor], width: int) -> tuple[Tensor, Tensor]:
    """Matrices [width, c] and [c, width] to fewer features and back, for what layers make of features [b, c, h, w].

    Of all projections to ``width`` numbers, the outputs of the ``readers`` (weights [n, c, k, k]) change least: the
    truncated singular value decomposition of the readers times the root of the features' second moments.
    """
    values = features.movedim(1, 0).flatten(1).double()
    moments = values @ values.T / values.shape[1]
    power, axes = torch.linalg.eigh(moments)
    root = power.clamp(min=1e-6 * float(power.max())).sqrt()
    weights = torch.cat([reader.movedim(1, -1).flatten(0, 2) for reader in readers]).double()
    first = torch.linalg.svd(weights @ (axes * root) @ axes.T, full_matrices=False)[2][:width]
    scale = torch.diagonal(moments).mean().sqrt()  # so that what is projected is about as large as before
    return (scale * first @ (axes / root) @ axes.T).float(), ((axes * root) @ axes.T @ first.T / scale).float()


def project(matrix: Tensor, features: Tensor) -> Tensor:
    """[b, c, h, w] -> [b, c', h, w] by a matrix [c', c]."""
    return torch.einsum("kc,bchw->bkhw", matrix, features)


def keep_channels(features: Tensor, readers: Sequence[Tensor], width: int) -> Tensor:
    """The channels, int64[width] ascending, that matter most: standard deviation times the readers' weights."""
    spread = features.movedim(1, 0).flatten(1).std(1)
    weight = torch.cat([reader.movedim(1, 0).flatten(1) for reader in readers], 1).norm(dim=1)
    return torch.argsort(spread * weight, descending=True)[:width].sort().values
