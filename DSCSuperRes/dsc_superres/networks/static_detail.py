"""Fine detail that is computed once per series and is the same in all of its frames.

Most of a reconstruction's error is that of the mean over all frames: with the true fine mean, ODE-LIIF gains 3 to 10 dB
on validation patients. The mean also has a far better signal-to-noise ratio than any frame. A deep network therefore
takes the mean and the standard deviation of every pixel over the series, once, and gives at any fine position the
detail D that the mean lacks, and the share e by which a pixel's changes exceed those of its surroundings.
Frame t of the series is then

    I(x, t) = B(x, t) + D(x) + e(x) (B(x, t) - B_mean(x))

with B the frames interpolated by back-projection and pchip, and B_mean the mean interpolated likewise.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dsc_superres.networks.encoder import ResidualEncoder
from dsc_superres.networks.interpolation import Interpolator
from dsc_superres.networks.liif import LocalImplicitDecoder
from dsc_superres.networks.model import Model
from dsc_superres.networks.resampling import back_project
from dsc_superres.networks.signal_region import SignalRegion, signal_region_of
from dsc_superres.networks.window import ALWAYS, Window, cached, channels_last, in_bfloat16

CHANGE_GAIN = 4.0
"""Standard deviations over time are smaller than the mean; brought to about the same size, they are learned as fast."""

SHARE_GAIN = 10.0
"""The share e is of order one, unlike the detail D of an image of about 0..1."""


class StaticDetail(Model):
    """The network; on its own a model of static super-resolution with pchip in time. Options are keyword-only.

    channels, blocks   width and depth of the encoder
    decoder            width of the implicit function
    views              number of mirrored and turned views over which the detail is averaged outside training: 1 or 8
    """

    removes_initial_transient = True
    transient_is_factor = True  # the network would take the transient for a bolus

    def __init__(self, *, channels: int = 64, blocks: int = 12, decoder: int = 64, views: int = 8) -> None:
        if views not in (1, 8):
            raise ValueError("views must be 1 or 8")
        super().__init__()
        self.views = views
        self.base = Interpolator(in_space="backprojection", in_time="pchip")
        self.encoder = ResidualEncoder(2, channels, blocks)
        self.decoder = LocalImplicitDecoder(channels, decoder, outputs=2)

    def forward(
        self, window: Window, t: Tensor, size: tuple[int, int], cache: dict | None = None, *, fast: bool = False
    ) -> Tensor:
        """As ``Model.forward``. ``cache`` keeps the detail, which is that of the whole series."""
        region = signal_region_of(window, size, cache)
        return self.frames(window, t, size, cache, region, fast=fast)

    def frames(
        self,
        window: Window,
        t: Tensor,
        size: tuple[int, int],
        cache: dict | None,
        region: SignalRegion | None,
        *,
        fast: bool = False,
    ) -> Tensor:
        """As ``forward``, with detail in ``region`` only; None if there is no signal."""
        image = self.base(window, t, size, cache)
        if region is None:
            return image
        mean, detail, share = cached(cache, ("detail", ALWAYS), lambda: self._detail(window, size, region, cache, fast))
        repeat = image.shape[0] // mean.shape[0]
        mean, detail, share = (part.repeat_interleave(repeat, 0) for part in (mean, detail, share))
        return image + detail + share * (image - mean)

    def features(self, summary: Tensor) -> Tensor:
        """Features of each place, [b, channels, h, w], from the series' summary [b, 2, h, w]."""
        return self.encoder(channels_last(torch.cat([summary[:, :1] - 0.5, CHANGE_GAIN * summary[:, 1:]], 1)))

    def features_of_series(self, summary: Tensor, cache: dict | None) -> Tensor:
        """As ``features`` in the signal region, once per series if there is a cache."""
        return cached(cache, ("features", ALWAYS), lambda: self.features(summary))

    def _detail(
        self, window: Window, size: tuple[int, int], region: SignalRegion, cache: dict | None, fast: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """B_mean, D and e, [b, 1, H, W] each."""
        summary = window.crop(*region.coarse).summary
        with in_bfloat16(summary, fast):
            maps = self._average(summary, region.size, cache)
        detail, share = region.embed(maps.float(), size).split(1, 1)
        return back_project(window.summary[:, :1], size), detail, SHARE_GAIN * share

    def _average(self, summary: Tensor, size: tuple[int, int], cache: dict | None) -> Tensor:
        """[b, 2, H, W]: the decoder's maps, over all mirrored and turned views (Timofte et al. 2016)."""
        if self.training or self.views == 1:
            return self.decoder(self.features_of_series(summary, cache), size)
        total = self.decoder(self.features_of_series(summary, cache), size)
        for turns in range(4):
            for mirrored in (False, True)[turns == 0 :]:
                view = torch.rot90(summary.flip(-1) if mirrored else summary, turns, (-2, -1))
                view_size = size if turns % 2 == 0 else size[::-1]
                maps = torch.rot90(self.decoder(self.features(view), view_size), -turns, (-2, -1))
                total = total + (maps.flip(-1) if mirrored else maps)
        return total / 8
