"""Training does not depend on when it is stopped, nor on how many processes share it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from dsc_superres.errors import ModelError
from dsc_superres.networks import Window, create
from dsc_superres.training.data import Batch, DataOptions, SceneBatches
from dsc_superres.training.distributed import ProcessGroup
from dsc_superres.training.losses import gaussian_negative_log_likelihood, loss
from dsc_superres.training.random_anatomy import renumber
from dsc_superres.training.train import train

STEPS = 24
CONFIG = """
name = "ode-liif-plus"
out = "{out}"
seed = 5
steps = 24
rate = 3e-4
warm_up = 4
cool_down = 0.5
average = 0.9
workers = {workers}
threads = 1
validate_every = 24
checkpoint_minutes = 0
[network]
channels = 8
frame_blocks = 1
direction = 4
field = 4
decoder = 8
detail = 8
detail_blocks = 1
detail_decoder = 8
[data]
scenes = 2
pairs = 2
coarse = 16
reuse = 2
"""
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def configure(folder: Path, name: str, workers: int = 0) -> Path:
    config = folder / f"{name}.toml"
    config.write_text(CONFIG.format(out=folder / name, workers=workers))
    return config


def start(config: Path, *launcher: str) -> subprocess.Popen:
    command = [sys.executable, *launcher, "-m", "dsc_superres", "train", str(config)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def stop_half_way(config: Path, *launcher: str) -> None:
    """Ask a run to stop as soon as it has kept a step, and see that it did before its last one."""
    checkpoint = config.with_suffix("") / "checkpoint.pt"
    process = start(config, *launcher)
    while not checkpoint.is_file() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=300)
    assert process.returncode != 0, errors
    assert 0 < state_of(config)["step"] < STEPS, errors


def state_of(config: Path) -> dict:
    return torch.load(config.with_suffix("") / "checkpoint.pt", weights_only=True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict:
    config = configure(tmp_path_factory.mktemp("whole"), "whole")
    train(config)
    return state_of(config)


def test_a_run_that_was_stopped_and_resumed_has_the_same_bits(tmp_path, whole) -> None:
    config = configure(tmp_path, "parts", workers=1)
    stop_half_way(config)
    train(config)
    parts = state_of(config)
    assert parts["step"] == whole["step"] == STEPS
    for kept in ("network", "average"):
        for key, value in whole[kept].items():
            assert torch.equal(parts[kept][key], value), key
    for number, moments in whole["optimizer"]["state"].items():
        for key, value in moments.items():
            assert torch.equal(parts["optimizer"]["state"][number][key], value), key


def test_two_processes_stopped_and_resumed_give_the_weights_of_one(tmp_path, whole) -> None:
    config = configure(tmp_path, "two", workers=1)
    stop_half_way(config, *TORCHRUN, "2")
    process = start(config, *TORCHRUN, "2")
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert output.split() == [str(tmp_path / "two" / "ode-liif-plus.safetensors")]
    assert len((tmp_path / "two" / "log.csv").read_text().splitlines()) == 1
    two = state_of(config)
    for key, value in whole["network"].items():
        np.testing.assert_allclose(two["network"][key], value, atol=1e-5, err_msg=key)


def test_scenes_that_cannot_be_shared_are_a_sentence() -> None:
    batches = SceneBatches(DataOptions(scenes=4, coarse=16), seed=2, steps=3)
    with pytest.raises(ModelError, match="3 processes cannot share the 4 scenes"):
        next(ProcessGroup(rank=0, count=3).share_batches(batches, 0, lambda steps: []))


def test_gradients_of_shares_average_to_those_of_the_batch() -> None:
    batch = SceneBatches(DataOptions(scenes=4, pairs=2, coarse=16), seed=2, steps=1)[0]
    torch.manual_seed(0)
    network = create("ode-liif-plus", channels=8, frame_blocks=1, detail=8, detail_blocks=1).double()

    def gradients(part: Batch) -> torch.Tensor:
        network.zero_grad()
        window = Window(*(each.double() for each in (part.window.frames, part.window.times, part.window.summary)))
        image, uncertainty = network.with_uncertainty(window, part.t, tuple(part.target.shape[-2:]))
        (loss(image, part.target, 2.0) + gaussian_negative_log_likelihood(image - part.target, uncertainty)).backward()
        return torch.cat([weight.grad.flatten() for weight in network.parameters()])

    mean = torch.stack([gradients(share) for share in batch.shares(2)]).mean(0)
    assert torch.allclose(mean, gradients(batch), rtol=0, atol=1e-12)


def test_batches_of_other_seeds_share_their_sources() -> None:
    options = DataOptions(scenes=1, coarse=16, reuse=2)
    again = SceneBatches(options, seed=1, steps=4).again(seed=2, steps=9)
    fresh = SceneBatches(options, seed=2, steps=9)
    assert len(again) == 9
    for index in (0, 5):
        assert torch.equal(again[index].target, fresh[index].target)


def test_labels_are_renumbered_in_their_order() -> None:
    labels = np.random.default_rng(0).choice([0, 2, 41, 77, 2035], (5, 6, 7)).astype(np.float32)
    expected = np.unique(labels, return_inverse=True)[1].reshape(labels.shape)
    np.testing.assert_array_equal(renumber(labels), expected)


def test_batches_are_those_of_the_published_recipes() -> None:
    """Weights ship that were trained on them: other random numbers would make other weights of the same recipe."""
    batches = SceneBatches(DataOptions(scenes=3, coarse=16, volumes=["mni152"]), seed=7, steps=9)
    expected = [(0.500429, 0.352987, 0.372977), (0.25, 0.263205, 0.233308), (0.5, 0.405715, 0.433863)]
    for index, means in enumerate(expected):
        batch = batches[index]
        found = [part.mean() for part in (batch.t, batch.target, batch.window.frames)]
        np.testing.assert_allclose(found, means, rtol=1e-4)
