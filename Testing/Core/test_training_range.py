"""Series that are unlike those of training are named as such, and those that are like them are not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sample import bolus_series

from dsc_superres import training
from dsc_superres.cli import main
from dsc_superres.degrade import undersample
from dsc_superres.geometry import Geometry
from dsc_superres.io import write_series
from dsc_superres.models import SIMULATED, entries
from dsc_superres.reconstruction.training_range import outside_training_range, temporal_snr
from dsc_superres.series import Series
from dsc_superres.training.config import read_config
from dsc_superres.training.data import FRAMES, INTERVAL, SPACE_FACTORS, DataOptions, SceneBatches
from dsc_superres.training.scenes import SNR


def usual() -> Series:
    """Coarse frames 6 s apart, 3.6 mm pixels, signal-to-noise 60, a bolus."""
    rng = np.random.default_rng(0)
    times = 6.0 * np.arange(15)
    level = 1 - 0.4 * np.exp(-((times - 24) ** 2) / 60)
    still = np.zeros((1, 40, 40), np.float32)
    still[:, 6:34, 6:34] = 600
    signal = np.abs(level[:, None, None, None] * still + 10 * rng.standard_normal((15, 1, 40, 40)))
    return Series(signal.astype(np.float32), times, Geometry(spacing=(3.6, 3.6, 5.0)), echo_time=0.03)


def test_a_usual_series_is_within() -> None:
    assert outside_training_range(usual(), SIMULATED) == ()
    assert temporal_snr(usual().signal) == pytest.approx(55, rel=0.1)  # the mean over the bolus lies below the baseline


@pytest.mark.parametrize(
    ("change", "space", "words"),
    [
        (lambda s: replace(s, times=s.times * 5), 2, "30 s apart"),
        (lambda s: s.with_signal(s.signal[:3], times=s.times[:3]), 2, "3 frames"),
        (lambda s: replace(s, geometry=Geometry(spacing=(0.4, 0.4, 5.0))), 2, "0.4 mm"),
        (lambda s: s, 8, "factor of 8"),
        (lambda s: s.with_signal(s.signal * np.random.default_rng(1).uniform(0.7, 1.3, s.signal.shape)), 2, "ratio"),
    ],
)
def test_what_is_unlike_is_said(change, space, words) -> None:
    (note,) = outside_training_range(change(usual()), SIMULATED, space)
    assert words in note


def test_what_makes_no_difference_is_not_said() -> None:
    """Negative noise, and frames every 1.5 s: the networks gain as much as elsewhere."""
    series = usual()
    noisy = series.with_signal(series.signal - 20)
    assert noisy.signal.min() < 0
    assert outside_training_range(replace(noisy, times=noisy.times / 4), SIMULATED) == ()


def test_the_command_says_so(tmp_path, capsys) -> None:
    coarse = undersample(bolus_series(), 2, 4)
    write_series(replace(coarse, times=coarse.times * 9), tmp_path / "slow.nii.gz")
    assert main(["reconstruct", str(tmp_path / "slow.nii.gz"), str(tmp_path / "fine.nii.gz")]) == 0
    assert "unlike" in capsys.readouterr().err


RECIPES = {
    "ode-liif": "3-cool-down.toml",
    "ode-liif-plus": "6-both-parts.toml",
    "ode-liif-compact": "2-calibration.toml",
}


@pytest.mark.parametrize("entry", [entry for entry in entries() if entry.training_range], ids=lambda entry: entry.name)
def test_the_range_is_what_training_draws(entry) -> None:
    """Intervals, factors, frames and noise with a tolerance; pixels are drawn finer, and then under-sampled."""
    trained = entry.training_range
    network = entry.weights.stem  # models may share weights
    recipe = Path(training.__file__).parent / "recipes" / network / RECIPES[network]
    options = DataOptions(**read_config(recipe).data)
    assert trained.frames == FRAMES[0]
    assert trained.interval[0] <= INTERVAL[0]
    np.testing.assert_allclose(trained.interval[1], INTERVAL[1], rtol=0.06)
    np.testing.assert_allclose(trained.space, SPACE_FACTORS, rtol=0.06)
    assert 0.8 * SNR[0] <= trained.snr <= SNR[0]
    assert trained.pixel[0] <= options.pixels[0] * SPACE_FACTORS[0]
    assert trained.pixel[1] <= options.pixels[1] * SPACE_FACTORS[1]


def test_training_draws_within_its_constants() -> None:
    batches, rng = SceneBatches(DataOptions(), seed=0, steps=1), np.random.default_rng(0)
    clocks = [batches._frame_times(rng) for _ in range(300)]
    assert {min(map(len, clocks)), max(map(len, clocks))} <= set(range(FRAMES[0], FRAMES[1] + 1))
    intervals = [np.median(np.diff(clock)) for clock in clocks]
    assert INTERVAL[0] < 1.2 * min(intervals)
    assert max(intervals) < 1.4 * INTERVAL[1]
    factors = [batches._factor(rng) for _ in range(300)]
    assert SPACE_FACTORS[0] <= min(factors)
    assert max(factors) <= SPACE_FACTORS[1]
