"""The mathematics of the networks: interpolators, the ODE, the implicit function, files of weights."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks_sample import SMALL, random_network, series_of
from scipy.interpolate import PchipInterpolator
from torch import nn
from torchdiffeq import odeint

from dsc_superres.errors import ModelError
from dsc_superres.models import find, names
from dsc_superres.networks import create, load_model, save_model, summarize, window
from dsc_superres.networks.interpolation import Interpolator, cubic_in_time, pchip_in_time
from dsc_superres.networks.liif import LocalImplicitDecoder, neighbors
from dsc_superres.networks.ode import VectorField, solve
from dsc_superres.networks.resampling import average, back_project, upsample

MODELS = [*names(), "static-detail"]


def test_what_models_can_do_is_known_without_building_them() -> None:
    for name in MODELS:
        model, entry = create(name), find(name)
        assert isinstance(model, Interpolator) == entry.is_interpolator
        assert model.estimates_uncertainty == entry.estimates_uncertainty
        assert model.removes_initial_transient == entry.removes_initial_transient
        assert model.drawn_toward_kinetics == (entry.follows_kinetics and not entry.is_interpolator)
        around = window(*series_of(), summarize(series_of()[0]), 1)
        if entry.estimates_uncertainty:
            assert len(model.with_uncertainty(around, torch.tensor([0.5]), (7, 9))) == 2
        else:
            with pytest.raises(ModelError, match="does not estimate its uncertainty: choose ode-liif-compact"):
                model.with_uncertainty(around, torch.tensor([0.5]), (7, 9))


def test_pchip_is_scipys() -> None:
    frames, times = series_of()
    oracle = PchipInterpolator(times.numpy(), frames.numpy(), axis=1)
    t = torch.tensor([0.0, 0.2, 0.7, 1.0])
    for count in (2, 3, 6):
        oracle = PchipInterpolator(times[:count].numpy(), frames[:, :count].numpy(), axis=1)
        for index in range(count - 1):
            around = window(frames[:, :count], times[:count], summarize(frames), index)
            at = (times[index] + t * (times[index + 1] - times[index])).numpy()
            np.testing.assert_allclose(pchip_in_time(around.frames, around, t), oracle(at), atol=2e-6)


def test_cubic_in_time_reproduces_parabolas() -> None:
    _, times = series_of()
    frames = (2 + times - 0.3 * times**2).float()[None, :, None, None].expand(1, 6, 2, 2).contiguous()
    around = window(frames, times, summarize(frames), 2)
    at = times[2] + 0.4 * (times[3] - times[2])
    value = cubic_in_time(around.frames, around, torch.tensor([0.4]))
    np.testing.assert_allclose(value, 2 + at - 0.3 * at**2, atol=1e-5)


@given(coarse=st.integers(4, 20), factor=st.floats(1, 4))
@settings(max_examples=30, deadline=None)
def test_upsampling_keeps_constants_and_means_of_ramps(coarse: int, factor: float) -> None:
    fine = max(coarse, round(coarse * factor))
    flat = torch.full((coarse, coarse), 3.5)
    for kind in ("linear", "cubic"):
        np.testing.assert_allclose(upsample(flat, (fine, fine), kind), 3.5, rtol=1e-5)
    np.testing.assert_allclose(average(torch.full((fine, fine), 3.5), (coarse, coarse)), 3.5, rtol=1e-5)
    np.testing.assert_allclose(back_project(flat, (fine, fine)), 3.5, rtol=1e-5)


def test_back_projection_is_consistent_with_the_data() -> None:
    image = torch.rand(16, 16, generator=torch.Generator().manual_seed(0))
    before = (average(upsample(image, (32, 32), "cubic"), (16, 16)) - image).abs().max()
    after = (average(back_project(image, (32, 32)), (16, 16)) - image).abs().max()
    assert after < 0.15 * before


@given(fine=st.integers(2, 50), coarse=st.integers(2, 30))
@settings(max_examples=60, deadline=None)
def test_liif_weights_sum_to_one(fine: int, coarse: int) -> None:
    rows, columns = neighbors(fine, coarse), neighbors(fine + 3, coarse)
    weights = [[LocalImplicitDecoder.ensemble_weights(offset.abs()) for _, offset in axis] for axis in (rows, columns)]
    total = sum(row[:, None] * column[None, :] for row in weights[0] for column in weights[1])
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert all((weight >= 0).all() for weight in weights[0])


def textbook_liif(decoder: LocalImplicitDecoder, latent: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """The implicit function as it is defined: one query at a time, g at each of the four cells, weighted by area."""
    features = decoder.branch(latent)[0]
    height, width = latent.shape[-2:]
    image = torch.zeros(size)
    for i in range(size[0]):
        for j in range(size[1]):
            y, x = (i + 0.5) * height / size[0] - 0.5, (j + 0.5) * width / size[1] - 0.5
            for v in (np.floor(y), np.floor(y) + 1):
                for u in (np.floor(x), np.floor(x) + 1):
                    area = (1 - abs(y - v)) * (1 - abs(x - u))
                    z = features[:, int(np.clip(v, 0, height - 1)), int(np.clip(u, 0, width - 1))]
                    offsets = (torch.tensor([float(y - v)]), torch.tensor([float(x - u)]))
                    image[i, j] += area * (z @ decoder.coordinates(*offsets, (height / size[0], width / size[1]))[0, 0])
    return decoder.gain * image


@pytest.mark.parametrize("size", [(10, 14), (15, 14), (8, 9), (12, 7)])
def test_decoder_equals_the_textbook(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    decoder, latent = LocalImplicitDecoder(6, 5), torch.rand(2, 6, 5, 7)
    with torch.no_grad():
        expected = textbook_liif(decoder, latent, size)
        assert expected.std() > 1e-3
        np.testing.assert_allclose(decoder(latent, size)[0], expected, atol=1e-6)


class Spiral(nn.Module):
    """dz/dt = 2 i z cos t over pairs of channels, whose solution is known."""

    def forward(self, t: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        return 2 * torch.cos(t) * torch.stack([-state[:, 1], state[:, 0]], 1)


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("midpoint", 2), ("adams", 2), ("rk4", 4)])
@pytest.mark.parametrize("begin", [0.0, 1.0])
def test_solver_converges_at_its_order(method: str, order: int, begin: float) -> None:
    times = torch.tensor([0.0, 0.03, 0.3, 0.97, 1.0], dtype=torch.float64)
    start = torch.tensor([1.0, 0.0], dtype=torch.float64).reshape(1, 2, 1, 1)
    phase = 2 * (torch.sin(times) - np.sin(begin))
    exact = torch.stack([torch.cos(phase), torch.sin(phase)], 1)
    errors = []
    for step in (0.1, 0.05):
        found = torch.stack(solve(Spiral(), start, times, begin=begin, method=method, step=step))[:, 0, :, 0, 0]
        errors.append((found - exact).abs().max())
    assert torch.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.35)


def test_midpoint_is_torchdiffeqs() -> None:
    torch.manual_seed(0)
    field, start, times = VectorField(6, 4), torch.rand(2, 6, 5, 5), torch.tensor([0.0, 0.25, 0.5, 1.0])
    nn.init.normal_(field.outward.weight)
    with torch.no_grad():
        expected = odeint(field, start, times, method="midpoint", options={"step_size": 0.25})
        found = torch.stack(solve(field, start, times, begin=0.0, method="midpoint", step=0.25))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("method", "asked"), [("midpoint", 8), ("adams", 5)])
def test_rates_that_are_known_are_not_asked_for_again(method: str, asked: int) -> None:
    """Four steps to the end and what is between, without the rate at the very end."""
    torch.manual_seed(0)
    field, calls = VectorField(6, 4), []
    field.register_forward_hook(lambda *_: calls.append(1))
    with torch.no_grad():
        solve(field, torch.rand(1, 6, 5, 5), torch.linspace(0, 1, 11), begin=1.0, method=method, step=0.25)
    assert len(calls) == asked


def test_adaptive_solver_meets_its_tolerance() -> None:
    times = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64)
    start = torch.tensor([1.0, 0.0], dtype=torch.float64).reshape(1, 2, 1, 1)
    found = torch.stack(solve(Spiral(), start, times, begin=0.0, method="dopri5", rtol=1e-7, atol=1e-8))[:, 0, :, 0, 0]
    phase = 2 * torch.sin(times)
    np.testing.assert_allclose(found, torch.stack([torch.cos(phase), torch.sin(phase)], 1), atol=1e-6)


def test_flows_return_their_starting_features() -> None:
    torch.manual_seed(0)
    field, start = VectorField(6, 4), torch.rand(2, 6, 5, 5)
    nn.init.normal_(field.outward.weight)
    times = torch.tensor([0.0, 0.5, 1.0])
    with torch.no_grad():
        forward, backward = (solve(field, start, times, begin=begin) for begin in (0.0, 1.0))
    assert torch.equal(forward[0], start)
    assert torch.equal(backward[-1], start)
    assert not torch.allclose(forward[1], start)
    assert not torch.allclose(backward[1], start)


def test_one_solve_serves_all_times() -> None:
    """A frame does not depend on which others are asked for, on the solver's grid of times or off it."""
    model, (frames, times) = random_network(), series_of()
    around, t = window(frames, times, summarize(frames), 2), torch.tensor([0.0, 0.1, 0.25, 0.35, 0.8, 1.0])
    with torch.no_grad():
        together = model(around, t, (14, 18))
        apart = torch.cat([model(around, moment[None], (14, 18)) for moment in t], 1)
    np.testing.assert_allclose(together, apart, atol=1e-5)


