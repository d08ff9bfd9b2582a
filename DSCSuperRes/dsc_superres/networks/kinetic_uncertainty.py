"""The standard deviation of kinetic interpolation.

The error is that against the signal without noise: in acquired frames, which are kept, it is their noise. Between two
of them the square of the standard deviation is, with q = 4 t (1 - t) at the share t of the interval,

    q ((a (posterior spread))^2 + (b (difference from pchip))^2 + (c D)^2 + (d noise)^2) + (1 - q) noise^2

The posterior spread is that over residues, transit times, delays and driving curves, in the middle of the interval,
times how far kinetics holds. D is what a cubic through four frames differs from a line there. At finer
pixels there is the error of the finer image in addition, in proportion to its steepness.
The factors minimize the Gaussian negative log-likelihood on 29 scenes and training patients, some of them with wrong
driving curves; where kinetics holds, all are reduced by a tenth, which is right for half of 14 training patients.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dsc_superres.networks.resampling import upsample
from dsc_superres.networks.window import Window

POSTERIOR = 0.6
"""Factor of the posterior spread."""
DIFFERENCE = 0.7
"""Factor of what kinetics adds to pchip."""
BEND, BEND_ALONE = 0.14, 1.25
"""Factor of D where kinetics holds, and where pchip alone is used."""
NOISE, NOISE_ALONE = 0.48, 0.79
"""Factor of the noise of an acquired frame, likewise: several frames are averaged."""
EDGE, FLOOR = 0.27, 0.006
"""Error of finer pixels: share of the change per acquired pixel, and of the normalized signal (2 and 3 x finer)."""


def uncertainty_in_time(window: Window, t: Tensor, spread: Tensor, added: Tensor, held: Tensor, noise: float) -> Tensor:
    """Return the standard deviation on the coarse grid, [b, m, h, w], in units of the normalized signal.

    ``spread`` [b, m, h, w] is the posterior one, ``added`` [b, m, h, w] what the result differs from pchip, ``held``
    [b, h, w] how far kinetics holds (0 to 1), and ``noise`` the standard deviation of acquired frames.
    """
    frames = window.frames
    bend = (frames[:, 0] - frames[:, 1] - frames[:, 2] + frames[:, 3]).abs() / 8
    bend = (BEND_ALONE + (BEND - BEND_ALONE) * held) * bend
    averaged = (NOISE_ALONE + (NOISE - NOISE_ALONE) * held) * noise
    middle = (POSTERIOR * spread).square() + (DIFFERENCE * added).square()
    middle = middle + (bend.square() + averaged.square())[:, None]
    far = (4 * t * (1 - t)).clamp(min=0)[:, None, None]
    return (far * middle + (1 - far) * noise**2).sqrt()


def with_finer_pixels(in_time: Tensor, image: Tensor) -> Tensor:
    """Return the standard deviation of the finer ``image`` [b, m, H, W] from that ``in_time`` [b, m, h, w]."""
    size = tuple(image.shape[-2:])
    factor = size[0] / in_time.shape[-2]
    steepness = torch.stack(torch.gradient(image, dim=(-2, -1))).square().sum(0) * factor**2
    fine = upsample(in_time.flatten(0, 1), size, "linear").unflatten(0, in_time.shape[:2])
    return (fine.square() + EDGE**2 * steepness + FLOOR**2).sqrt()
