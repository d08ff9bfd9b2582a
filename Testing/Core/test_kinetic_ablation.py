"""Networks that know kinetics: how they begin, their samples, and what training changes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from kinetic_sample import patient

from dsc_superres.benchmark.kinetic_ablation import NETWORKS, RECIPE, start
from dsc_superres.benchmark.kinetic_training import samples
from dsc_superres.benchmark.kinetic_training.dynamic_part import Prepared, train_in_time
from dsc_superres.benchmark.kinetic_training.samples import MOMENTS, Sample, make_sample
from dsc_superres.kinetics import kinetic_course
from dsc_superres.networks import load_model
from dsc_superres.reconstruction.reconstruct import reconstruct
from dsc_superres.training.config import read_config
from dsc_superres.training.data import DataOptions, SceneBatches

OPTIONS = read_config(RECIPE)


@pytest.fixture(scope="module")
def sample() -> Sample:
    """The first of a few scenes in which kinetics holds somewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "COARSE", 20)
        sources = SceneBatches(DataOptions(), seed=0, steps=0)
        made = (make_sample(sources, np.random.default_rng([1, number])) for number in range(8))
        return next(one for one in made if one.share.any())


def test_untrained_it_is_its_start_and_the_base_only_adds_kinetics() -> None:
    series = patient(np.arange(0, 90, 6.0))
    plain, inputs, base = (
        reconstruct(series, space=1, time=2, model=model, device="cpu", fast=False)
        for model in (
            load_model(OPTIONS.start_from),
            start(OPTIONS, **NETWORKS["kinetic-inputs"]),
            start(OPTIONS, **NETWORKS["kinetic-base"]),
        )
    )
    np.testing.assert_allclose(inputs.signal, plain.signal, atol=1e-2)
    change = np.abs(base.signal - plain.signal).max(axis=(1, 2, 3))
    assert change[::2].max() < 1e-2
    assert change[1::2].max() > 5


def test_a_sample_holds_the_truth_between_frames_and_what_kinetics_adds(sample: Sample, tmp_path) -> None:
    pairs, moments = len(sample.times) - 1, len(MOMENTS)
    assert sample.target.shape[:2] == sample.added.shape[:2] == sample.uncertainty.shape[:2] == (pairs, moments)
    assert not sample.added[..., sample.share == 0].any()
    assert np.abs(sample.added[..., sample.share > 0]).max() > 0.001
    assert (sample.uncertainty > 0).all()
    middle = (sample.frames[1:] + sample.frames[:-1]) / 2
    step = sample.target.shape[-1] // sample.frames.shape[-1]
    truth = sample.target[:, 1].reshape(pairs, 20, step, 20, step).mean((2, 4))
    assert np.corrcoef(truth.ravel(), middle.ravel())[0, 1] > 0.95
    sample.save(tmp_path / "a.npz")
    again = Sample.read(tmp_path / "a.npz")
    np.testing.assert_array_equal(again.frames, sample.frames)
    np.testing.assert_allclose(again.target, sample.target, atol=2e-3)


def test_a_wrong_driving_curve_is_moved_and_then_forgotten(monkeypatch) -> None:
    monkeypatch.setattr(kinetic_course, "driving_curves", lambda *_: [lambda t: np.exp(-((t - 20) ** 2))])
    search, t = kinetic_course.driving_curves, np.linspace(0, 40, 4001)
    with samples._wrong_driving_curve(np.random.default_rng(3)):
        (curve,) = kinetic_course.driving_curves(t, t, t, 20.0)
        assert 0.1 < abs(t[np.argmax(curve(t))] - 20) < 5
    assert kinetic_course.driving_curves is search


def test_training_changes_what_knows_time_and_nothing_else(sample: Sample) -> None:
    begin = start(OPTIONS, **NETWORKS["kinetic-inputs"])
    before = {name: values.clone() for name, values in begin.state_dict().items()}
    trained = train_in_time(begin, [sample] * 3, replace(OPTIONS, steps=2, warm_up=0))
    moved = {name for name, values in trained.state_dict().items() if not torch.equal(values, before[name])}
    assert {"inputs.2.weight", "fusion.mix.weight", "decoder.branch.0.weight"} <= moved
    assert not any(name.startswith("detail.") for name in moved)
    window, known, target = Prepared.of(sample, trained).batch(np.array([0, len(sample.times) - 2]))
    assert target.shape[:2] == known.added.shape[:2]
    assert torch.isnan(window.times[[0, 1], [0, 3]]).all()
