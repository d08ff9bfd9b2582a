"""Training: reproducible batches, a loss that falls, and runs that can be resumed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from dsc_superres import benchmark, training
from dsc_superres.benchmark.retraining.plus_start import write_plus_start
from dsc_superres.errors import FileError, ModelError
from dsc_superres.networks import create, load_model, save_model
from dsc_superres.training.config import read_config
from dsc_superres.training.data import DataOptions, SceneBatches
from dsc_superres.training.losses import loss
from dsc_superres.training.train import train

CONFIG = """
name = "ode-liif"
out = "{out}"
seed = 5
steps = {steps}
warm_up = 2
workers = 0
validate_every = 100
rate = 3e-3
cool_down = 0.0
[network]
channels = 8
blocks = 1
frame_blocks = 1
direction = 4
field = 4
decoder = 8
[data]
scenes = 2
pairs = 2
coarse = 16
"""


def test_batches_are_a_function_of_seed_and_step() -> None:
    options = DataOptions(scenes=2, coarse=16)
    first, again = (SceneBatches(options, seed=7, steps=9)[4] for _ in range(2))
    other = SceneBatches(options, seed=8, steps=9)[4]
    assert torch.equal(first.target, again.target)
    assert torch.equal(first.window.frames, again.window.frames)
    assert first.target.shape != other.target.shape or not torch.equal(first.target, other.target)


def test_batches_that_are_shown_again_are_turned_views() -> None:
    options = DataOptions(scenes=1, coarse=16, reuse=4)
    batches = SceneBatches(options, seed=3, steps=9)
    plain, shown = SceneBatches(DataOptions(scenes=1, coarse=16), seed=3, steps=9)[0], [batches[k] for k in range(4)]
    again = SceneBatches(options, seed=3, steps=9)[2]
    assert torch.equal(again.target, shown[2].target)
    for batch in shown:
        whole = (batch.target.sum(), batch.window.frames.sum(), batch.window.summary.sum())
        expected = (plain.target.sum(), plain.window.frames.sum(), plain.window.summary.sum())
        np.testing.assert_allclose(whole, expected, rtol=1e-5)
    assert not all(torch.equal(batch.target, shown[0].target) for batch in shown)


def test_batches_hold_what_they_say() -> None:
    """At an acquired time the noise-free target, averaged to the coarse grid, is the frame but for its noise."""
    checked = 0
    for index in range(12):
        batch = SceneBatches(DataOptions(scenes=3, coarse=24, kspace_share=0), seed=1, steps=20)[index]
        assert torch.isfinite(batch.target).all()
        if batch.t[0] > 0 or batch.target.shape[-1] != 48:
            continue
        coarse = batch.target[:, 0].unflatten(-1, (24, 2)).unflatten(-3, (24, 2)).mean((-1, -3))
        assert (coarse - batch.window.frames[:, 1]).abs().mean() < 0.05
        checked += 1
    assert checked >= 2


def test_batches_can_be_refined_in_time_alone() -> None:
    batch = SceneBatches(DataOptions(scenes=3, coarse=16, acquired=True, time_alone=1.0), seed=1, steps=20)[0]
    assert batch.target.shape[-2:] == batch.window.frames.shape[-2:]
    assert (batch.target[:, 0] - batch.window.frames[:, 1]).abs().mean() < 0.05


def test_where_errors_begin_to_count_linearly_changes_large_ones_alone() -> None:
    target = torch.full((1, 1, 12, 12), 0.5)
    small, large = (loss(target + error, target, 2.0, 0.1) / loss(target + error, target, 2.0) for error in (1e-3, 0.3))
    assert float(small) == pytest.approx(1, abs=0.01)
    assert float(large) > 2


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path) -> None:
    for name, lengths in (("whole", [6]), ("parts", [3, 6])):
        for steps in lengths:
            config = tmp_path / f"{name}.toml"
            config.write_text(CONFIG.format(out=tmp_path / name, steps=steps))
            weights = train(config)
        assert weights.is_file()
    whole, parts = (load_model(tmp_path / name / "ode-liif.safetensors").state_dict() for name in ("whole", "parts"))
    for key, value in whole.items():
        np.testing.assert_allclose(parts[key], value, atol=1e-6)


def test_a_configuration_extends_another(tmp_path) -> None:
    (tmp_path / "common.toml").write_text(CONFIG.format(out=tmp_path, steps=3))
    (tmp_path / "own.toml").write_text('extends = "common.toml"\nsteps = 4\n[network]\nblocks = 2\n')
    common, own = (read_config(tmp_path / name) for name in ("common.toml", "own.toml"))
    assert (own.steps, own.seed, own.data) == (4, common.seed, common.data)
    assert own.network == {**common.network, "blocks": 2}
    (tmp_path / "more.toml").write_text("steps = 5\n[data]\ncoarse = 20\n")
    (tmp_path / "both.toml").write_text('extends = ["common.toml", "more.toml"]\nsteps = 6\n')
    both = read_config(tmp_path / "both.toml")
    assert (both.steps, both.network, both.data) == (6, common.network, {**common.data, "coarse": 20})
    (tmp_path / "lost.toml").write_text('extends = "missing.toml"\n')
    with pytest.raises(FileError, match=r"missing\.toml cannot be read"):
        read_config(tmp_path / "lost.toml")
    (tmp_path / "own.toml").write_text('extends = "own.toml"\n')
    with pytest.raises(ModelError, match="extends itself"):
        read_config(tmp_path / "own.toml")


@pytest.mark.parametrize("package", [training, benchmark])
def test_shipped_configurations_are_complete(package) -> None:
    recipes = Path(package.__file__).parent / "recipes"
    additions = ("chain.toml", "1-narrowing.toml", "2-start.toml", "more-heads.toml")  # no training of their own
    configurations = [path for path in sorted(recipes.rglob("*.toml")) if path.name not in additions]
    assert configurations
    for path in configurations:
        options = read_config(path)
        create(options.name, **options.network)
        assert sum(DataOptions(**options.data).shares) in (0, pytest.approx(1))


def test_shares_of_what_is_not_there_are_a_sentence() -> None:
    with pytest.raises(ModelError, match="labels"):
        SceneBatches(DataOptions(shares=[0.5, 0.3, 0.2]), seed=0, steps=1)


def test_weights_of_a_part_take_its_place(tmp_path) -> None:
    small = {"channels": 8, "blocks": 1, "frame_blocks": 1, "direction": 4, "field": 4, "decoder": 8}
    paths = [tmp_path / "start.safetensors", tmp_path / "other.safetensors"]
    for seed, path in enumerate(paths):
        torch.manual_seed(seed)
        network = create("ode-liif", **small)
        save_model(network if seed == 0 else network.frame, path, name="ode-liif", options=small)
    config, text = tmp_path / "parts.toml", CONFIG.format(out=tmp_path / "run", steps=1).replace("3e-3", "1e-12")
    parts = f'start_from = "{paths[0]}"\nparts = {{ frame = "{paths[1]}" }}\n'
    config.write_text(parts + text)
    weights, start, other = (load_file(path) for path in (train(config), *paths))
    for key, value in weights.items():
        expected = other[key.removeprefix("frame.")] if key.startswith("frame.") else start[key]
        assert torch.allclose(value, expected, atol=1e-6), key


def test_plus_begins_with_its_parts_and_keeps_the_frozen_one(tmp_path) -> None:
    torch.manual_seed(0)
    small = {"channels": 8, "blocks": 1, "decoder": 8}
    save_model(create("static-detail", **small), tmp_path / "still.safetensors", name="static-detail", options=small)
    network = "[network]\ndetail = 8\ndetail_blocks = 1\ndetail_decoder = 8\n"
    data = "[data]\nscenes = 1\npairs = 1\ncoarse = 16\n"
    head = f'name = "ode-liif-plus"\nout = "{tmp_path / "plus"}"\nsteps = 2\nrate = 1e-9\nworkers = 0\n'
    start = tmp_path / "start.safetensors"
    config = tmp_path / "plus.toml"
    config.write_text(head + f'frozen = ["detail"]\nstart_from = "{start}"\n' + network + data)
    explained = write_plus_start(read_config(config), tmp_path / "still.safetensors", "ode-liif", start)
    assert 0 < explained < 1
    plus, whole, still = load_model(train(config)), load_model("ode-liif"), load_model(tmp_path / "still.safetensors")
    for key, value in still.state_dict().items():
        assert torch.equal(plus.detail.state_dict()[key], value)
    first = whole.decoder.trunk[2].weight
    assert torch.allclose(plus.decoder.trunk[2].weight[: len(first)], first, atol=1e-6)
    assert torch.allclose(plus.forward_field.inward.weight, whole.forward_field.inward.weight, atol=1e-6)
    assert plus.calibration > 0
    assert plus.calibration != 1


def test_an_interrupted_run_keeps_its_steps(tmp_path) -> None:
    config = tmp_path / "run.toml"
    config.write_text(CONFIG.format(out=tmp_path / "run", steps=100_000))
    command = [sys.executable, "-m", "dsc_superres", "train", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 300
    while not (tmp_path / "run" / "log.csv").is_file() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=300) == 130
    assert load_model(tmp_path / "run" / "ode-liif.safetensors") is not None


def test_configuration_errors_are_sentences(tmp_path) -> None:
    with pytest.raises(FileError, match="cannot be read"):
        read_config(tmp_path / "gone.toml")
    (tmp_path / "bad.toml").write_text('name = "ode-liif"\nout = "x"\nstps = 3\n')
    with pytest.raises(ModelError, match="stps"):
        read_config(tmp_path / "bad.toml")
