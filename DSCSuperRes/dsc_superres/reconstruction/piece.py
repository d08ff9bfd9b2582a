"""A model applied to one piece of a series, and the initial transient that it is spared."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from dsc_superres.networks import Model, summarize, window
from dsc_superres.networks.window import ALWAYS
from dsc_superres.reconstruction.initial_transient import remaining_excess

LEAST_SIGNAL_FOR_FACTOR = 0.1
"""Normalized signal below which a factor between two images is not used."""


class PieceModel:
    """Computes the frames of one piece between its acquired ones.

    model         on the device of ``frames``
    frames        float32[b, n, h, w], normalized
    times         float64[n], s
    size          rows and columns of the result
    transient     whether the first frame is to be treated as one before steady state
    uncertainty   whether the standard deviation of the error is wanted too
    fast          whether to compute in bfloat16 where possible
    """

    def __init__(
        self,
        model: Model,
        frames: torch.Tensor,
        times: np.ndarray,
        size: tuple[int, int],
        *,
        transient: bool = False,
        uncertainty: bool = False,
        fast: bool = False,
    ) -> None:
        self._model, self._times, self._size = model, torch.tensor(times), size
        self._transient, self._uncertainty, self._fast = transient, uncertainty, fast
        self._acquired = frames
        self._frames = torch.cat([frames[:, 1:2], frames[:, 1:]], 1) if transient else frames
        self._summary = summarize(self._frames)
        self._cache: dict = {}

    def between(self, pair: int, moments: np.ndarray) -> torch.Tensor:
        """float32[k, b, m, H, W]: frames at ``moments`` [m] (0..1) between frame ``pair`` and the next.

        k is 1, or 2 with the standard deviation of their error.
        """
        t = torch.from_numpy(moments).to(self._frames)
        images = self._apply(
            self._model.with_uncertainty if self._uncertainty else self._model, self._frames, pair, t, self._cache
        )
        if self._transient and pair == 0:
            remaining = remaining_excess(moments * float(self._times[1] - self._times[0]))
            images[0] += torch.from_numpy(remaining).to(t)[:, None, None] * self._excess(t[:1] * 0)
        return images

    def _excess(self, t: torch.Tensor) -> torch.Tensor:
        """float32[b, 1, H, W]: the first frame as acquired minus the same in steady state."""
        of_series = {key: value for key, value in self._cache.items() if key[1] == ALWAYS}
        model = self._model
        reference = model.base if model.transient_is_factor else model
        acquired, steady = (
            self._apply(reference, frames, 0, t, dict(of_series))[0] for frames in (self._acquired, self._frames)
        )
        if not model.transient_is_factor:
            return acquired - steady
        # Detail that was learned for a bolus does not fit this change, which is a factor of the still image.
        fine = self._apply(model, self._frames, 0, t, dict(of_series))[0]
        factor = (acquired - steady) / steady.clamp(min=LEAST_SIGNAL_FOR_FACTOR)
        return torch.where(steady > LEAST_SIGNAL_FOR_FACTOR, fine * factor, acquired - steady)

    def _apply(self, call: Callable, frames: torch.Tensor, pair: int, t: torch.Tensor, cache: dict) -> torch.Tensor:
        """The result of ``call`` on the window of ``pair``, float32[k, b, m, H, W]."""
        around = window(frames, self._times, self._summary, pair)
        images = call(around, t, self._size, cache, fast=self._fast)
        return torch.stack(images) if isinstance(images, tuple) else images[None]
