"""The loss functions of training."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def loss(image: Tensor, target: Tensor, coarse: float = 0.0, linear_from: float = 0.02, border: int = 3) -> Tensor:
    """Charbonnier distance of the signal plus that of its logarithm, on which Delta R2* depends.

    Both are quadratic for small errors and linear for large ones, so that a few bright edges do not dominate: for the
    signal, an image of about 0..1, from ``linear_from`` on. ``coarse`` is the weight of the distance of 4 x 4 means,
    where detail averages out and the error in time is left.
    """
    inner = (..., slice(border, -border), slice(border, -border))
    image, target = image[inner], target[inner]
    error = image - target
    total = charbonnier(error, linear_from)
    ratio = torch.where(target > 0.1, error / target.clamp(min=0.1), 0)
    total = total + 0.3 * charbonnier(ratio, 2 * linear_from)
    if coarse:
        total = total + coarse * charbonnier(nn.functional.avg_pool2d(error, 4), linear_from / 2)
    return total * (linear_from / 0.02)  # small errors weigh the same wherever large ones begin


def gaussian_negative_log_likelihood(error: Tensor, uncertainty: Tensor, border: int = 3) -> Tensor:
    """Negative log-likelihood of errors under a normal distribution with this standard deviation, up to a constant.

    Capped at four standard deviations, so that a few unforeseeable places do not widen all others.
    """
    error, uncertainty = (x[..., border:-border, border:-border] for x in (error, uncertainty))
    return (uncertainty.log() + (error / uncertainty).square().clamp(max=16) / 2).mean()


def charbonnier(error: Tensor, scale: float) -> Tensor:
    return ((error / scale).square() + 1).sqrt().sub(1).mean() * scale
