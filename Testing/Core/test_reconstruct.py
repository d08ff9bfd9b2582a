"""Reconstruction of whole series: sizes, times, tiles, constants, cancellation, refusals."""

import mmap
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from dsc_superres.benchmark.networks.videoinr import VideoInr
from dsc_superres.errors import Cancelled, ModelError, SeriesError
from dsc_superres.io import read_series, write_series
from dsc_superres.networks import Model, create
from dsc_superres.reconstruction.initial_transient import has_initial_transient
from dsc_superres.reconstruction.reconstruct import reconstruct, reconstruct_with_uncertainty
from dsc_superres.reconstruction.tiling import HALO, TILE, pieces
from dsc_superres.series import Series
from dsc_superres.utils.scratch_memory import scratch


def network() -> Model:
    torch.manual_seed(3)
    model = create("ode-liif", channels=8, blocks=2, frame_blocks=1, direction=4, field=4, decoder=8)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.1)
    return model


def series(shape=(5, 3, 13, 17), times=None) -> Series:
    signal = 100 + 50 * np.random.default_rng(2).random(shape)
    return Series(signal, np.arange(shape[0]) * 2.0 if times is None else times)


def test_four_times_finer_keeps_the_acquired_times() -> None:
    coarse = series(times=[0, 2, 4.5, 6, 9.0])
    fine = reconstruct(coarse, model=network())
    assert fine.signal.shape == (4 * 4 + 1, 3, 26, 34)
    np.testing.assert_allclose(fine.times[::4], coarse.times)
    np.testing.assert_allclose(np.diff(fine.times)[4:8], 2.5 / 4)


@pytest.mark.parametrize(
    ("space", "time", "shape"), [(1.5, 2.5, (11, 3, 20, 26)), (1, 1, (5, 3, 13, 17)), (3, 1.3, (6, 3, 39, 51))]
)
def test_factors_need_not_be_whole(space: float, time: float, shape: tuple) -> None:
    fine = reconstruct(series(), space=space, time=time, model=network())
    assert fine.signal.shape == shape
    assert np.isfinite(fine.signal).all()


def test_the_deviation_comes_with_the_same_reconstruction() -> None:
    torch.manual_seed(3)
    small = {"channels": 8, "frame_blocks": 1, "direction": 4, "field": 4, "decoder": 8}
    model = create("ode-liif-plus", detail=8, detail_blocks=1, detail_decoder=8, **small)
    for coarse in (series(), series().with_signal(np.full((5, 3, 13, 17), 7.0))):
        fine, uncertainty = reconstruct_with_uncertainty(coarse, model=model)
        np.testing.assert_array_equal(fine.signal, reconstruct(coarse, model=model).signal)
        assert uncertainty.signal.shape == fine.signal.shape
        np.testing.assert_array_equal(uncertainty.times, fine.times)
        assert uncertainty.signal.min() >= 0
    doubled = reconstruct_with_uncertainty(series().with_signal(2 * series().signal), model=model)[1]
    np.testing.assert_allclose(
        doubled.signal, 2 * reconstruct_with_uncertainty(series(), model=model)[1].signal, rtol=1e-3
    )
    with pytest.raises(ModelError, match="does not estimate its uncertainty"):
        reconstruct_with_uncertainty(series(), model="pchip")


def test_plus_takes_the_excess_of_the_first_frame_as_a_factor() -> None:
    """What it says of a bolus' detail, here by random weights a lot, must not spread over an unsettled first frame."""
    torch.manual_seed(3)
    small = {"channels": 8, "frame_blocks": 1, "direction": 4, "field": 4, "decoder": 8}
    model = create("ode-liif-plus", detail=8, detail_blocks=1, detail_decoder=8, **small)
    for parameter in model.detail.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    still = np.broadcast_to(100 + 50 * np.random.default_rng(2).random((1, 1, 13, 17)), (6, 1, 13, 17)).copy()
    still[0] *= 1.5
    coarse = Series(still, 6.0 * np.arange(6))
    assert has_initial_transient(coarse.signal)
    fine = reconstruct(coarse, model=model).signal
    factor = np.median(fine[0] / np.maximum(fine[8], 1))  # where it is dark, the difference is taken instead
    assert factor == pytest.approx(1.5, abs=0.1)


