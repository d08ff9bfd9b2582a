"""ODE-LIIF plus that knows what kinetics makes of its series: as its base in time, as a further input, or both.

``networks.kinetic`` says, for every coarse pixel and moment, what it adds to pchip, how uncertain that is, and how far
the pixel follows kinetics at all. As *base* the first is added to the interpolation that the network corrects. As
*inputs* all three pass two convolutions, the last of which is initially zero, and are added to the fused features of
that moment, so that the network itself decides what to take over.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dsc_superres.networks.encoder import convolution
from dsc_superres.networks.kinetic import KineticInterpolator
from dsc_superres.networks.ode_liif_plus import OdeLiifPlus
from dsc_superres.networks.resampling import back_project
from dsc_superres.networks.signal_region import SignalRegion, signal_region_of
from dsc_superres.networks.window import ALWAYS, Window, in_bfloat16
from dsc_superres.series import Series
from dsc_superres.utils.progress import IsCancelled, never

GAIN = 20.0
"""What kinetics adds, and its uncertainty, are small beside an image of about 0..1."""
HIDDEN = 16
"""Channels between the two convolutions of the inputs."""


@dataclass(frozen=True, eq=False)
class Kinetics:
    """What kinetics says of a window: added, uncertainty [b, m, h, w], normalized signal; share [b, h, w], 0 to 1."""

    added: Tensor
    uncertainty: Tensor
    share: Tensor


class OdeLiifOnKinetics(OdeLiifPlus):
    """The network: options are those of ``OdeLiifPlus``, ``kinetic_base`` and ``kinetic_inputs``."""

    def __init__(self, *, kinetic_base: bool, kinetic_inputs: bool, **options) -> None:
        super().__init__(**options)
        self.kinetic_base, self.inputs = kinetic_base, None
        if kinetic_inputs:
            self.inputs = nn.Sequential(
                convolution(3, HIDDEN), nn.ReLU(), convolution(HIDDEN, self.anatomy.out_channels)
            )
            nn.init.zeros_(self.inputs[2].weight)
        self.interpolator: KineticInterpolator | None = None
        self.known: Kinetics | None = None
        self._seen: Tensor | None = None

    def for_series(
        self,
        series: Series,
        offset: float,
        scale: float,
        transient: bool,
        uncertainty: bool = False,
        cancelled: IsCancelled = never,
    ) -> OdeLiifOnKinetics:
        """As ``Model.for_series``."""
        found = copy(self)
        found.interpolator = KineticInterpolator().for_series(series, offset, scale, transient, True, cancelled)
        found.notes = found.interpolator.notes
        return found

    def for_piece(self, slices: slice, rows: slice, columns: slice) -> OdeLiifOnKinetics:
        """As ``Model.for_piece``."""
        found = copy(self)
        if self.interpolator is not None:
            found.interpolator = self.interpolator.for_piece(slices, rows, columns)
        return found

    def _both(
        self, window: Window, t: Tensor, size: tuple[int, int], cache: dict | None, fast: bool
    ) -> tuple[Tensor, Tensor | None, SignalRegion | None]:
        cache = {} if cache is None else cache
        region = signal_region_of(window, size, cache)
        image = self.detail.frames(window, t, size, cache, region, fast=fast)
        if region is None:
            return image, None, None
        known = self.known or Kinetics(*(self.interpolator or KineticInterpolator()).knowledge(window, t))
        if self.kinetic_base:
            share = cache["detail", ALWAYS][2]  # detail that changes as the base does
            image = image + (1 + share.repeat_interleave(len(image) // len(share), 0)) * back_project(known.added, size)
        held = known.share[:, None].expand_as(known.added)
        seen = torch.stack([GAIN * known.added, GAIN * known.uncertainty, held], 2)
        self._seen = seen[(..., *region.coarse)]
        with in_bfloat16(image, fast):
            residual, log_sd = self.residual(window.crop(*region.coarse), t, region.size, cache).unbind(2)
        return image + region.embed(residual.float(), size), log_sd, region

    def between(self, window: Window, pair: list[Tensor], t: Tensor, size: tuple[int, int]) -> Tensor:
        """As ``OdeLiif.between``."""
        kernel = self.decoder.kernel_for(pair[0], size)
        found = []
        for index, features in enumerate(self.flow(*pair, self.direction_of(window), t)):
            added = 0 if self.inputs is None else self.inputs(self._seen[:, index])
            found.append(self.decoder(features + added, size, kernel))
        return torch.stack(found, 1)
