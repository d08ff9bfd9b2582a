"""Static anatomy and dynamic part apart: fine detail that is found once per series and holds for all of its frames.

The error of the mean over all frames is most of a reconstruction's error: with the true fine mean in place of its own,
``ode-liif`` gains 3 to 10 dB on validation patients. And the mean has far better signal-to-noise than any frame. So a
deep network looks at the mean and the standard deviation of every pixel over the series, once, and says two things at
any fine position: what detail D the mean lacks, and by which share e a pixel's changes exceed those of its
surroundings. Frame t of the series is then

    I(x, t) = B(x, t) + D(x) + e(x) (B(x, t) - B_mean(x))

with B the frames interpolated by back-projection and pchip, and B_mean the mean interpolated likewise.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dsc_superres.networks.encoder import ResidualEncoder
from dsc_superres.networks.interpolation import Interpolator
from dsc_superres.networks.liif import LocalImplicitDecoder
from dsc_superres.networks.resampling import back_project
from dsc_superres.networks.signal_region import SignalRegion, signal_region_of
from dsc_superres.networks.window import ALWAYS, Window, channels_last, in_bfloat16, remember

CHANGE_GAIN = 4.0
"""Standard deviations over time are small beside the mean; brought to about the same size they are learned as fast."""

SHARE_GAIN = 10.0
"""The share e is of order one, unlike the detail D of an image of about 0..1."""


class StaticDetail(nn.Module):
    """The network, and on its own a model: static super-resolution, with pchip in time. Options are keyword-only.

    channels, blocks   width and depth of the encoder
    decoder            width of the implicit function
    """

    removes_initial_transient = True
    """``reconstruct`` takes the decay of the first frame's excess off this network's hands."""

    transient_is_factor = True
    """That excess is a factor between two images, which the network itself would mistake for a bolus."""

    fast = False
    """Whether the detail is computed in bfloat16."""

    symmetries = 8
    """Of the square's mirrored and turned views, over how many the detail is averaged when not in training: 1 or 8."""

    def __init__(self, *, channels: int = 64, blocks: int = 12, decoder: int = 64) -> None:
        super().__init__()
        self.base = Interpolator(in_space="backprojection", in_time="pchip")
        self.encoder = ResidualEncoder(2, channels, blocks)
        self.decoder = LocalImplicitDecoder(channels, decoder, outputs=2)

    def forward(self, window: Window, t: Tensor, size: tuple[int, int], cache: dict | None = None) -> Tensor:
        """Frames float32[b, m, H, W] at the times ``t`` [m] (0 and 1 at the pair), ``size`` (H, W)."""
        region = signal_region_of(window, size, cache)
        return self.frames(window, t, size, cache, region)

    def frames(
        self, window: Window, t: Tensor, size: tuple[int, int], cache: dict | None, region: SignalRegion | None
    ) -> Tensor:
        """The same, where there is signal at all (``region``)."""
        image = self.base(window, t, size, cache)
        if region is None:
            return image
        mean, detail, share = remember(cache, ("detail", ALWAYS), lambda: self._still(window, size, region))
        repeat = image.shape[0] // mean.shape[0]
        mean, detail, share = (part.repeat_interleave(repeat, 0) for part in (mean, detail, share))
        return image + detail + share * (image - mean)

    def features(self, summary: Tensor) -> Tensor:
        """[b, 2, h, w] -> [b, channels, h, w]: what a series says about each place."""
        return self.encoder(channels_last(torch.cat([summary[:, :1] - 0.5, CHANGE_GAIN * summary[:, 1:]], 1)))

    def _still(self, window: Window, size: tuple[int, int], region: SignalRegion) -> tuple[Tensor, Tensor, Tensor]:
        """B_mean, D and e, [b, 1, H, W] each."""
        seen = window.crop(*region.coarse).summary
        with in_bfloat16(seen, self.fast):
            maps = self._average(seen, region.size)
        detail, share = region.place(maps.float(), size).split(1, 1)
        return back_project(window.summary[:, :1], size), detail, SHARE_GAIN * share

    def _average(self, summary: Tensor, size: tuple[int, int]) -> Tensor:
        """[b, 2, H, W]: the decoder's maps, over all mirrored and turned views (Timofte et al. 2016)."""
        if self.training or self.symmetries == 1:
            return self.decoder(self.features(summary), size)
        total = 0.0
        for turns in range(4):
            for mirrored in (False, True):
                view = torch.rot90(summary.flip(-1) if mirrored else summary, turns, (-2, -1))
                seen = size if turns % 2 == 0 else size[::-1]
                maps = torch.rot90(self.decoder(self.features(view), seen), -turns, (-2, -1))
                total = total + (maps.flip(-1) if mirrored else maps)
        return total / 8
