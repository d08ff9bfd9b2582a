"""Weights for ode-liif-plus to begin with: ``python -m dsc_superres.training.plus_start CONFIG STATIC OUT``.

The static part is that of ``static-detail`` (STATIC), the dynamic one that of ``ode-liif``. What the dynamic part knew
of the anatomy from an encoder of its own, it is to take from the static part's features: the linear map that gives
the former from the latter best, in the least squares over the validation scenes of CONFIG, is where it begins.
"""

from __future__ import annotations

import argparse

import torch
from safetensors.torch import load_file

from dsc_superres.networks import create, load_model, save_model
from dsc_superres.networks.registry import WEIGHTS
from dsc_superres.training.config import read_config
from dsc_superres.training.data import DataOptions, SceneBatches
from dsc_superres.training.train import VALIDATION_SEED_OFFSET

BATCHES = 12


@torch.inference_mode()
def begin(config: str, static: str, out: str) -> None:
    """Write the weights to ``out`` (.safetensors)."""
    options = read_config(config)
    old, plus = load_model("ode-liif"), create(options.name, **options.network).eval()
    state = plus.state_dict()
    state |= {f"detail.{key}": value for key, value in load_file(static).items()}
    for key, value in load_file(WEIGHTS / "ode-liif.safetensors").items():
        if key in state and state[key].shape[1:] == value.shape[1:]:
            state[key][: len(value)] = value  # a decoder with more outputs has those it shares first
    plus.load_state_dict(state)
    batches = SceneBatches(DataOptions(**options.data), seed=options.seed + VALIDATION_SEED_OFFSET, steps=BATCHES)
    known, wanted = [], []
    for index in range(BATCHES):
        summary = batches[index].window.summary
        known.append(plus.detail.features(summary).movedim(1, -1).flatten(0, 2))
        wanted.append(old.look(summary).movedim(1, -1).flatten(0, 2))
    features = torch.cat(known).double()
    features = torch.cat([features, torch.ones(len(features), 1)], 1)
    fit = torch.linalg.lstsq(features, torch.cat(wanted).double()).solution.float()
    state["anatomy.weight"], state["anatomy.bias"] = fit[:-1].T[..., None, None].contiguous(), fit[-1].contiguous()
    left = (features.float() @ fit - torch.cat(wanted)).var() / torch.cat(wanted).var()
    print(f"The static part's features explain {100 * (1 - float(left)):.1f} % of the anatomy's.")
    plus.load_state_dict(state)
    save_model(plus, out, name=options.name, options=options.network)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="the configuration of the training that goes on from there")
    parser.add_argument("static", help="weights of static-detail")
    parser.add_argument("out", help="where to write the weights")
    arguments = parser.parse_args()
    begin(arguments.config, arguments.static, arguments.out)