def test_interval_and_given_times() -> None:
    coarse = series()
    np.testing.assert_allclose(reconstruct(coarse, interval=1.5, model="linear").times, [0, 1.5, 3, 4.5, 6, 7.5])
    given = reconstruct(coarse, space=1, times=[0.5, 2, 7.9], model="linear")
    np.testing.assert_allclose(given.times, [0.5, 2, 7.9])
    np.testing.assert_allclose(given.signal[1], coarse.signal[1], rtol=1e-5)


def test_at_unchanged_pixels_acquired_frames_stay_as_they_are() -> None:
    coarse, model = series(), network()
    fine = reconstruct(coarse, space=1, time=4, model=model)
    np.testing.assert_array_equal(fine.signal[::4], coarse.signal)
    assert np.abs(reconstruct(coarse, space=2, time=4, model=model).signal[::4, :, ::2, ::2] - coarse.signal).max() > 0
    late = coarse.with_signal(coarse.signal, slice_times=[0.0, 0.7, 0.0])
    common = reconstruct(late, space=1, time=4, model=model)
    np.testing.assert_array_equal(common.signal[4:-4:4, 2], coarse.signal[1:-1, 2])
    assert np.abs(common.signal[4:-4:4, 1] - coarse.signal[1:-1, 1]).max() > 0
    apart = reconstruct(late, space=1, time=4, model=model, common_times=False)
    np.testing.assert_array_equal(apart.signal[::4], coarse.signal)


def test_constant_stays_constant_and_scale_is_undone() -> None:
    flat = Series(np.full((4, 2, 9, 9), 7.5), np.arange(4))
    np.testing.assert_allclose(reconstruct(flat, model=network()).signal, 7.5, atol=1e-4)
    coarse, model = series(), network()
    brighter = coarse.with_signal(coarse.signal * 1000 + 5000)
    expected = reconstruct(coarse, model=model).signal * 1000 + 5000
    np.testing.assert_allclose(reconstruct(brighter, model=model).signal, expected, rtol=1e-4)


@pytest.mark.parametrize("space", [2, 1.5])
def test_tiles_equal_the_whole(space: float) -> None:
    tall = series((3, 1, 12 * HALO, 24))
    model = network()
    whole, tiled = (
        reconstruct(tall, space=space, time=2, model=model, tile=tile).signal for tile in (10_000, 4 * HALO)
    )
    np.testing.assert_allclose(tiled, whole, atol=1e-2)  # of about 100


def test_progress_is_monotone_and_cancel_stops_at_once() -> None:
    seen = []
    reconstruct(series(), model="linear", progress=lambda fraction, stage: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1
    calls = []

    def stop() -> bool:
        calls.append(1)
        return len(calls) == 3

    with pytest.raises(Cancelled):
        reconstruct(series(), model="linear", cancelled=stop)
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"space": 0.5}, SeriesError),
        ({"time": 0}, SeriesError),
        ({"interval": 0}, SeriesError),
        ({"interval": 99}, SeriesError),
        ({"times": [1, 99]}, SeriesError),
        ({"times": [2, 1]}, SeriesError),
        ({"model": "nonsense"}, ModelError),
        ({"device": "quantum"}, ModelError),
    ],
)
def test_refusals(options: dict, error: type) -> None:
    with pytest.raises(error):
        reconstruct(series(), **{"model": "linear", **options})


def unsettled_series() -> Series:
    """A still image whose first frame is a third brighter."""
    y, x = np.mgrid[:24, :24] / 24
    still = 100 + 40 * np.sin(6 * x) * np.cos(5 * y)
    signal = np.broadcast_to(still, (6, 1, 24, 24)).copy()
    signal[0] *= 1.33
    return Series(signal, np.arange(6) * 6.0)


def test_excess_of_the_first_frame_is_not_spread_over_the_first_interval() -> None:
    coarse = unsettled_series()
    model = network()
    nn.init.zeros_(model.decoder.branch[2].weight)
    nn.init.zeros_(model.decoder.branch[2].bias)
    fine, plain = (reconstruct(coarse, model=which).signal.mean((1, 2, 3)) for which in (model, "pchip"))
    level = fine[8]
    assert fine[0] == pytest.approx(plain[0], rel=1e-3)  # the first frame itself is as acquired
    assert abs(fine[1] - level) < 0.07 * level < abs(plain[1] - level)
    np.testing.assert_allclose(fine[2:], level, rtol=0.01)


