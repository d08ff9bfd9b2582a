"""Trains one network with kinetics as its base in time, as its input, as both, and as neither.

The same start (the default model), samples, steps and seed for all; the static part stays as it is. Samples and
networks that are there already are kept. ``benchmark quality --models FILES`` measures them.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from dsc_superres.benchmark.kinetic_training.dynamic_part import train_in_time
from dsc_superres.benchmark.kinetic_training.samples import Sample, make_sample
from dsc_superres.benchmark.networks.on_kinetics import OdeLiifOnKinetics
from dsc_superres.benchmark.research_models import ON_KINETICS
from dsc_superres.benchmark.shared.one_thread import one_thread
from dsc_superres.networks import create, load_model, save_model
from dsc_superres.training.config import TrainOptions, read_config
from dsc_superres.training.data import DataOptions, SceneBatches

RECIPE = Path(__file__).parent / "recipes" / "on-kinetics.toml"
NETWORKS = {
    "pchip": {"kinetic_base": False, "kinetic_inputs": False},
    "kinetic-base": {"kinetic_base": True, "kinetic_inputs": False},
    "kinetic-base-and-inputs": {"kinetic_base": True, "kinetic_inputs": True},
    "kinetic-inputs": {"kinetic_base": False, "kinetic_inputs": True},
}
"""What is trained, by the names of its files."""


def make_samples(options: TrainOptions, count: int, folder: Path) -> list[Sample]:
    """Return ``count`` samples, each a pure function of the seed and its number; made where they are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    sources, found = None, []
    for number in tqdm(range(count), unit="sample"):
        path = folder / f"{options.seed}-{number}.npz"
        if not path.is_file():
            if sources is None:
                sources = SceneBatches(DataOptions(**options.data), seed=options.seed, steps=0)
            make_sample(sources, np.random.default_rng([options.seed, number])).save(path)
        found.append(Sample.read(path))
    return found


def start(options: TrainOptions, **kinetics: bool) -> OdeLiifOnKinetics:
    """Return the network to train, with the weights to begin with; a further layer begins the same for all."""
    torch.manual_seed(options.seed)
    network = create(ON_KINETICS, **(options.network | kinetics))
    network.load_state_dict(network.state_dict() | load_model(options.start_from).state_dict())
    return network


def run(arguments: Sequence[str]) -> None:
    """``dsc-superres benchmark kinetics``: prints the paths of the weights."""
    parser = argparse.ArgumentParser(prog="dsc-superres benchmark kinetics", description=__doc__)
    parser.add_argument("--samples", type=int, default=160)
    parser.add_argument("--steps", type=int, help="instead of those of the recipe")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--out", type=Path, help="folder of the samples and weights (default: that of the recipe)")
    parser.add_argument("--heads", type=Path, help="folder of head volumes (default: DSC_REFERENCE and DSC_HEADS)")
    chosen = parser.parse_args(arguments)
    if chosen.heads:
        os.environ["DSC_REFERENCE"] = os.environ["DSC_HEADS"] = str(chosen.heads.absolute())
    options = read_config(RECIPE)
    options = replace(options, steps=options.steps if chosen.steps is None else chosen.steps)
    folder = chosen.out or Path(options.out)
    with one_thread():
        samples = make_samples(options, chosen.samples, folder / "samples")
        for name in chosen.networks:
            path = folder / f"{name}.safetensors"
            if not path.is_file():
                network = train_in_time(start(options, **NETWORKS[name]), samples, options)
                save_model(network, path, name=ON_KINETICS, options=options.network | NETWORKS[name])
            print(path)
