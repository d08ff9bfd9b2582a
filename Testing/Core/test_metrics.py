"""Metrics against hand-computed values, and alignment by patient space and time."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsc_superres import metrics
from dsc_superres.comparison import align, compare
from dsc_superres.errors import SeriesError
from dsc_superres.geometry import Geometry
from dsc_superres.series import Series

RNG = np.random.default_rng(7)
ANGLE = 0.3
OBLIQUE = Geometry(
    spacing=(1.2, 0.9, 5.0),
    origin=(-80.0, 31.0, 12.0),
    direction=((math.cos(ANGLE), -math.sin(ANGLE), 0.0), (math.sin(ANGLE), math.cos(ANGLE), 0.0), (0.0, 0.0, 1.0)),
)


def make(shape=(6, 2, 14, 16), interval=1.5, geometry=OBLIQUE, name="truth"):
    signal = RNG.uniform(100, 1000, shape).astype(np.float32)
    return Series(signal, np.arange(shape[0]) * interval, geometry, name=name)


def test_known_values():
    truth = np.array([3.0, 4.0]).reshape(1, 1, 1, 2)
    recon = np.array([3.0, 2.0]).reshape(1, 1, 1, 2)
    assert metrics.nmse(recon, truth) == pytest.approx(4 / 25)
    assert metrics.psnr(recon, truth) == pytest.approx(20 * math.log10(4 / math.sqrt(2)))
    only_first = np.array([True, False]).reshape(1, 1, 2)
    assert metrics.nmse(recon, truth, only_first) == 0
    assert metrics.psnr(recon, truth, only_first) == math.inf


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(1e-3, 1e3), noise=st.floats(0.001, 0.5))
def test_measures_do_not_depend_on_the_unit_of_intensity(scale, noise):
    truth = np.random.default_rng(1).uniform(0.1, 1, (2, 1, 12, 12))
    recon = truth + noise * np.random.default_rng(2).normal(size=truth.shape)
    for measure in (metrics.nmse, metrics.psnr, metrics.ssim):
        assert measure(scale * recon, scale * truth) == pytest.approx(measure(recon, truth), rel=1e-6)


def test_ssim_of_a_constant_shift_follows_its_formula():
    """For two constant images SSIM is its luminance term alone (Wang et al. 2004, eq. 6 with zero variance)."""
    truth, recon = np.full((1, 1, 16, 16), 1.0), np.full((1, 1, 16, 16), 0.5)
    c1 = 0.01**2
    assert metrics.ssim(recon, truth) == pytest.approx((2 * 0.5 + c1) / (1 + 0.25 + c1))


def test_brain_scores_see_only_the_mask_and_use_the_peak_of_the_whole():
    truth = make()
    mask = np.zeros(truth.signal.shape[1:], bool)
    mask[:, 2:9, 3:10] = True
    signal = truth.signal.copy()
    signal[:, ~mask] *= 0.5
    signal[:, mask] += 10
    result = compare(truth.with_signal(signal, name="recon"), truth, mask)
    assert result.brain.psnr == pytest.approx(20 * math.log10(truth.signal.max() / 10), abs=1e-3)
    assert result.brain.nmse < 0.01 * result.whole.nmse
    assert result.brain.frame_ssim.shape == (6,)
    assert result.brain.ssim > result.whole.ssim


def backwards(series: Series, turned: tuple[bool, bool, bool]) -> Series:
    """The same voxels at the same places, counted from the other end along the axes (x, y, z) that are ``turned``."""
    first = series.geometry.cropped([n - 1 if turn else 0 for n, turn in zip(series.size, turned, strict=True)])
    direction = np.array(first.direction) * np.where(turned, -1, 1)
    axes = [3 - axis for axis in range(3) if turned[axis]]
    return series.with_signal(np.flip(series.signal, axes), geometry=replace(first, direction=direction))


@settings(max_examples=25, deadline=None)
@given(
    start=st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 1)),
    drop=st.integers(0, 3),
    turned=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_cropped_series_compare_as_identical_at_the_same_anatomy(start, drop, turned):
    truth = make()
    x, y, z = start
    recon = Series(
        truth.signal[drop:, z:, y:, x:], truth.times[drop:], truth.geometry.cropped(start), name="reconstruction"
    )
    result = compare(backwards(recon, turned), truth)
    assert result.whole.nmse == 0
    assert not result.difference.any()
    np.testing.assert_array_equal(result.aligned.truth_frames, np.arange(drop, 6))
    np.testing.assert_allclose(result.aligned.geometry.origin, recon.geometry.origin, atol=1e-9)
    assert bool(result.notes) == (drop > 0 or any(start))


def test_frames_pair_by_time_not_by_number():
    truth = make()
    recon = Series(truth.signal[[1, 1, 3]], [1.5, 2.2, 4.52], OBLIQUE, name="reconstruction")
    aligned = align(recon, truth)
    np.testing.assert_array_equal(aligned.recon_frames, [0, 2])
    np.testing.assert_array_equal(aligned.truth_frames, [1, 3])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"geometry": OBLIQUE.cropped((0.4, 0, 0))}, "same voxel grid"),
        ({"geometry": Geometry(origin=OBLIQUE.origin, spacing=OBLIQUE.spacing)}, "same voxel grid"),
        ({"geometry": OBLIQUE.cropped((100, 0, 0))}, "do not overlap"),
        ({"times": np.arange(6) * 1.5 + 0.7}, "No frame"),
    ],
)
def test_series_without_anything_in_common_are_refused_in_one_sentence(change, words):
    truth = make()
    with pytest.raises(SeriesError, match=words):
        compare(truth.with_signal(truth.signal, name="recon", **change), truth)


def test_mask_must_fit():
    truth = make()
    with pytest.raises(SeriesError, match="mask has"):
        compare(truth, truth, np.ones((1, 2, 3), bool))
    with pytest.raises(SeriesError, match="empty"):
        compare(truth, truth, np.zeros(truth.signal.shape[1:], bool))


def test_json_is_strict_even_for_identical_and_tiny_images():
    truth = make(shape=(3, 1, 4, 4))
    text = json.dumps(compare(truth, truth).to_dict(), allow_nan=False)
    whole = json.loads(text)["whole"]
    assert whole["psnr"] is None
    assert whole["ssim"] is None
    assert whole["nmse"] == 0


def test_peak_change_error_finds_a_peak_that_was_cut_off():
    """Delta R2* of the truth peaks at 20/s and 10/s; half of the first peak is lost, the second is kept."""
    echo_time, s0 = 0.03, 500.0
    delta = np.zeros((6, 1, 1, 2))
    delta[4, 0, 0] = 20.0, 10.0
    truth = s0 * np.exp(-echo_time * delta)
    delta[4, 0, 0, 0] = 10.0
    recon = s0 * np.exp(-echo_time * delta)
    mask = np.ones((1, 1, 2), bool)
    error, share = metrics.peak_change_error(recon, truth, mask, slice(0, 4), echo_time)
    assert error == pytest.approx(5.0, rel=1e-4)
    assert share == pytest.approx(5.0 / 15.0, rel=1e-4)
    assert metrics.peak_change_error(recon, truth, mask, slice(0, 4))[1] == pytest.approx(share, rel=1e-4)


def test_map_error_counts_only_the_mask():
    truth = np.array([[[1.0, 2.0, 3.0, 0.0]]])
    values = np.array([[[1.5, 2.0, 2.0, 99.0]]])
    measures = metrics.map_error(values, truth, truth > 0)
    assert measures["mean_absolute"] == pytest.approx(0.5)
    assert measures["relative"] == pytest.approx(1.5 / 6)
    assert measures["bias"] == pytest.approx(-0.5 / 3)
    assert measures["correlation"] == pytest.approx(np.corrcoef([1.5, 2, 2], [1, 2, 3])[0, 1])
    assert metrics.map_error(np.ones_like(truth), truth, truth > 0)["correlation"] is None


def test_scores_are_the_same_bits_on_any_number_of_threads():
    torch, rng = pytest.importorskip("torch"), np.random.default_rng(1)
    truth = rng.normal(500, 100, (3, 2, 24, 28)).astype(np.float32)
    recon, mask = truth + rng.normal(0, 20, truth.shape).astype(np.float32), rng.random(truth.shape[1:]) < 0.5
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            found.append([one.to_dict() for one in metrics.scores(recon, truth, mask)])
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1]