@pytest.mark.parametrize(("name", "kept"), [("ode-liif", 7), ("ode-liif-plus", 9)])
def test_cached_frames_change_nothing(name: str, kept: int) -> None:
    model, (frames, times) = random_network(name), series_of()
    t, cache = torch.tensor([0.25, 0.5]), {}
    with torch.no_grad():
        for index in range(5):
            around = window(frames, times, summarize(frames), index)
            np.testing.assert_allclose(model(around, t, (10, 11), cache), model(around, t, (10, 11)), atol=1e-5)
    # anatomy, signal region, two encoded and three fine frames; in plus also detail and noise
    assert len(cache) <= kept


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("size", [(7, 9), (14, 18), (11, 25)])
def test_any_size_any_times(name: str, size: tuple[int, int]) -> None:
    model = random_network(name) if name.startswith("ode-liif") else create(name)
    frames, times = series_of()
    with torch.no_grad():
        image = model(window(frames, times, summarize(frames), 0), torch.tensor([0.0, 0.1, 0.9]), size)
    assert image.shape == (2, 3, *size)
    assert torch.isfinite(image).all()


def test_air_keeps_its_noise_floor() -> None:
    """A magnitude image is not zero in air; a network that learned from noise-free targets would make it so."""
    model, (frames, times) = random_network(), series_of()
    frames = torch.cat([0.01 * frames, 0.3 + frames], dim=-1)
    around = window(frames, times, summarize(frames), 2)
    size, t = (14, 36), torch.tensor([0.0, 0.4])
    with torch.inference_mode():
        image, base = model(around, t, size), model.base(around, t, size)
    assert torch.equal(image[..., :14], base[..., :14])
    assert (image[..., 18:] - base[..., 18:]).abs().mean() > 0.1


