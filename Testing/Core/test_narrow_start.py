"""A narrow network that is fitted to a wide one, without training."""

import numpy as np
import pytest
import torch
from networks_sample import SMALL_PLUS, random_network, series_of

from dsc_superres.benchmark.retraining.layer_fit import fit_convolution, keep_channels, project, projection
from dsc_superres.benchmark.retraining.narrow_start import NarrowFit
from dsc_superres.networks import create, summarize, window


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def windows(count: int = 6) -> list:
    generator = torch.Generator().manual_seed(5)
    found = []
    for _ in range(count):
        frames, times = torch.rand(4, 6, 12, 12, generator=generator), series_of()[1]
        found.append(window(frames, times, summarize(frames), 2))
    return found


def calm_network():
    model = random_network("ode-liif-plus")
    for parameter in model.parameters():
        parameter.mul_(0.7)
    return model


def test_a_network_of_the_same_widths_becomes_its_teacher() -> None:
    wide, narrow = calm_network(), create("ode-liif-plus", **SMALL_PLUS).eval()
    NarrowFit(wide, narrow, windows(), torch.Generator().manual_seed(0)).run()
    (frames, times), t = series_of(), torch.tensor([0.0, 0.25, 0.5])
    around = window(frames, times, summarize(frames), 2)
    for size in ((14, 18), (10, 11)):
        expected, base = wide(around, t, size), wide.base(around, t, size)
        added = (expected - base).square().mean().sqrt()
        assert (narrow(around, t, size) - expected).square().mean().sqrt() < 0.01 * added


def test_a_narrow_network_is_nearer_to_its_teacher_than_none() -> None:
    wide = calm_network()
    narrow = create("ode-liif-plus", **{**SMALL_PLUS, "channels": 6, "direction": 3, "field": 3, "decoder": 6}).eval()
    NarrowFit(wide, narrow, windows(), torch.Generator().manual_seed(0)).run()
    (frames, times), t = series_of(), torch.tensor([0.25, 0.5])
    around = window(frames, times, summarize(frames), 2)
    expected, still = wide(around, t, (14, 18)), wide.detail(around, t, (14, 18))
    assert (narrow(around, t, (14, 18)) - expected).square().mean() < 0.5 * (still - expected).square().mean()


def test_a_projection_keeps_what_readers_see() -> None:
    features, reader = torch.randn(3, 5, 6, 6), torch.randn(2, 5, 3, 3)
    reader[:, 2:] = reader[:, :1] * torch.randn(3)[None, :, None, None]  # rank 2 of 5
    reader = torch.einsum("nk,kcij->ncij", torch.eye(2), reader)
    encode, decode = projection(features, [torch.cat([reader[:, :, :1, :1]] * 2)], 2)
    seen = project(torch.flatten(reader[:, :, 0, 0], 1), features)
    again = project(torch.flatten(reader[:, :, 0, 0], 1) @ decode, project(encode, features))
    np.testing.assert_allclose(again, seen, atol=1e-3)


def test_channels_without_weight_are_not_kept() -> None:
    features, reader = torch.randn(2, 4, 5, 5), torch.ones(3, 4, 3, 3)
    reader[:, 1] = 0
    features[:, 2] *= 0.01
    assert keep_channels(features, [reader], 2).tolist() == [0, 3]


def test_a_fit_finds_the_layer_and_its_clock() -> None:
    layer, found = torch.nn.Conv2d(3, 2, 3, padding=1), torch.nn.Conv2d(3, 2, 3, padding=1)
    inputs, clock = torch.randn(8, 3, 9, 9), torch.rand(8, 1)
    target = layer(inputs) + torch.tensor([1.0, -2.0])[None, :, None, None] * clock[:, :, None, None]
    rate = fit_convolution(found, inputs, target, torch.Generator().manual_seed(0), clock)
    np.testing.assert_allclose(found.weight, layer.weight, atol=1e-3)
    np.testing.assert_allclose(rate[:, 0], [1, -2], atol=1e-2)
