"""The calibrated uncertainty: larger at edges, in uncertain series and under noise, and the same in any units."""

import numpy as np
import pytest
from sample import bolus_series

from dsc_superres.degrade import undersample
from dsc_superres.errors import Cancelled
from dsc_superres.networks.ode_liif_plus import COEFFICIENTS, OdeLiifPlus
from dsc_superres.reconstruction.reconstruct import reconstruct_with_uncertainty
from dsc_superres.reconstruction.target_grid import normalization
from dsc_superres.reconstruction.uncertainty_calibration import calibrate
from dsc_superres.series import Series


def coarse(noise: float = 5.0) -> Series:
    """A head of 1000 with noise."""
    signal = np.zeros((12, 2, 16, 16), np.float32)
    signal[:, :, 2:14, 2:14] = 1000
    return Series(signal + noise * np.random.default_rng(0).standard_normal(signal.shape), 6.0 * np.arange(12))


def constant(value: float, shape=(12, 2, 32, 32)) -> np.ndarray:
    return np.full(shape, value, np.float32)


def factor(series: Series, uncertainty: np.ndarray, space: float = 2.0) -> float:
    """What a flat image's uncertainty is multiplied by."""
    after = uncertainty.copy()
    calibrate(after, np.zeros_like(after), series, COEFFICIENTS, 1000.0, space)
    ratio = after / uncertainty
    np.testing.assert_allclose(ratio, ratio.flat[0], rtol=1e-5)
    return float(ratio.flat[0])


def test_edges_are_less_certain_than_flat_parts() -> None:
    after, image = constant(20.0), np.zeros((12, 2, 32, 32), np.float32)
    image[..., 16:] = 400
    calibrate(after, image, coarse(), COEFFICIENTS, 1000.0, 2.0)
    power = COEFFICIENTS["edge"]
    assert power > 0
    np.testing.assert_allclose(after[..., 15] / after[..., 0], (np.hypot(20, 0.5) / 0.5) ** power, rtol=1e-4)


def test_uncertain_and_noisy_series_get_wider_intervals() -> None:
    assert factor(coarse(), constant(30.0)) > 1.1 * factor(coarse(), constant(12.0))
    assert factor(coarse(20.0), constant(12.0)) > 1.1 * factor(coarse(3.0), constant(12.0))


def test_nothing_is_extrapolated() -> None:
    assert factor(coarse(), constant(40.0)) == pytest.approx(factor(coarse(), constant(4000.0)), rel=1e-5)
    assert factor(coarse(), constant(6.0)) == pytest.approx(factor(coarse(), constant(0.06)), rel=1e-5)


def test_refinement_of_time_alone_is_more_certain() -> None:
    assert (
        factor(coarse(), constant(12.0), 1.0)
        < factor(coarse(), constant(12.0), 2.0)
        < factor(coarse(), constant(12.0), 3.0)
    )


def test_units_do_not_matter() -> None:
    series, image = coarse(), 300 * np.random.default_rng(1).random((12, 2, 32, 32), np.float32)
    once, thrice = constant(15.0), constant(45.0)
    calibrate(once, image, series, COEFFICIENTS, 1000.0, 2.0)
    calibrate(thrice, 3 * image, series.with_signal(3 * series.signal), COEFFICIENTS, 3000.0, 2.0)
    np.testing.assert_allclose(thrice, 3 * once, rtol=1e-4)


def test_short_and_dark_series_are_calibrated_too() -> None:
    for series in (Series(coarse().signal[:2], np.arange(2.0)), Series(np.zeros((5, 1, 8, 8)), np.arange(5.0))):
        frames, slices, rows, columns = series.signal.shape
        after = constant(10.0, (frames, slices, 2 * rows, 2 * columns))
        calibrate(after, np.zeros_like(after), series, COEFFICIENTS, 1000.0, 2.0)
        assert np.isfinite(after).all()
        assert (after > 0).all()


def test_air_without_uncertainty_stays_so() -> None:
    """In air that is exactly zero, beside an edge too."""
    after, image = constant(20.0), np.zeros((12, 2, 32, 32), np.float32)
    after[..., :16], image[..., 16:] = 0, 400
    calibrate(after, image, coarse(), COEFFICIENTS, 1000.0, 2.0)
    assert np.isfinite(after).all()
    assert not after[..., :16].any()


def test_it_can_be_cancelled() -> None:
    with pytest.raises(Cancelled):
        calibrate(constant(1.0), constant(1.0), coarse(), COEFFICIENTS, 1.0, 2.0, lambda: True)


def test_a_reconstruction_comes_with_the_calibrated_one(monkeypatch) -> None:
    series = undersample(bolus_series(), 2, 4)
    fine, uncertainty = reconstruct_with_uncertainty(series, device="cpu")
    monkeypatch.setattr(OdeLiifPlus, "uncertainty_coefficients", None)
    raw_fine, raw = reconstruct_with_uncertainty(series, device="cpu")
    monkeypatch.undo()
    np.testing.assert_array_equal(fine.signal, raw_fine.signal)
    expected = raw.signal.copy()
    scale = normalization(series.signal.mean(axis=0))[1]
    calibrate(expected, fine.signal, series, COEFFICIENTS, scale, 2.0)
    np.testing.assert_array_equal(uncertainty.signal, expected)