@pytest.mark.parametrize("size", [(14, 18), (10, 13)])
def test_static_detail_turns_with_the_image(size: tuple[int, int]) -> None:
    """Averaged over all mirrored and turned views, it has no preferred direction."""
    model, (frames, times) = random_network("ode-liif-plus").detail, series_of()
    t = torch.tensor([0.0, 0.4])

    def detail(frames: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        around = window(frames, times, summarize(frames), 2)
        return model(around, t, size) - model.base(around, t, size)

    with torch.inference_mode():
        upright, turned = detail(frames, size), detail(torch.rot90(frames, 1, (-2, -1)), size[::-1])
    assert upright.abs().mean() > 0.01
    np.testing.assert_allclose(turned, torch.rot90(upright, 1, (-2, -1)), atol=1e-5)


def test_static_detail_is_the_same_for_all_frames_of_a_still_series() -> None:
    model, (frames, times) = random_network("ode-liif-plus").detail, series_of()
    still = frames[:, :1].expand_as(frames)
    around = window(still, times, summarize(still), 2)
    with torch.inference_mode():
        image = model(around, torch.tensor([0.0, 0.3, 1.0]), (14, 18))
    np.testing.assert_allclose(image, image[:, :1].expand_as(image), atol=1e-5)


def test_deviation_is_positive_and_that_of_the_noise_in_air() -> None:
    model, (frames, times) = random_network("ode-liif-plus"), series_of()
    frames = torch.cat([0.01 * frames, 0.3 + frames], dim=-1)
    summary = summarize(frames)
    with torch.inference_mode():
        _, uncertainty = model.with_uncertainty(window(frames, times, summary, 2), torch.tensor([0.0, 0.4]), (14, 36))
    assert (uncertainty > 0).all()
    np.testing.assert_allclose(uncertainty[..., :14].mean(), summary[:, 1, :, :7].mean(), rtol=0.05)


@pytest.mark.parametrize("name", ["ode-liif", "ode-liif-plus"])
def test_gradients_reach_every_parameter(name: str) -> None:
    model, (frames, times) = random_network(name).train(), series_of()
    around, t, size = window(frames, times, summarize(frames), 2), torch.tensor([0.3, 0.6]), (14, 18)
    outputs = model.with_uncertainty(around, t, size) if name == "ode-liif-plus" else [model(around, t, size)]
    sum(output.square().mean() for output in outputs).backward()
    idle = [name for name, parameter in model.named_parameters() if not parameter.grad.abs().sum() > 0]
    assert idle == []


def test_weights_travel_with_their_options(tmp_path) -> None:
    model, (frames, times) = random_network(), series_of()
    path = tmp_path / "mine.safetensors"
    save_model(model, path, name="ode-liif", options=SMALL)
    around, t = window(frames, times, summarize(frames), 1), torch.tensor([0.5])
    with torch.no_grad():
        assert torch.equal(load_model(path)(around, t, (14, 18)), model(around, t, (14, 18)))


def test_models_that_cannot_be_used_are_refused(tmp_path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not weights at all")
    for source, message in [
        ("nonsense", "no model"),
        (tmp_path / "gone.safetensors", "not there"),
        (broken, "not a file"),
    ]:
        with pytest.raises(ModelError, match=message):
            load_model(source)
    save_model(random_network(), tmp_path / "changed.safetensors", name="ode-liif", options=SMALL)
    (tmp_path / "changed.json").write_text('{"sha256": "0"}')
    with pytest.raises(ModelError, match="checksum"):
        load_model(tmp_path / "changed.safetensors")
    with pytest.raises(ModelError, match="options"):
        create("ode-liif", chanels=3)
