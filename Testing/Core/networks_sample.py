"""Small networks with random weights, and a random series for them."""

import torch
from torch import nn

from dsc_superres.networks import Model, create

SMALL = {"channels": 8, "blocks": 1, "frame_blocks": 1, "direction": 4, "field": 4, "decoder": 8}
SMALL_PLUS = {**SMALL, "detail": 8, "detail_blocks": 1, "detail_decoder": 8}


def random_network(name: str = "ode-liif") -> Model:
    """A small ODE-LIIF none of whose parts is at its neutral initial value."""
    torch.manual_seed(3)
    model = create(name, **(SMALL if name == "ode-liif" else SMALL_PLUS))
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.2)
    return model.eval()


def series_of(frames: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    times = torch.tensor([0, 1.0, 2.5, 3.0, 4.0, 6.0][:frames], dtype=torch.float64)
    return torch.rand(2, frames, 7, 9, generator=generator), times
