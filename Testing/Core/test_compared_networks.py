"""Networks that are there to be compared with: ODE-LIIF without one of its parts, VideoINR, LIIF linear in time."""

import numpy as np
import pytest
import torch
from networks_sample import SMALL, series_of
from torch import nn

from dsc_superres.benchmark.networks.ablated import PARTS, NearestDecoder
from dsc_superres.benchmark.research_models import ABLATED
from dsc_superres.models import find, names
from dsc_superres.networks import create, load_model, summarize, window
from dsc_superres.networks.liif import neighbors


@pytest.mark.parametrize("name", ["liif-linear", "videoinr"])
@pytest.mark.parametrize("size", [(7, 9), (14, 18), (11, 25)])
def test_any_size_any_times(name: str, size: tuple[int, int]) -> None:
    model, (frames, times) = create(name), series_of()
    with torch.no_grad():
        image = model(window(frames, times, summarize(frames), 0), torch.tensor([0.0, 0.1, 0.9]), size)
    assert image.shape == (2, 3, *size)
    assert torch.isfinite(image).all()


def test_research_models_are_registered_with_their_weights_and_not_offered() -> None:
    for name in ("videoinr", "liif-linear", "ode-liif-alike"):
        assert name not in names()
        assert find(name).card["sha256"]
        assert load_model(name).removes_initial_transient == find(name).removes_initial_transient


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("size", [(21, 27), (11, 25)])
def test_each_part_can_be_taken_out_and_does_something(part: str, size: tuple[int, int]) -> None:
    def frames_of(**options) -> torch.Tensor:
        torch.manual_seed(3)
        model = create(ABLATED if options else "ode-liif", **SMALL, **options)
        for name, parameter in sorted(model.named_parameters()):
            nn.init.normal_(parameter, std=0.2, generator=torch.Generator().manual_seed(sum(map(ord, name))))
        frames, times = series_of()
        with torch.no_grad():
            return model.eval()(window(frames, times, summarize(frames), 1), torch.tensor([0.0, 0.3]), size)

    with torch.autocast("cpu", torch.bfloat16):  # as in training
        assert torch.isfinite(frames_of(without=part)).all()
    without = frames_of(without=part)
    assert without.shape == (2, 2, *size)
    assert torch.isfinite(without).all()
    assert (without - frames_of()).abs().max() > 1e-4


def test_a_query_on_a_border_has_one_nearest_latent_pixel() -> None:
    decoder = NearestDecoder(8, 8)
    for fine, coarse in ((14, 7), (21, 7), (25, 9), (7, 7)):
        total = sum(decoder.ensemble_weights(offset.abs()) for _, offset in neighbors(fine, coarse))
        np.testing.assert_array_equal(total, 1)


def test_videoinr_sees_detail_within_a_latent_pixel_without_any_flow() -> None:
    torch.manual_seed(0)
    model, (frames, times) = create("videoinr").eval(), series_of()
    nn.init.zeros_(model.time[-1].weight)
    nn.init.zeros_(model.time[-1].bias)
    with torch.inference_mode():
        seen, size = window(frames, times, summarize(frames), 1), (14, 18)
        added = model(seen, torch.tensor([0.3]), size) - model.base(seen, torch.tensor([0.3]), size)
    within = added.unfold(2, 2, 2).unfold(3, 2, 2)
    assert within.std((-1, -2)).median() > 1e-5


def test_videoinr_sees_the_same_in_a_part_of_an_image() -> None:
    """A flow means as many pixels whatever the image's size; it once was a share of the field of view."""
    torch.manual_seed(0)
    model = create("videoinr", channels=8, activation="relu").eval()
    frames, times, t = torch.rand(1, 5, 40, 40), torch.arange(5.0), torch.tensor([0.3])

    def added(seen: torch.Tensor) -> torch.Tensor:
        around, size = window(seen, times, summarize(seen), 1), (2 * seen.shape[2], 2 * seen.shape[3])
        with torch.inference_mode():
            return model(around, t, size) - model.base(around, t, size)

    whole, part = added(frames), added(frames[..., 4:36, 4:36])
    np.testing.assert_allclose(whole[..., 38:42, 38:42], part[..., 30:34, 30:34], atol=1e-6)


def test_liif_linear_is_linear_in_time() -> None:
    torch.manual_seed(0)
    model, (frames, times) = create("liif-linear", channels=8, blocks=1, frame_blocks=1, decoder=8).eval(), series_of()
    with torch.inference_mode():
        image = model(window(frames, times, summarize(frames), 2), torch.tensor([0.0, 0.5, 1.0]), (14, 18))
    np.testing.assert_allclose(image[:, 1], (image[:, 0] + image[:, 2]) / 2, atol=1e-5)