def test_a_bolus_is_not_taken_for_a_start() -> None:
    coarse = unsettled_series()
    assert has_initial_transient(coarse.signal)
    falling = coarse.signal * np.array([1, 0.85, 0.6, 0.7, 0.8, 0.9])[:, None, None, None] / coarse.signal[:1] * 100
    assert not has_initial_transient(falling)
    assert not has_initial_transient(coarse.signal[1:])
    assert not has_initial_transient(coarse.signal[:3])


class Greedy(Model):
    """An interpolator on a device that has memory for so many coarse pixels at once."""

    def __init__(self, pixels: int, on_refusal: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.network, self.pixels, self.on_refusal = create("cubic"), pixels, on_refusal

    def forward(self, window, t, size, cache=None, *, fast=False) -> torch.Tensor:
        if window.frames[:, 0].numel() > self.pixels:
            self.on_refusal()
            raise torch.OutOfMemoryError("no more")
        return self.network(window, t, size, cache)


def test_tiles_shrink_until_they_fit() -> None:
    big = series(shape=(4, 2, 150, 140))
    fractions, refused = [], []
    greedy = Greedy(80 * 80, lambda: refused.append(1))
    found = reconstruct(big, space=2, time=2, model=greedy, progress=lambda fraction, stage: fractions.append(fraction))
    np.testing.assert_allclose(found.signal, reconstruct(big, space=2, time=2, model="cubic").signal, atol=1e-3)
    assert 1 <= len(refused) <= torch.get_num_threads()
    assert fractions[-1] == pytest.approx(1)
    with pytest.raises(ModelError, match="not enough memory"):
        reconstruct(big, model=Greedy(pixels=10))


@pytest.mark.parametrize("model", ["ode-liif", "videoinr", "backprojection"])
def test_the_number_of_threads_changes_no_bit(model: str) -> None:
    torch.manual_seed(1)
    coarse, which = series((7, 3, 22, 17)), VideoInr() if model == "videoinr" else model
    before, found = torch.get_num_threads(), []
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        found.append(reconstruct(coarse, model=which).signal)
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


def test_few_small_slices_are_shared_evenly_by_two_threads() -> None:
    counts = [piece.slices.stop - piece.slices.start for piece in pieces((4, 64, 64), (128, 128), TILE)]
    assert counts == [2, 2]
    left = [piece.slices for piece in pieces((9, 64, 64), (128, 128), TILE, first=2)]
    assert [s for part in left for s in range(9)[part]] == list(range(2, 9))


def test_a_large_result_is_kept_in_a_file(monkeypatch) -> None:
    whole = reconstruct(series(), model="cubic")
    monkeypatch.setattr("dsc_superres.reconstruction.reconstruct.scratch", lambda shape: scratch(shape, limit=1000))
    paged = reconstruct(series(), model="cubic")
    assert is_paged(paged.signal)
    np.testing.assert_array_equal(paged.signal, whole.signal)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_large_file_is_read_into_pages_of_a_file(tmp_path, monkeypatch, suffix) -> None:
    write_series(series(), tmp_path / f"in{suffix}")
    monkeypatch.setattr("dsc_superres.io.nifti.scratch", lambda shape: scratch(shape, limit=1000))
    found = read_series(tmp_path / f"in{suffix}")
    assert is_paged(found.signal)
    np.testing.assert_array_equal(found.signal, series().signal)


def is_paged(array: object) -> bool:
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, mmap.mmap)


def test_the_callers_network_stays_as_it_is() -> None:
    model = network().train()
    state = {key: value.clone() for key, value in model.state_dict().items()}
    layouts = [value.is_contiguous() for value in model.state_dict().values()]
    attributes = {name: value for name, value in vars(model).items() if not name.startswith("_")}
    names = set(vars(model))
    reconstruct(series(), model=model, fast=True)
    assert all(module.training for module in model.modules())
    assert set(vars(model)) == names
    assert {name: value for name, value in vars(model).items() if not name.startswith("_")} == attributes
    for (key, value), contiguous in zip(model.state_dict().items(), layouts, strict=True):
        assert value.device.type == "cpu"
        assert value.is_contiguous() == contiguous
        assert torch.equal(value, state[key])


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(ModelError, match="A Linear cannot reconstruct"):
        reconstruct(series(), model=nn.Linear(1, 1))
