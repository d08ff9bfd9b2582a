"""The networks on a device that is not the processor: ``meta`` has shapes and no values, and refuses a mix of both."""

from __future__ import annotations

import pytest
import torch
from networks_sample import random_network, series_of

from dsc_superres.networks import summarize, window

META = torch.device("meta")


@pytest.mark.parametrize("size", [(14, 18), (10, 13)])
@pytest.mark.parametrize("name", ["ode-liif", "ode-liif-plus"])
def test_a_network_makes_all_that_it_needs_on_the_device_of_its_input(name: str, size: tuple[int, int]) -> None:
    frames, times = series_of()
    network, frames = random_network(name).to(META), frames.to(META)
    moments = torch.tensor([0.0, 0.3, 0.75])  # the solver needs their values
    with torch.inference_mode():
        residual = network.residual(window(frames, times, summarize(frames), 1), moments, size, {})
    assert residual.device == META
    assert residual.shape[:2] == (2, 3)
    assert residual.shape[-2:] == size
