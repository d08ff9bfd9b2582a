"""Whether a network may compute in bfloat16: where that is quick, and where it was measured to change next to nothing.

Both questions have the same answer on every run on one kind of processor, so that the result is the same, bit for bit;
a measured time would not be. With instructions for bfloat16 (AVX-512 BF16 or AMX of x86 processors: Intel since Cooper
Lake, AMD since Zen 4; graphics cards of NVIDIA since Ampere), convolutions are twice as fast as in float32. Without,
they are emulated, and slower.
"""

from __future__ import annotations

import numpy as np
import torch

from dsc_superres.networks import Model, summarize, window
from dsc_superres.reconstruction.devices import quick_in_bfloat16
from dsc_superres.utils.parallel import one_torch_thread

LARGEST_CHANGE = 0.02
"""Share of what a network adds to its interpolator from which on float32 is kept.

That of the shipped networks is 0.008 and 0.005, which costs them 0.002 dB of PSNR on validation patients.
"""


def computes_in_bfloat16(network: Model, device: torch.device) -> bool:
    """Whether ``network`` (on ``device``) should: the device is quick at it, and this network's result stays."""
    has_weights = any(True for _ in network.parameters())
    return has_weights and quick_in_bfloat16(device.type) and change_in_bfloat16(network, device) < LARGEST_CHANGE


def change_in_bfloat16(network: Model, device: torch.device) -> float:
    """The change of a frame of a small head with a bolus in bfloat16, as a share of what ``network`` adds there.

    That is all that differs from its submodule ``base``, which has no weights and stays in float32; the frame itself
    where there is none. Both are root mean squares.
    """
    frames = torch.from_numpy(_bolus()).to(device)
    seen = window(frames, torch.arange(4, dtype=torch.float64), summarize(frames), 1)
    t, size = torch.tensor([0.3], device=device), tuple(2 * side for side in frames.shape[-2:])
    with torch.inference_mode(), one_torch_thread():
        exact, half = (network(seen, t, size, fast=fast) for fast in (False, True))
        base = network.base(seen, t, size) if hasattr(network, "base") else 0
    change, added = ((half - exact).square().mean(), (exact - base).square().mean())
    return float((change / added.clamp(min=1e-12)).sqrt())


def _bolus() -> np.ndarray:
    """float32[1, 4, 16, 16]: a textured disk whose signal falls by 40 %."""
    y, x = (np.mgrid[:16, :16] - 7.5) / 8
    still = (x**2 + y**2 < 0.9) * (0.6 + 0.3 * np.sin(9 * x) * np.cos(7 * y))
    return np.stack([still * level for level in (1, 0.95, 0.6, 0.75)])[None].astype(np.float32)
