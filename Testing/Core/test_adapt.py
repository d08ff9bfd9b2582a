"""Adaptation to one scan: what it learns from, what it holds out, and that it never makes a model worse."""

import json

import numpy as np
import pytest
import torch
from sample import bolus_series

from dsc_superres.cli import main
from dsc_superres.errors import ModelError, SeriesError
from dsc_superres.io import read_series, write_series
from dsc_superres.networks import create, save_model
from dsc_superres.reconstruction.adaptation import adapt, held_out
from dsc_superres.series import Series

OPTIONS = {"channels": 8, "blocks": 1, "frame_blocks": 1, "direction": 4, "field": 4, "decoder": 8}


def textured(slices: int = 4) -> Series:
    """A noise-free series of stripes that a network can learn and an interpolator cannot."""
    times = 1.5 * np.arange(21)
    level = 1 - 0.4 * np.exp(-((times - 12) ** 2) / 20)
    y, x = np.mgrid[:64, :64]
    still = 300 + 200 * np.sign(np.sin(x / 2.1 + 0.4 * np.sin(y / 5)))
    signal = level[:, None, None, None] * np.broadcast_to(still, (slices, 64, 64))
    return Series(signal.astype(np.float32), times, echo_time=0.03)


@pytest.fixture
def fresh(tmp_path) -> str:
    torch.manual_seed(0)
    path = tmp_path / "fresh.safetensors"
    save_model(create("ode-liif", **OPTIONS), path, name="ode-liif", options=OPTIONS)
    return str(path)


@pytest.mark.parametrize("slices", [1, 4])
def test_a_network_learns_from_the_scan_itself(fresh, slices: int) -> None:
    found = adapt(textured(slices), steps=80, rate=5e-3, model=fresh)
    assert found.steps == 80
    assert found.gain > 0.1
    assert not found.kept
    again = adapt(textured(slices), steps=80, rate=5e-3, model=fresh)
    assert again.after == pytest.approx(found.after, abs=1e-3)


def test_held_out_slices_and_rows() -> None:
    slices, rows = held_out((9, 10, 64, 64))
    assert slices.tolist() == [1, 5, 9]
    assert rows == slice(0, 64)
    slices, rows = held_out((9, 2, 60, 64))
    assert slices.tolist() == [0, 1]
    assert rows == slice(40, 60)


def test_what_cannot_be_adapted_is_refused(fresh) -> None:
    with pytest.raises(ModelError, match="interpolator"):
        adapt(textured(), model="pchip")
    with pytest.raises(SeriesError, match="9 frames"):
        adapt(textured().with_signal(textured().signal[:5], times=textured().times[:5]), model=fresh)
    with pytest.raises(SeriesError, match="too small"):
        adapt(bolus_series(), model=fresh)


def test_the_command_writes_weights_only_where_they_gain(tmp_path, fresh, capsys) -> None:
    write_series(textured(), tmp_path / "scan.nii.gz")
    assert main(["adapt", str(tmp_path / "scan.nii.gz"), "--steps", "4", "--model", fresh, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    weights = tmp_path / "scan.adapted.safetensors"
    assert weights.is_file() == (told["gain_db"] >= 0.05)
    assert told["weights"] == (weights.name if weights.is_file() else None)


def test_a_reconstruction_can_adapt_first(tmp_path, fresh, capsys) -> None:
    write_series(textured(), tmp_path / "scan.nii.gz")
    files = [str(tmp_path / name) for name in ("scan.nii.gz", "fine.nii.gz")]
    assert main(["reconstruct", *files, "--model", fresh, "--time", "1", "--adapt", "0.01"]) == 0
    assert "held out" in capsys.readouterr().err
    assert read_series(files[1]).signal.shape == (21, 4, 128, 128)
