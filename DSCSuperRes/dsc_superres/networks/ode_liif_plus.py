"""ODE-LIIF on top of static detail, with the standard deviation of its error.

``static_detail`` computes fine detail once per series with a deep network, at the signal-to-noise ratio of the mean
over all frames. The bi-directional ODE between two frames and its LIIF decoder, those of ``ode_liif``, add what
changes; the deep features of the anatomy replace a separate anatomy encoder. A second output of the decoder is the
standard deviation of the remaining error (Nix and Weigend 1994).
"""

from __future__ import annotations

import torch
from torch import Tensor

from dsc_superres.networks.encoder import convolution
from dsc_superres.networks.liif import GAIN, LocalImplicitDecoder
from dsc_superres.networks.ode_liif import OdeLiif
from dsc_superres.networks.resampling import upsample
from dsc_superres.networks.signal_region import SignalRegion, signal_region_of
from dsc_superres.networks.static_detail import StaticDetail
from dsc_superres.networks.window import ALWAYS, Window, cached, in_bfloat16

INITIAL_LOG_SD = -4.0
"""Logarithm of the standard deviation before training; the image is about 0..1."""
LEAST_LOG_SD = -7.0
GREATEST_LOG_SD = 0.0


COEFFICIENTS = {
    "level": -0.50,
    "edge": 0.21,
    "uncertainty": 0.33,
    "noise": 0.37,
    "same_pixels": -0.60,
    "other_factor": 0.22,
}
"""Coefficients of ``reconstruction.uncertainty_calibration`` for the shipped weights; other weights need others.

By quantile regression of the logarithm of errors (pinball losses at 68.27 % and, with weight 0.7, at 95 %) against the
noise-free signal in the brain, after the first interval. Fitted at 2 x 2 x 4 on eight training patients (seeds 1000 to
1007, the middle slice), ten real EPI images of five vendors with a simulated bolus and noise (signal-to-noise 35 to
120) and ten patients of another generator; with a tenth of their weight, some of each at 2 x 2 x 1, 1 x 1 x 4,
1.5 x 1.5 x 4, 3 x 3 x 4 and 2 x 2 x 2.
"""


class OdeLiifPlus(OdeLiif):
    """The network. Options are keyword-only and are saved with the weights: those of ``OdeLiif`` and

    detail, detail_blocks, detail_decoder   width, depth and decoder of the static part
    views                                   of the static part
    """

    estimates_uncertainty = True
    uncertainty_coefficients = COEFFICIENTS
    transient_is_factor = True

    def __init__(
        self,
        *,
        detail: int = 64,
        detail_blocks: int = 12,
        detail_decoder: int = 64,
        views: int = 8,
        solver: str = "midpoint",  # as in its training: at steps of a half, another one costs 0.01 dB
        **options,
    ) -> None:
        super().__init__(solver=solver, **options)
        channels, hidden = self.anatomy.head.out_channels, self.decoder.branch[2].out_channels
        self.detail = StaticDetail(channels=detail, blocks=detail_blocks, decoder=detail_decoder, views=views)
        self.anatomy = convolution(detail, channels, 1)
        self.decoder = LocalImplicitDecoder(channels, hidden, outputs=2)
        self.register_buffer("calibration", torch.ones(()))

    def anatomy_features(self, summary: Tensor, cache: dict | None = None) -> Tensor:
        """Features of the anatomy, [b, channels, h, w]: those of the static part, mapped linearly to ``channels``."""
        return self.anatomy(self.detail.features_of_series(summary, cache))

    def forward(
        self, window: Window, t: Tensor, size: tuple[int, int], cache: dict | None = None, *, fast: bool = False
    ) -> Tensor:
        """As ``OdeLiif.forward``."""
        return self._both(window, t, size, cache, fast)[0]

    def with_uncertainty(
        self, window: Window, t: Tensor, size: tuple[int, int], cache: dict | None = None, *, fast: bool = False
    ) -> tuple[Tensor, Tensor]:
        """As ``Model.with_uncertainty``; in air the standard deviation is that of the noise."""
        image, log_sd, region = self._both(window, t, size, cache, fast)
        noise = cached(cache, ("noise", ALWAYS), lambda: upsample(window.summary[:, 1:], size, "linear"))
        uncertainty = noise.repeat_interleave(image.shape[0] // noise.shape[0], 0).expand_as(image)
        if region is None:
            return image, uncertainty
        spread = self.calibration * (INITIAL_LOG_SD + log_sd.float() / GAIN).clamp(LEAST_LOG_SD, GREATEST_LOG_SD).exp()
        share = region.embed(torch.ones_like(spread), size)  # outside the signal there is only noise
        return image, region.embed(spread, size) + (1 - share) * uncertainty

    def _both(
        self, window: Window, t: Tensor, size: tuple[int, int], cache: dict | None, fast: bool
    ) -> tuple[Tensor, Tensor | None, SignalRegion | None]:
        """Frames, the decoder's second output in the signal region, and that region; None where all is air."""
        region = signal_region_of(window, size, cache)
        image = self.detail.frames(window, t, size, cache, region, fast=fast)
        if region is None:
            return image, None, None
        with in_bfloat16(image, fast):
            residual, log_sd = self.residual(window.crop(*region.coarse), t, region.size, cache).unbind(2)
        return image + region.embed(residual.float(), size), log_sd, region


class OdeLiifPlusKinetic(OdeLiifPlus):
    """The same network, whose frames are drawn toward kinetics."""

    drawn_toward_kinetics = True
