"""Neural ODEs that carry features in time: forward from one frame, backward from the next."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torchdiffeq import odeint

from dsc_superres.networks.encoder import convolution

FIXED_STEP = {"euler", "midpoint", "heun2", "heun3", "rk4"}
ON_GRID = 1e-5
"""Distance from a grid time, in steps, up to which a time is taken as that grid time."""

Rate = Callable[[Tensor, Tensor], Tensor]


class VectorField(nn.Module):
    """dZ/dt = f(Z, t): two convolutions, smooth in state and time. Initially zero: features stay as they are."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.inward = convolution(channels, hidden)
        self.clock = nn.Linear(1, hidden)
        self.outward = convolution(hidden, channels)
        nn.init.zeros_(self.outward.weight)
        nn.init.zeros_(self.outward.bias)

    def forward(self, t: Tensor, state: Tensor) -> Tensor:
        shift = self.inward.bias + self.clock(t.reshape(1).to(state))
        hidden = nn.functional.conv2d(state, self.inward.weight, shift, padding=1)
        return self.outward(nn.functional.silu(hidden, inplace=not torch.is_grad_enabled()))


def solve(
    field: nn.Module,
    start: Tensor,
    times: Tensor,
    *,
    begin: float,
    method: str = "midpoint",
    step: float = 0.25,
    rtol: float = 1e-3,
    atol: float = 1e-4,
) -> list[Tensor]:
    """Carry ``start`` [b, c, h, w] from time ``begin`` (0 or 1) to all ``times`` [m], in one solve.

    Returns m states [b, c, h, w]; at ``begin`` itself that is ``start`` unchanged. ``times`` ascend within [0, 1].
    A fixed-step ``method`` takes steps of ``step`` whatever the times are, so that the state at one time does not
    depend on which others are asked for, with a cubic between; an adaptive one works to ``rtol`` and ``atol``.
    """
    away = (times - begin).abs()
    if method in FIXED_STEP:
        return _on_grid(field, start, away, begin, method, step)
    order = torch.argsort(away)
    asked, place = torch.unique(torch.cat([away.new_zeros(1), away[order]]), return_inverse=True)
    clock = begin + asked * (1 - 2 * begin)
    states = _path(field, start, clock, method, rtol=rtol, atol=atol) if asked.numel() > 1 else [start]
    return [states[k] for k in place[1:][torch.argsort(order)]]


def _path(field: Rate, start: Tensor, clock: Tensor, method: str, **tolerance: float) -> list[Tensor]:
    """States at every time of ``clock``, the first of which is ``start``'s."""
    if method == "midpoint":
        return _midpoint(field, start, clock)

    # The solver packs its results densely: with channels last from the start, they need no rearranging later.
    def rate(t: Tensor, state: Tensor) -> Tensor:
        return field(t, state.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

    packed = start.permute(0, 2, 3, 1).contiguous()
    return list(odeint(rate, packed, clock, method=method, **tolerance).permute(0, 1, 4, 2, 3))


def _midpoint(field: Rate, start: Tensor, clock: Tensor) -> list[Tensor]:
    """As torchdiffeq's ``midpoint``, without its copies and checks, a tenth of the time of a reconstruction."""
    states = [start]
    for begin, step in zip(clock, clock.diff().tolist(), strict=False):
        half = torch.add(states[-1], field(begin, states[-1]), alpha=step / 2)
        states.append(torch.add(states[-1], field(begin + step / 2, half), alpha=step))
    return states


def _on_grid(field: Rate, start: Tensor, away: Tensor, begin: float, method: str, step: float) -> list[Tensor]:
    """States at the distances ``away`` [m] from ``begin``, by steps of ``step`` and a cubic between them."""
    direction = 1 - 2 * begin
    position = [float(a) / step for a in away]
    count = math.ceil(max(position) - ON_GRID)
    clock = begin + direction * step * torch.arange(count + 1, dtype=away.dtype, device=away.device)
    states = _path(field, start, clock, method) if count else [start]
    slopes: dict[int, Tensor] = {}

    def slope(index: int) -> Tensor:
        if index not in slopes:
            slopes[index] = field(clock[index], states[index]) * (direction * step)
        return slopes[index]

    reached = []
    for p in position:
        if abs(p - round(p)) < ON_GRID:
            reached.append(states[round(p)])
            continue
        k, h = math.floor(p), p - math.floor(p)
        rise = h * h * (3 - 2 * h)
        ends = (1 - rise) * states[k] + rise * states[k + 1]
        reached.append(ends + h * (1 - h) ** 2 * slope(k) - h * h * (1 - h) * slope(k + 1))
    return reached
