"""Neural ODEs that carry features in time: forward from one frame, backward from the next."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torchdiffeq import odeint

from dsc_superres.networks.encoder import convolution

FIXED_STEP = {"adams", "euler", "midpoint", "heun2", "heun3", "rk4"}
SECOND_ORDER = {"adams", "midpoint"}
"""Fixed-step methods for which a parabola is as accurate as their own steps."""
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
    method: str = "adams",
    step: float = 0.25,
    rtol: float = 1e-3,
    atol: float = 1e-4,
) -> list[Tensor]:
    """Carry ``start`` [b, c, h, w] from time ``begin`` (0 or 1) to all ``times`` [m], in one solve.

    Returns m states [b, c, h, w]; at ``begin`` itself that is ``start`` unchanged. ``times`` ascend within [0, 1].
    A fixed-step ``method`` takes steps of ``step`` whatever the times are, so that the state at one time does not
    depend on which others are asked for, with a cubic between; an adaptive one works to ``rtol`` and ``atol``.
    In the last step before the other frame, methods of second order take a parabola, which does not ask for the rate at
    that frame.
    ``adams`` is that of Adams and Bashforth of second order, which asks the field once per step; the others are those
    of torchdiffeq.
    """
    away = (times - begin).abs()
    if method in FIXED_STEP:
        return _on_grid(field, start, away, begin, method, step)
    order = torch.argsort(away)
    asked, place = torch.unique(torch.cat([away.new_zeros(1), away[order]]), return_inverse=True)
    clock = begin + asked * (1 - 2 * begin)
    states = _path(field, start, clock, method, rtol=rtol, atol=atol)[0] if asked.numel() > 1 else [start]
    return [states[k] for k in place[1:][torch.argsort(order)]]


def _path(
    field: Rate, start: Tensor, clock: Tensor, method: str, **tolerance: float
) -> tuple[list[Tensor], dict[int, Tensor]]:
    """States at every time of ``clock``, the first of which is ``start``'s, and what is known of their rates."""
    if method == "adams":
        return _adams(field, start, clock)
    if method == "midpoint":
        return _midpoint(field, start, clock)

    # The solver packs its results densely: with channels last from the start, they need no rearranging later.
    def rate(t: Tensor, state: Tensor) -> Tensor:
        return field(t, state.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

    packed = start.permute(0, 2, 3, 1).contiguous()
    return list(odeint(rate, packed, clock, method=method, **tolerance).permute(0, 1, 4, 2, 3)), {}


def _adams(field: Rate, start: Tensor, clock: Tensor) -> tuple[list[Tensor], dict[int, Tensor]]:
    """The two-step method of Adams and Bashforth on an even ``clock``; its first step is one by the midpoint."""
    states, rates = [start], {}
    for index, step in enumerate(clock.diff().tolist()):
        state, rate = states[-1], field(clock[index], states[-1])
        rates[index] = rate
        if index == 0:
            half = torch.add(state, rate, alpha=step / 2)
            reached = torch.add(state, field(clock[0] + step / 2, half), alpha=step)
        else:
            reached = torch.add(state, rate, alpha=1.5 * step).sub_(rates[index - 1], alpha=0.5 * step)
        states.append(reached)
    return states, rates


def _midpoint(field: Rate, start: Tensor, clock: Tensor) -> tuple[list[Tensor], dict[int, Tensor]]:
    """As torchdiffeq's ``midpoint``, without its copies and checks, a tenth of the time of a reconstruction."""
    states, rates = [start], {}
    for index, step in enumerate(clock.diff().tolist()):
        state, begin = states[-1], clock[index]
        rates[index] = field(begin, state)
        half = torch.add(state, rates[index], alpha=step / 2)
        states.append(torch.add(state, field(begin + step / 2, half), alpha=step))
    return states, rates


def _on_grid(field: Rate, start: Tensor, away: Tensor, begin: float, method: str, step: float) -> list[Tensor]:
    """States at the distances ``away`` [m] from ``begin``, by steps of ``step`` and a cubic between them."""
    direction = 1 - 2 * begin
    position = [float(a) / step for a in away]
    count = math.ceil(max(position) - ON_GRID)
    clock = begin + direction * step * torch.arange(count + 1, dtype=away.dtype, device=away.device)
    states, rates = _path(field, start, clock, method) if count else ([start], {})

    def slope(index: int) -> Tensor:
        if index not in rates:
            rates[index] = field(clock[index], states[index])
        return rates[index]

    last = math.ceil(1 / step - ON_GRID) - 1 if method in SECOND_ORDER else count
    reached = []
    for p in position:
        if abs(p - round(p)) < ON_GRID:
            reached.append(states[round(p)])
            continue
        k, h = math.floor(p), p - math.floor(p)
        if k >= last:
            reached.append(_parabola(states[k : k + 2], slope(k), h, direction * step))
            continue
        reached.append(_cubic(states[k : k + 2], (slope(k), slope(k + 1)), h, direction * step))
    return reached


def _parabola(ends: Sequence[Tensor], rate: Tensor, h: float, step: float) -> Tensor:
    """The state at the share ``h`` of a step, by the parabola through its ends with this rate at the first."""
    return torch.lerp(*ends, h * h).add_(rate, alpha=step * h * (1 - h))


def _cubic(ends: Sequence[Tensor], rates: Sequence[Tensor], h: float, step: float) -> Tensor:
    """The state at the share ``h`` of a step, by Hermite's cubic through the states and rates at its ends."""
    rise = h * h * (3 - 2 * h)
    state = torch.lerp(*ends, rise).add_(rates[0], alpha=step * h * (1 - h) ** 2)
    return state.add_(rates[1], alpha=-step * h * h * (1 - h))
