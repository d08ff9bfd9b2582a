"""Trains the part of ``OdeLiifOnKinetics`` that knows time, from the weights of the default model on.

The static part stays as it is; what it says of a sample is computed once, so that a step takes a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from dsc_superres.benchmark.kinetic_training.samples import MOMENTS, Sample
from dsc_superres.benchmark.networks.on_kinetics import Kinetics, OdeLiifOnKinetics
from dsc_superres.networks import Window, summarize
from dsc_superres.networks.signal_region import signal_region_of
from dsc_superres.networks.window import ALWAYS
from dsc_superres.training.config import TrainOptions, learning_rate
from dsc_superres.training.losses import gaussian_negative_log_likelihood, loss

SAMPLES, PAIRS = 3, 2
"""Of a step: samples, and pairs of frames of each, mostly around the bolus."""
INPUTS_FASTER = 4.0
"""The layers that see kinetics begin at nothing, and learn at this multiple of the rate."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A sample, its summary [1, 2, h, w], and the ``cache`` with what the static part says of it."""

    sample: Sample
    summary: Tensor
    cache: dict

    @classmethod
    def of(cls, sample: Sample, network: OdeLiifOnKinetics) -> Prepared | None:
        """None where all is air."""
        frames = torch.from_numpy(sample.frames)[None]
        summary, size, cache = summarize(frames), sample.target.shape[-2:], {}
        around = Window(frames[:, [0, 0, 1, 2]], torch.tensor([[torch.nan, 0, 1, 2]]), summary)
        with torch.no_grad():
            region = signal_region_of(around, size, cache)
            if region is None:
                return None
            network.detail.frames(around, MOMENTS, size, cache, region)
        return cls(sample, summary, {key: value for key, value in cache.items() if key[1] == ALWAYS})

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Indices of some pairs."""
        middle = (self.sample.times[1:] + self.sample.times[:-1]) / 2
        near = (middle > self.sample.arrival - 4) & (middle < self.sample.arrival + 22)
        weight = 0.15 + near
        return np.sort(rng.choice(middle.size, PAIRS, replace=False, p=weight / weight.sum()))

    def batch(self, pairs: np.ndarray) -> tuple[Window, Kinetics, Tensor]:
        """Their windows, kinetics and truth."""
        one, frames, clocks = self.sample, [], []
        for pair in pairs:
            around = np.arange(pair - 1, pair + 3)
            absent = (around < 0) | (around >= one.times.size)
            around = around.clip(0, one.times.size - 1)
            clock = (one.times[around] - one.times[pair]) / (one.times[pair + 1] - one.times[pair])
            frames.append(one.frames[around])
            clocks.append(np.where(absent, np.nan, clock))
        # With an index of 1, the frames of a window have four places in a cache, not three.
        window = Window(*(torch.from_numpy(np.float32(part)) for part in (frames, clocks)), self.summary, 1)
        added, uncertainty, target = (
            torch.from_numpy(part[pairs]) for part in (one.added, one.uncertainty, one.target)
        )
        share = torch.from_numpy(one.share).expand(len(pairs), -1, -1)
        return window, Kinetics(added, uncertainty, share), target


def train_in_time(network: OdeLiifOnKinetics, samples: Sequence[Sample], options: TrainOptions) -> OdeLiifOnKinetics:
    """Return the running mean of the network's weights over ``options.steps`` on ``samples``."""
    network.requires_grad_(True).train()
    network.detail.requires_grad_(False).eval()
    prepared = [found for one in samples if (found := Prepared.of(one, network))]
    inputs = list(network.inputs.parameters()) if network.inputs is not None else []
    own = {id(weight) for weight in inputs}
    others = [weight for weight in network.parameters() if weight.requires_grad and id(weight) not in own]
    optimizer = torch.optim.AdamW([{"params": others}, {"params": inputs}], lr=options.rate, weight_decay=1e-4)
    mean = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(options.average)
    )
    rng = np.random.default_rng(options.seed)
    for step in range(options.steps):
        rate = learning_rate(step, options)
        for group, factor in zip(optimizer.param_groups, (1, INPUTS_FASTER), strict=True):
            group["lr"] = factor * rate
        optimizer.zero_grad(set_to_none=True)
        for place in rng.choice(len(prepared), SAMPLES, replace=False):
            _add_gradients(network, prepared[place], rng, options)
        nn.utils.clip_grad_norm_(network.parameters(), 0.5)
        optimizer.step()
        mean.update_parameters(network)
    found = mean.module
    found.known = None
    return found.eval()


def _add_gradients(
    network: OdeLiifOnKinetics, prepared: Prepared, rng: np.random.Generator, options: TrainOptions
) -> None:
    window, network.known, target = prepared.batch(prepared.draw(rng))
    size = tuple(target.shape[-2:])
    with torch.autocast("cpu", torch.bfloat16, enabled=options.bfloat16):
        image, uncertainty = network.with_uncertainty(window, MOMENTS, size, dict(prepared.cache))
    image, uncertainty = image.float(), uncertainty.float()
    value = loss(image, target, options.coarse, options.linear_from)
    value = value + 0.01 * gaussian_negative_log_likelihood(image.detach() - target, uncertainty)
    (value / SAMPLES).backward()
