"""What the speed benchmark compares is the same: the textbook's results are ours. No times are tested."""

import numpy as np
import pytest
import torch

from dsc_superres.benchmark.reconstruction_speed.speed_text import costs, text
from dsc_superres.benchmark.reconstruction_speed.stage_times import head_series, stages
from dsc_superres.benchmark.reconstruction_speed.textbook_network import TextbookDecoder, textbook_frames
from dsc_superres.benchmark.reconstruction_speed.whole_commands import whole_commands
from dsc_superres.benchmark.speed import ratios
from dsc_superres.networks import load_model
from dsc_superres.networks.liif import LocalImplicitDecoder
from dsc_superres.reconstruction.reconstruct import reconstruct
from dsc_superres.reconstruction.target_grid import normalization


@pytest.mark.parametrize("size", [(10, 14), (15, 14), (8, 9)])
def test_textbook_decoder_agrees(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    decoder, latent = LocalImplicitDecoder(6, 5), torch.rand(2, 6, 5, 7)
    with torch.inference_mode():
        np.testing.assert_allclose(TextbookDecoder(decoder)(latent, size), decoder(latent, size), atol=1e-6)


def test_reconstruction_equals_the_textbook_loop() -> None:
    """Frames encoded once, one solve for all times, air left out: none of it changes a voxel by 1e-4 of the range."""
    series, network = head_series(64, 1, 4), load_model("ode-liif")
    found = reconstruct(series, model=network, fast=False).signal[:, 0]
    offset, scale = normalization(series.signal.mean(axis=0))
    frames = torch.from_numpy((series.signal[:, 0] - offset) / scale)[None]
    t = torch.tensor([0, 0.25, 0.5, 0.75])
    with torch.inference_mode():
        images = list(textbook_frames(network, frames, torch.from_numpy(series.times.copy()), t, (128, 128)))
    expected = np.maximum(torch.cat(images).numpy() * scale + offset, 0)
    assert np.abs(found[:-1] - expected).max() < 1e-4 * np.ptp(expected)


def test_stages_add_up_to_the_whole() -> None:
    network = load_model("ode-liif")
    parts, gflop, _ = stages(network, head_series(32, 1, 3), "cpu")
    assert sum(row["gflop"] for row in parts) == pytest.approx(gflop, rel=0.02)
    assert all(row["seconds"] > 0 for row in parts)
    assert {"decoder_ratio", "end_to_end_ratio", "videoinr_ratio"} < ratios(network, 32, "cpu", pairs=1).keys()


def test_whole_commands_are_run() -> None:
    rows = whole_commands(1, 30, 64, [".nii.gz"])
    assert len(rows) == 2
    assert all(row["seconds"] > 0 for row in rows)
    memory = np.array([row["peak_memory_mib"] for row in rows], float)  # NaN where the system does not tell
    assert not np.any(np.abs(memory) > 500)
    assert memory[0] != memory[1], "that of the process that starts them does not count"
    table = text({"device": "cpu", "threads": 2, "size": 64, "job": (1, 30), "commands": rows})
    assert all(row["command"] in table for row in rows)


def test_tables_show_what_was_measured_and_what_was_not() -> None:
    rows = [{"slices": 2, "frames": 8, "seconds": 3.0, "estimated_seconds": None, "peak_memory_mib": 100.0}]
    grown = {
        "model": "ode-liif-compact",
        "rows": rows,
        "seconds_per_pair": 0.2,
        "seconds_per_slice": 0.1,
        "r_squared": 1.0,
        "job_seconds": 240.0,
        "job_seconds_fitted": 240.0,
    }
    found = {"device": "cpu", "threads": 2, "size": 128, "job": (20, 60), "scaling": grown, "job_seconds": 240.0}
    assert "`ode-liif-compact`" in text(found)
    assert "takes 4.0 minutes" in text(found)
    assert "H100" not in text(found)
    lines = costs({**found, "job_gflop": 40_000.0})
    assert "an estimate, not measured" in lines[-1]
    assert "as measured" in lines[-2]
