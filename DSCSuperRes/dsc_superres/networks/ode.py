"""The bi-directional neural ODE: oriented features carried forward from one frame and back from the next."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torchdiffeq import odeint

from dsc_superres.networks.encoder import convolution

FIXED_STEP = {"euler", "midpoint", "heun2", "heun3", "rk4"}


class VectorField(nn.Module):
    """dZ/dt = f(Z, t): two convolutions, smooth in state and time. Starts as zero: features stay put."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.inward = convolution(channels, hidden)
        self.clock = nn.Linear(1, hidden)
        self.outward = convolution(hidden, channels)
        nn.init.zeros_(self.outward.weight)
        nn.init.zeros_(self.outward.bias)

    def forward(self, t: Tensor, state: Tensor) -> Tensor:
        moment = self.clock(t.reshape(1, 1).to(state))
        return self.outward(nn.functional.silu(self.inward(state) + moment[:, :, None, None]))


def _grid(step: float):
    """A grid constructor that hits every requested time and never steps further than ``step``."""

    def construct(func, y0: Tensor, t: Tensor) -> Tensor:
        pieces = [t[:1]]
        for begin, end in itertools.pairwise(t):
            count = max(1, math.ceil(float((end - begin).abs()) / step - 1e-6))
            pieces.append(torch.linspace(float(begin), float(end), count + 1, dtype=t.dtype, device=t.device)[1:])
        return torch.cat(pieces)

    return construct


def solve(
    field: nn.Module,
    start: Tensor,
    times: Tensor,
    *,
    begin: float,
    method: str = "midpoint",
    step: float = 0.5,
    rtol: float = 1e-3,
    atol: float = 1e-4,
) -> Tensor:
    """Carry ``start`` [b, c, h, w] from time ``begin`` (0 or 1) to all ``times`` [m], in one solve.

    Returns [m, b, c, h, w]; at ``begin`` itself that is ``start`` unchanged. ``times`` ascend within [0, 1].
    Fixed-step ``method`` of torchdiffeq: no step longer than ``step``; adaptive one: to ``rtol`` and ``atol``.
    """
    origin = torch.full((1,), begin, dtype=times.dtype, device=times.device)
    ordered = times if begin == 0 else times.flip(0)
    away = ordered[(ordered - begin).abs() > 1e-6]
    if away.numel() == 0:
        return start.expand(times.numel(), *start.shape)
    options = {"grid_constructor": _grid(step)} if method in FIXED_STEP else None
    path = odeint(field, start, torch.cat([origin, away]), method=method, rtol=rtol, atol=atol, options=options)
    states = [start] * (times.numel() - away.numel()) + list(path[1:])
    return torch.stack(states if begin == 0 else states[::-1])
