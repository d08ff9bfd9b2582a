"""Weights for a narrow ``OdeLiifPlus`` to begin with, fitted layer by layer to a wide one, its teacher.

Nothing is trained: every layer has a solution in closed form. Its inputs are those that the narrow network itself has
at that place, so that later layers make up for what earlier ones lack; its target are the teacher's values there. What
is only ever mapped linearly (anatomy, frames, direction, states of the ODE, decoded features) is projected to the
directions that matter most to the layers that read it; of what passes through a nonlinearity, the channels that matter
most are kept. (He, Zhang and Sun 2017 reconstruct pruned layers so.) The static part is the teacher's, unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from dsc_superres.benchmark.retraining.layer_fit import (
    fit_convolution,
    in_portions,
    keep_channels,
    project,
    projection,
)
from dsc_superres.networks import Window, create, load_model, save_model
from dsc_superres.networks.liif import LocalImplicitDecoder
from dsc_superres.networks.ode import VectorField, solve
from dsc_superres.networks.ode_liif_plus import OdeLiifPlus
from dsc_superres.training.config import TrainOptions
from dsc_superres.training.data import DataOptions, SceneBatches
from dsc_superres.training.train import VALIDATION_SEED_OFFSET

FITTED_BATCHES = 24
"""Batches that the layers are fitted to; with 6, the peak of a bolus is 0.6 % points worse on validation patients."""
MOMENTS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Times between two frames at which states are compared."""
FACTORS = (1, 2, 3)
"""Spatial factors whose decoded features count."""
LOG_SD_WEIGHT = 0.15
"""Weight of the second output, the logarithm of the standard deviation, beside that of the image."""


@torch.inference_mode()
def write_narrow_start(options: TrainOptions, teacher: str | Path, out: str | Path) -> None:
    """Write the weights to ``out`` (.safetensors).

    options  of the training that goes on from there
    teacher  weights of a wider ``OdeLiifPlus`` with the same static part, a file or the name of the model
    """
    wide, narrow = load_model(teacher), create(options.name, **options.network).eval()
    seed = options.seed + VALIDATION_SEED_OFFSET
    batches = SceneBatches(DataOptions(**options.data | {"reuse": 1}), seed=seed, steps=FITTED_BATCHES)
    windows = [batches[index].window for index in range(FITTED_BATCHES)]
    generator = torch.Generator().manual_seed(options.seed)
    NarrowFit(wide, narrow, windows, generator).run()
    save_model(narrow, out, name=options.name, options=options.network)


