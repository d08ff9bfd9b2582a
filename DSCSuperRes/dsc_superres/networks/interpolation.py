"""Classic interpolators with the interface of the networks, which correct them and are compared with them."""

from __future__ import annotations

import torch
from torch import Tensor

from dsc_superres.networks.model import Model
from dsc_superres.networks.resampling import back_project, upsample
from dsc_superres.networks.window import Window, cached, drop_older


def linear_in_time(frames: Tensor, window: Window, t: Tensor) -> Tensor:
    """Linear interpolation between the pair: frames [b, 4, H, W] at the times ``t`` [m] -> [b, m, H, W]."""
    return _combine(frames[:, 1:3], torch.stack([1 - t, t], 1))


def cubic_in_time(frames: Tensor, window: Window, t: Tensor) -> Tensor:
    """Cubic Hermite curve with the parabola's slope through three frames (Catmull-Rom on uniform times)."""
    before, within, after, step_before, step_after = _differences(frames, window)
    start = (before + within * step_before) / (1 + step_before)
    stop = (after + within * step_after) / (1 + step_after)
    return _hermite(frames, torch.where(step_before > 0, start, within), torch.where(step_after > 0, stop, within), t)


def pchip_in_time(frames: Tensor, window: Window, t: Tensor) -> Tensor:
    """Monotone cubic Hermite curve (Fritsch and Butland 1984; the same slopes as scipy's PchipInterpolator)."""
    before, within, after, step_before, step_after = _differences(frames, window)
    inner_start = _harmonic_slope(before, within, step_before, torch.ones_like(step_before))
    inner_stop = _harmonic_slope(within, after, torch.ones_like(step_after), step_after)
    start = torch.where(step_before > 0, inner_start, _end_slope(within, after, step_after))
    stop = torch.where(step_after > 0, inner_stop, _end_slope(within, before, step_before))
    return _hermite(frames, start, stop, t)


def _combine(parts: Tensor, weights: Tensor) -> Tensor:
    """Sums of the images [b, k, H, W] with weights [m, k]: [b, m, H, W], one matrix product."""
    return (weights.to(parts) @ parts.flatten(2)).unflatten(2, parts.shape[2:])


def _differences(frames: Tensor, window: Window) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Slopes before, within and after the pair and the steps on either side (0 if there is no frame)."""
    step_before = torch.nan_to_num(-window.times[:, 0])[:, None, None].to(frames)
    step_after = torch.nan_to_num(window.times[:, 3] - 1)[:, None, None].to(frames)
    before = (frames[:, 1] - frames[:, 0]) / step_before.clamp(min=1e-6) * (step_before > 0)
    after = (frames[:, 3] - frames[:, 2]) / step_after.clamp(min=1e-6) * (step_after > 0)
    return before, frames[:, 2] - frames[:, 1], after, step_before, step_after


def _harmonic_slope(left: Tensor, right: Tensor, step_left: Tensor, step_right: Tensor) -> Tensor:
    """Slope between two intervals: weighted harmonic mean, zero at an extremum."""
    weight_left, weight_right = 2 * step_right + step_left, step_right + 2 * step_left
    same = left * right > 0
    safe_left, safe_right = torch.where(same, left, 1), torch.where(same, right, 1)
    slope = (weight_left + weight_right) / (weight_left / safe_left + weight_right / safe_right)
    return torch.where(same, slope, 0)


def _end_slope(near: Tensor, far: Tensor, step_far: Tensor) -> Tensor:
    """One-sided, shape-preserving slope at the end of a series (pair interval 1, then ``step_far``)."""
    slope = ((2 + step_far) * near - far) / (1 + step_far)
    slope = torch.where(slope * near <= 0, torch.zeros_like(slope), slope)
    slope = torch.where((near * far < 0) & (slope.abs() > 3 * near.abs()), 3 * near, slope)
    return torch.where(step_far > 0, slope, near)


def _hermite(frames: Tensor, start: Tensor, stop: Tensor, t: Tensor) -> Tensor:
    rise = t * t * (3 - 2 * t)
    weights = torch.stack([1 - rise, rise, t * (1 - t) ** 2, -t * t * (1 - t)], 1)
    return _combine(torch.stack([frames[:, 1], frames[:, 2], start, stop], 1), weights)


class Interpolator(Model):
    """A spatial and a temporal rule without parameters.

    in_space   "linear", "cubic" or "backprojection"
    in_time    "linear", "cubic" or "pchip"
    """

    def __init__(self, *, in_space: str, in_time: str) -> None:
        super().__init__()
        self.in_space = in_space
        self.in_time = {"linear": linear_in_time, "cubic": cubic_in_time, "pchip": pchip_in_time}[in_time]

    def forward(
        self, window: Window, t: Tensor, size: tuple[int, int], cache: dict | None = None, *, fast: bool = False
    ) -> Tensor:
        """As ``Model.forward``. ``cache`` keeps the fine frames; ``fast`` changes nothing."""
        fine = []
        with torch.autocast(t.device.type, enabled=False):  # bfloat16 would be visible and saves no time here
            for place in range(4):
                index = max(window.index - 1 + place, 0)  # before the first frame, the window repeats it
                fine.append(cached(cache, ("fine", index), lambda k=place: self.refine(window.frames[:, k], size)))
            drop_older(cache, window.index)
            return self.in_time(torch.stack(fine, 1), window, t)

    def refine(self, frame: Tensor, size: tuple[int, int]) -> Tensor:
        """One frame, [b, h, w], on the fine grid: [b, H, W]."""
        if self.in_space == "backprojection":
            return back_project(frame, size)
        return upsample(frame, size, self.in_space)
