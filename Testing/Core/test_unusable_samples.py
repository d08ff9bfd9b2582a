"""Frames and samples that do not count: outlying ends, zeros, negative values and spikes, whole bad frames."""

import numpy as np
import pytest
from sample import bolus_series

from dsc_superres.degrade import undersample
from dsc_superres.errors import PerfusionError
from dsc_superres.frames.outlying_ends import outlying_ends
from dsc_superres.perfusion import MapOptions, compute_maps, find_bolus
from dsc_superres.perfusion.usable_samples import usable_series
from dsc_superres.reconstruction.initial_transient import has_initial_transient

COARSE = np.array([261, 261, 261, 261, 185, 207, 225, 232, 236, 238, 240, 241.0])
"""Mean signal of a brain every 7.25 s."""


@pytest.mark.parametrize("first", [261, 350, 446, 900, 104, 26])
@pytest.mark.parametrize("frames", [3, 2, 1])
def test_a_bright_or_dark_first_frame_is_no_baseline(first: float, frames: int) -> None:
    curve = np.concatenate([[first], COARSE[4 - frames :], [241.0] * 4])
    bolus = find_bolus(curve, 7.25 * np.arange(curve.size))
    assert bolus.arrival == pytest.approx(7.25 * frames, abs=0.8)
    assert bolus.baseline.stop == frames + 1
    assert np.log(curve[bolus.baseline]).mean() == pytest.approx(np.log(261), abs=0.02)


@pytest.mark.parametrize("factor", [1.3, 0.7, 0.05, 5.0])
@pytest.mark.parametrize("count", [1, 3])
def test_outlying_last_frames_are_found_whatever_their_sign(factor: float, count: int) -> None:
    curve = np.append(COARSE, [241.0] * 6)
    curve[-count:] *= factor
    assert outlying_ends(curve) == slice(0, curve.size - count)
    assert find_bolus(curve, 7.25 * np.arange(curve.size)).peak_frame == 4


def test_a_bolus_at_an_end_is_not_outlying() -> None:
    for curve in ([261, 185, 186, 207, 225, 232, 236, 238], [261, 250, 185, 130, 170, 190, 195, 200]):
        assert outlying_ends(np.array(curve)).start == 0
    with pytest.raises(PerfusionError, match="goes on after the bolus"):
        find_bolus(np.array([261.0] * 9 + [240, 210, 185]), 7.25 * np.arange(12))


def test_reconstruction_knows_a_dark_first_frame_by_the_same_rule() -> None:
    signal = np.ones((12, 1, 6, 6)) * COARSE[:, None, None, None]
    signal[:, :, :, :3] *= 0.1
    for factor, expected in ((1, False), (1.6, True), (0.4, True)):
        first = np.array([factor] + [1.0] * 11)[:, None, None, None]
        assert has_initial_transient(signal * first) == expected


@pytest.fixture(scope="module")
def clean():
    return bolus_series(48)


@pytest.fixture(scope="module")
def hit(clean):
    """A tenth of the tissue, bool[z, y, x]."""
    mean = clean.signal.mean(axis=0)
    picked = (mean > 300) & (np.random.default_rng(3).random(mean.shape) < 0.1)
    y, x = np.indices(mean.shape[1:])
    return picked & (np.hypot(x - 0.3 * 41, y - 0.5 * 37) > 4)


@pytest.mark.parametrize("method", ["bayes", "csvd", "osvd", "ssvd"])
def test_samples_that_are_zero_negative_or_spiked_have_no_weight(clean, hit, method: str) -> None:
    options = MapOptions(method=method, leakage="bsw" if method == "ssvd" else "none", spatial_prior=False)
    aif = compute_maps(clean, options=MapOptions("csvd")).aif
    right = compute_maps(clean, aif=aif, options=options)
    signal = clean.signal.copy()
    signal[40][hit] = 0
    signal[2][hit] = -5
    signal[44][hit] *= 2.5
    signal[30][hit] *= 0.4
    found = compute_maps(clean.with_signal(signal), aif=aif, options=options)
    voxels = int(hit.sum())
    assert f"{4 * voxels} samples of {voxels} voxels" in found.warnings[0]
    for name, tolerance in (("cbv", 0.05), ("cbf", 0.15)):
        ratio = getattr(found, name)[hit & right.mask] / getattr(right, name)[hit & right.mask]
        assert np.median(ratio) == pytest.approx(1, abs=0.03)
        assert np.percentile(np.abs(ratio - 1), 75) < tolerance
    assert (found.mask == right.mask).all()


def test_a_missing_peak_is_that_of_similar_tissue(clean, hit) -> None:
    signal = clean.signal.copy()
    peak = int(signal[:, hit].mean(axis=1).argmin())
    signal[peak - 1 : peak + 2, hit] = 0
    filled = usable_series(clean.with_signal(signal)).signal[peak][hit]
    assert np.median(filled / clean.signal[peak][hit]) == pytest.approx(1, abs=0.02)


def test_series_without_such_samples_stay_as_they_are(clean) -> None:
    assert usable_series(clean) is clean
    coarse = undersample(clean, 2, 3)
    assert usable_series(coarse) is coarse
    peaks = np.where(clean.signal < 90, 0, clean.signal)  # saturated arteries, and air without noise
    peaks = clean.with_signal(peaks)
    assert usable_series(peaks) is peaks


@pytest.mark.parametrize(
    ("frames", "factor", "words"),
    [
        ([5], 0.5, "Frame 5 differs from all others"),
        ([40], 1.5, "Frame 40 differs from all others"),
        ([17], 0.0, "Frame 17 differs from all others"),
        ([46, 47], 0.7, "Frames 46 and 47 differ from all others"),
        ([44, 45, 46, 47], 0.0, "Frames 44 to 47 differ from all others"),
    ],
)
def test_a_bad_frame_is_named_and_left_out(clean, frames, factor, words) -> None:
    signal = clean.signal.copy()
    signal[frames] *= factor
    right, found = (compute_maps(one, options=MapOptions("csvd")) for one in (clean, clean.with_signal(signal)))
    assert words in found.warnings[0]
    assert found.bolus.arrival == pytest.approx(right.bolus.arrival, abs=0.3)
    inside = right.mask & (right.cbv > 0)
    assert np.median(found.cbv[inside] / right.cbv[inside]) == pytest.approx(1, abs=0.03)