class NarrowFit:
    """The fit of ``narrow``, in place, to ``wide`` on ``windows`` of scenes."""

    def __init__(
        self, wide: OdeLiifPlus, narrow: OdeLiifPlus, windows: Sequence[Window], generator: torch.Generator
    ) -> None:
        self.wide, self.narrow, self.generator = wide, narrow, generator
        repeat = windows[0].frames.shape[0] // windows[0].summary.shape[0]
        frames, times, summary = (
            torch.cat([getattr(one, name) for one in windows]) for name in ("frames", "times", "summary")
        )
        self.features = in_portions(wide.detail.features, summary).repeat_interleave(repeat, 0)
        self.window = Window(frames, times, summary.repeat_interleave(repeat, 0))

    def run(self) -> None:
        """Fit all layers in the order in which they are computed."""
        self.narrow.detail.load_state_dict(self.wide.detail.state_dict())
        self.narrow.calibration.copy_(self.wide.calibration)
        wide, narrow = self._frames(*self._anatomy())
        to_narrow = self._directions()
        states = [self._field(index, wide[index], narrow[index], to_narrow) for index in range(2)]
        self._decoder(*self._fusion(states))

    def _fit(self, layer: nn.Conv2d, inputs: Tensor, target: Tensor, clock: Tensor | None = None) -> Tensor | None:
        return fit_convolution(layer, inputs, target, self.generator, clock)

    def _reading(self, columns: slice) -> list[Tensor]:
        """Weights of the layers that read states of the ODE, for some channels of these."""
        wide = self.wide
        mix = wide.fusion.mix.weight.chunk(2, 1)
        fields = (wide.forward_field, wide.backward_field)
        readers = [*(field.inward.weight for field in fields), *mix, wide.fusion.keep.weight]
        return [weight[:, columns] for weight in readers]

    def _anatomy(self) -> tuple[Tensor, Tensor]:
        """Features of the anatomy of both networks."""
        wide, narrow = self.wide, self.narrow
        found = wide.anatomy(self.features)
        encode, _ = projection(found, [wide.frame.head.weight[:, 2:]], narrow.anatomy.out_channels)
        narrow.anatomy.weight.copy_(torch.einsum("kc,cihw->kihw", encode, wide.anatomy.weight))
        narrow.anatomy.bias.copy_(encode @ wide.anatomy.bias)
        return found, narrow.anatomy(self.features)

    def _frames(self, wide_anatomy: Tensor, narrow_anatomy: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Encoded frames of both networks, those of the first and of the second frame of every pair."""
        wide, narrow = self.wide.frame, self.narrow.frame
        frame = torch.cat(self.window.pair)
        wide_inputs, inputs = (
            self.wide.frame_inputs(frame, self.window.summary.repeat(2, 1, 1, 1), anatomy.repeat(2, 1, 1, 1))
            for anatomy in (wide_anatomy, narrow_anatomy)
        )
        stages, hidden = [in_portions(wide.head, wide_inputs)], []
        for block in wide.body:
            hidden.append(in_portions(block.first, stages[-1]))
            stages.append(stages[-1] + in_portions(block.second, hidden[-1].relu()))
        encoded = stages[0] + stages[-1]
        channels = narrow.head.out_channels
        self.encode_frame, _ = projection(encoded, self._reading(slice(0, encoded.shape[1])), channels)
        self._fit(narrow.head, inputs, project(self.encode_frame, stages[0]))
        head = reached = in_portions(narrow.head, inputs)
        for index, block in enumerate(narrow.body):
            is_last = index == len(narrow.body) - 1
            goal = (
                project(self.encode_frame, encoded) - head if is_last else project(self.encode_frame, stages[index + 1])
            )
            kept = keep_channels(hidden[index].relu(), [wide.body[index].second.weight], block.first.out_channels)
            self._fit(block.first, reached, hidden[index][:, kept])
            active = in_portions(block.first, reached).relu()
            self._fit(block.second, active, goal - reached)
            reached = reached + in_portions(block.second, active)
        return list(encoded.chunk(2)), list((head + reached).chunk(2))

    def _directions(self) -> Tensor:
        """Fit the direction; returns the matrix from states of the wide network to those of the narrow one."""
        wide, narrow = self.wide.direction, self.narrow.direction
        self.wide_direction = self.wide.direction_of(self.window)
        encode, _ = projection(
            self.wide_direction, self._reading(slice(self.encode_frame.shape[1], None)), narrow[4].out_channels
        )
        for index in (0, 2):
            narrow[index].load_state_dict(wide[index].state_dict())
        narrow[4].weight.copy_(torch.einsum("kc,cihw->kihw", encode, wide[4].weight))
        narrow[4].bias.copy_(encode @ wide[4].bias)
        self.narrow_direction = self.narrow.direction_of(self.window)
        return torch.block_diag(self.encode_frame, encode)

    def _field(self, index: int, wide: Tensor, narrow: Tensor, to_narrow: Tensor) -> tuple[Tensor, Tensor]:
        """Fit the field that starts from the first (0) or second (1) frame; states [time * b, c, h, w] of both."""
        name = ("forward_field", "backward_field")[index]
        old, new = getattr(self.wide, name), getattr(self.narrow, name)
        start, narrow_start = (
            torch.cat(parts, 1) for parts in ((wide, self.wide_direction), (narrow, self.narrow_direction))
        )
        states = self._solve(old, start, index, self.wide)
        missed = narrow_start - project(to_narrow, start)
        inputs = project(to_narrow, states) + missed.repeat(len(MOMENTS), 1, 1, 1)
        before = self._at_moments(lambda x, t: inward(old, t, x), states)
        rates = self._at_moments(lambda x, t: old(t, x), states)
        readers = [torch.einsum("kc,cihw->kihw", to_narrow, old.outward.weight)]
        kept = keep_channels(nn.functional.silu(before), readers, new.inward.out_channels)
        clock = torch.tensor(MOMENTS).repeat_interleave(len(start))[:, None]
        new.clock.weight.copy_(self._fit(new.inward, inputs, before[:, kept], clock))
        new.clock.bias.zero_()
        active = nn.functional.silu(self._at_moments(lambda x, t: inward(new, t, x), inputs))
        self._fit(new.outward, active, project(to_narrow, rates))
        return states, self._solve(new, narrow_start, index, self.narrow)

    @staticmethod
    def _solve(field: VectorField, start: Tensor, begin: int, network: OdeLiifPlus) -> Tensor:
        def states(portion: Tensor) -> Tensor:
            return torch.stack(solve(field, portion, torch.tensor(MOMENTS), begin=float(begin), **network.solving), 1)

        return in_portions(states, start).transpose(0, 1).flatten(0, 1)

    @staticmethod
    def _at_moments(call: Callable[[Tensor, Tensor], Tensor], states: Tensor) -> Tensor:
        parts = states.chunk(len(MOMENTS))
        return torch.cat(
            [in_portions(lambda x, t=t: call(x, torch.tensor(t)), x) for t, x in zip(MOMENTS, parts, strict=True)]
        )

    def _fusion(self, states: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """Fit the fusion to states of both flows; fused features of both networks."""
        old, new = self.wide.fusion, self.narrow.fusion
        (wide_there, there), (wide_back, back) = states
        count = len(there) // len(MOMENTS)
        clock = torch.tensor(MOMENTS[:-1]).repeat_interleave(count)  # the last is the first of the next pair
        wide_there, there, wide_back, back = (each[: len(clock)] for each in (wide_there, there, wide_back, back))
        mixed, carried, pace = self._fusion_parts(old, wide_there, wide_back, clock)
        both = carried + mixed.relu() * pace
        hidden = in_portions(old.refine.first, both)
        fused = both + in_portions(old.refine.second, hidden.relu())
        readers = [old.refine.first.weight, self.wide.decoder.branch[0].weight]
        kept = keep_channels(both, readers, new.mix.out_channels)
        new.clock.weight.copy_(self._fit(new.mix, torch.cat([there, back], 1), mixed[:, kept], clock[:, None]))
        new.clock.bias.zero_()
        new.pace[0].load_state_dict(old.pace[0].state_dict())
        new.pace[2].weight.copy_(old.pace[2].weight[kept])
        new.pace[2].bias.copy_(old.pace[2].bias[kept])
        self._fit(new.keep, torch.lerp(there, back, clock[:, None, None, None]), carried[:, kept])
        mixed, carried, pace = self._fusion_parts(new, there, back, clock)
        both = carried + mixed.relu() * pace
        chosen = keep_channels(hidden.relu(), [old.refine.second.weight], new.refine.first.out_channels)
        self._fit(new.refine.first, both, hidden[:, chosen])
        active = in_portions(new.refine.first, both).relu()
        self._fit(new.refine.second, active, fused[:, kept] - both)
        return fused, both + in_portions(new.refine.second, active)

    @staticmethod
    def _fusion_parts(fusion: nn.Module, there: Tensor, back: Tensor, clock: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mixed states before their nonlinearity, states carried over, and the pace of the former."""
        mixed = in_portions(fusion.mix, torch.cat([there, back], 1)) + fusion.clock(clock[:, None])[..., None, None]
        carried = fusion.keep(torch.lerp(there, back, clock[:, None, None, None]))
        return mixed, carried, fusion.pace_at(clock)[..., None, None]

    def _decoder(self, wide_fused: Tensor, fused: Tensor) -> None:
        old, new = self.wide.decoder, self.narrow.decoder
        before = in_portions(old.branch[0], wide_fused)
        features = in_portions(old.branch[2], before.relu())
        kept = keep_channels(before.relu(), [old.branch[2].weight], new.branch[0].out_channels)
        self._fit(new.branch[0], fused, before[:, kept])
        width = new.branch[2].out_channels
        encode, decode = projection(features, _kernels(old, features), width)
        self._fit(new.branch[2], in_portions(new.branch[0], fused).relu(), project(encode, features))
        new.trunk[0].load_state_dict(old.trunk[0].state_dict())
        for values, wanted in ((new.trunk[2].weight, old.trunk[2].weight), (new.trunk[2].bias, old.trunk[2].bias)):
            parts = wanted.detach().unflatten(0, (old.outputs, -1))
            values.copy_(torch.einsum("ck,oc...->ok...", decode, parts).flatten(0, 1) * (old.gain / new.gain))


def inward(field: VectorField, t: Tensor, state: Tensor) -> Tensor:
    """The hidden layer of a field before its nonlinearity."""
    return field.inward(state) + field.clock(t.reshape(1))[:, None, None]


def _kernels(decoder: LocalImplicitDecoder, features: Tensor) -> list[Tensor]:
    """The weights with which features are decoded at some factors, [outputs and phases, features, 3, 3] each."""
    height, width = features.shape[-2:]
    found = []
    for factor in FACTORS:
        kernel = decoder.kernel_for(features, (factor * height, factor * width)).unflatten(0, (decoder.outputs, -1))
        weights = torch.tensor([1.0, *[LOG_SD_WEIGHT] * (decoder.outputs - 1)])
        found.append((kernel * weights[:, None, None, None, None]).flatten(0, 1) / factor)
    return found
