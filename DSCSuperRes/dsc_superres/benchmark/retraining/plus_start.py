"""Weights for ``OdeLiifPlus`` to begin with, from those of its static part and of ``OdeLiif``.

``OdeLiif`` has an encoder of its own for the anatomy; the dynamic part of ``OdeLiifPlus`` reads the anatomy
from the features of the static part. It begins with the linear map from these to the other's features that has the
least squared error over the validation scenes of the training that goes on from there.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from dsc_superres.errors import FileError
from dsc_superres.networks import create, load_model, save_model
from dsc_superres.training.config import TrainOptions
from dsc_superres.training.data import DataOptions, SceneBatches
from dsc_superres.training.train import VALIDATION_SEED_OFFSET

FITTED_BATCHES = 12
"""Batches over which the linear map is fitted."""


@torch.inference_mode()
def write_plus_start(options: TrainOptions, static: str | Path, dynamic: str | Path, out: str | Path) -> float:
    """Write the weights to ``out`` (.safetensors); return the share of the anatomy's variance that the map explains.

    options  of the training that goes on from there
    static   weights of ``StaticDetail``, a file
    dynamic  weights of ``OdeLiif``, a file or the name of the model

    Raises ``FileError`` if ``static`` is missing.
    """
    if not Path(static).is_file():
        raise FileError(f"The weights {static} of the static part are not there: train them first.")
    old, plus = load_model(dynamic), create(options.name, **options.network).eval()
    state = plus.state_dict()
    state |= {f"detail.{key}": value for key, value in load_file(static).items()}
    for key, value in old.state_dict().items():
        if key in state and state[key].shape[1:] == value.shape[1:]:
            state[key][: len(value)] = value  # a decoder with more outputs has those it shares first
    plus.load_state_dict(state)
    seed = options.seed + VALIDATION_SEED_OFFSET
    batches = SceneBatches(DataOptions(**options.data), seed=seed, steps=FITTED_BATCHES)
    found, wanted = [], []
    for index in range(FITTED_BATCHES):
        summary = batches[index].window.summary
        found.append(plus.detail.features(summary).movedim(1, -1).flatten(0, 2))
        wanted.append(old.anatomy_features(summary).movedim(1, -1).flatten(0, 2))
    features, anatomy = torch.cat(found).double(), torch.cat(wanted)
    features = torch.cat([features, torch.ones(len(features), 1)], 1)
    fit = torch.linalg.lstsq(features, anatomy.double()).solution.float()
    state["anatomy.weight"], state["anatomy.bias"] = fit[:-1].T[..., None, None].contiguous(), fit[-1].contiguous()
    plus.load_state_dict(state)
    save_model(plus, out, name=options.name, options=options.network)
    return 1 - float((features.float() @ fit - anatomy).var() / anatomy.var())
