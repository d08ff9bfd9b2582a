"""ODE-LIIF on top of static detail: the neural ODE corrects what a still image cannot know, and says how sure it is.

Static anatomy and dynamic part apart: ``static_detail`` finds fine detail once per series with a deep network, at the
signal-to-noise of the mean over all frames. The bi-directional ODE between two frames and its LIIF decoder, those of
``ode_liif``, add what changes; they see the deep features of the anatomy in place of an encoder of their own. A second
output of the decoder is the standard deviation of the error that is left (Nix and Weigend 1994).
"""

from __future__ import annotations

import torch
from torch import Tensor

from dsc_superres.networks.encoder import convolution
from dsc_superres.networks.liif import GAIN, LocalImplicitDecoder
from dsc_superres.networks.ode_liif import OdeLiif
from dsc_superres.networks.resampling import upsample
from dsc_superres.networks.signal_region import signal_region_of
from dsc_superres.networks.static_detail import StaticDetail
from dsc_superres.networks.window import ALWAYS, Window, in_bfloat16, remember

TYPICAL, LEAST, MOST = -4.0, -7.0, 0.0
"""Of the logarithm of the standard deviation: where it starts, and its range; the image is about 0..1."""


class OdeLiifPlus(OdeLiif):
    """The network. Options are keyword-only and travel with the weights; those of ``OdeLiif`` and

    detail, detail_blocks, detail_decoder   width, depth and decoder of the static part

    ``calibration``, a factor of the deviation, is not learned but measured after training (``training.train``).
    """

    transient_is_factor = True
    """``reconstruct`` finds the excess of an unsettled first frame as a factor between two images, without detail."""

    def __init__(self, *, detail: int = 64, detail_blocks: int = 12, detail_decoder: int = 64, **options) -> None:
        super().__init__(**options)
        channels, hidden = self.anatomy.head.out_channels, self.decoder.branch[2].out_channels
        self.detail = StaticDetail(channels=detail, blocks=detail_blocks, decoder=detail_decoder)
        self.anatomy = convolution(detail, channels, 1)
        self.decoder = LocalImplicitDecoder(channels, hidden, outputs=2)
        self.register_buffer("calibration", torch.ones(()))

    def look(self, summary: Tensor) -> Tensor:
        """Features of the anatomy, [b, channels, h, w]: those of the static part, in as many channels as are needed."""
        return self.anatomy(self.detail.features(summary))

    def forward(self, window: Window, t: Tensor, size: tuple[int, int], cache: dict | None = None) -> Tensor:
        """Frames float32[b, m, H, W] at the times ``t`` [m], as ``OdeLiif.forward``."""
        return self.predict(window, t, size, cache)[0]

    def predict(
        self, window: Window, t: Tensor, size: tuple[int, int], cache: dict | None = None
    ) -> tuple[Tensor, Tensor]:
        """Frames and the standard deviation of their error, both float32[b, m, H, W] in the units of the window."""
        region = signal_region_of(window, size, cache)
        self.detail.fast = self.fast
        image = self.detail.frames(window, t, size, cache, region)
        noise = remember(cache, ("noise", ALWAYS), lambda: upsample(window.summary[:, 1:], size, "linear"))
        uncertainty = noise.repeat_interleave(image.shape[0] // noise.shape[0], 0).expand_as(image)
        if region is None:
            return image, uncertainty
        with in_bfloat16(image, self.fast):
            output = self.residual(window.crop(*region.coarse), t, region.size, cache)
        residual, spread = output.float().unbind(2)
        image = image + region.place(residual, size)
        spread = self.calibration * (TYPICAL + spread / GAIN).clamp(LEAST, MOST).exp()
        share = region.place(torch.ones_like(residual), size)  # beyond the signal there is noise alone
        return image, region.place(spread, size) + (1 - share) * uncertainty
