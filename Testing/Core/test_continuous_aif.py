"""The arterial input between coarse samples: helped by tissue where the samples do not tell, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator
from scipy.signal import lfilter

from dsc_superres.benchmark.perfusion_objects import reference_objects as objects
from dsc_superres.benchmark.perfusion_objects.map_errors import errors, values
from dsc_superres.perfusion import curve_maps
from dsc_superres.perfusion.continuous_aif import (
    ContinuousInput,
    _root_of_covariance,
    continuous_input,
    input_of_reconstruction,
)
from dsc_superres.perfusion.gamma_variate import continuous_curve

EVERY_6_S = 6.0 * np.arange(16)
FINE = np.arange(0, 90, 0.1)


class Narrow:
    """A log-normal first pass, narrower than the samples are apart, and its recirculation."""

    onset = 11.0

    def __call__(self, times: np.ndarray) -> np.ndarray:
        times = np.asarray(times, float)
        grid = np.arange(-20, times.max() + 1, 0.1)
        decay = np.exp(-0.1 / 20)
        again = lfilter([(1 - decay) / 2] * 2, [1, -decay], self.first(grid - 9))
        return np.interp(times, grid, self.first(grid) + 0.5 * again)

    def first(self, times: np.ndarray) -> np.ndarray:
        return np.exp(-0.5 * (np.log(np.maximum(times - self.onset, 1e-9) / 4) / 0.45) ** 2)


narrow = Narrow()


def sampled(artery, snr: float = 50.0, phase: float = 0.0, times: np.ndarray = EVERY_6_S) -> objects.ReferenceObject:
    cases = objects.random_cases(("exp", "box", "gamma"), 40, seed=1)
    return objects.reference_object(cases, phase + times, snr, aif=artery, seed=1)


def found(made: objects.ReferenceObject) -> ContinuousInput:
    attenuation = -np.log(np.maximum(made.signal, 1) / made.signal[made.baseline].mean(axis=0))
    return continuous_input(made.times, objects.ECHO_TIME * made.arterial, made.times, attenuation)


def test_tissue_tells_what_an_artery_does_between_its_samples(monkeypatch):
    made = sampled(narrow)
    artery = found(made)
    assert artery.joint
    scale = artery.at(made.times).max() / narrow(made.times).max()
    true = np.trapezoid(scale * narrow(FINE), FINE)
    plain = continuous_curve(made.times, objects.ECHO_TIME * made.arterial)
    wrong, right = (abs(np.trapezoid(curve(FINE), FINE) / true - 1) for curve in (plain, artery.at))
    assert right < 0.1 < wrong
    band = artery.band(FINE)
    assert band.max() < 0.3 * artery.at(FINE).max()
    assert artery.band(made.times).max() < band.max()
    record = artery.record(made.times, 1 / objects.ECHO_TIME)
    assert max(record["delta_r2star"]) > made.arterial.max()
    assert max(record["delta_r2star_sd"]) > 0
    together = errors(values(made, "bayes"), made)
    monkeypatch.setattr(curve_maps, "continuous_input", lambda t, a, *_: ContinuousInput(continuous_curve(t, a)))
    alone = errors(values(made, "bayes"), made)
    assert together[0] < 0.7 * alone[0]


@pytest.mark.parametrize(("snr", "phase"), [(np.inf, 0.3), (np.inf, 4.8), (50.0, 1.5)])
def test_samples_that_determine_the_curve_stay_by_themselves(snr, phase):
    made = sampled(objects.STANDARD_AIF, snr, phase)
    artery = found(made)
    np.testing.assert_allclose(
        artery.at(FINE), continuous_curve(made.times, objects.ECHO_TIME * made.arterial)(FINE), atol=1e-9
    )
    assert not artery.joint
    assert not artery.band(FINE).any()


def test_fine_samples_need_no_tissue():
    made = sampled(narrow, times=1.5 * np.arange(60))
    assert not found(made).joint


@pytest.mark.parametrize("invented", [True, False])
def test_frames_that_were_not_acquired_shape_the_artery_only_where_tissue_does_not_contradict_them(invented):
    made = sampled(objects.STANDARD_AIF, phase=1.5, times=1.5 * np.arange(61))
    attenuation = -np.log(np.maximum(made.signal, 1) / made.signal[made.baseline].mean(axis=0))
    acquired = np.arange(61) % 4 == 0
    artery = objects.ECHO_TIME * made.arterial
    true = np.trapezoid(continuous_curve(made.times, artery)(FINE), FINE)
    if invented:
        artery, attenuation = (
            PchipInterpolator(made.times[acquired], curve[acquired])(made.times) for curve in (artery, attenuation)
        )
    found = input_of_reconstruction(made.times, artery, acquired, attenuation)
    every = continuous_curve(made.times, artery)
    if not invented:
        np.testing.assert_array_equal(found.at(FINE), every(FINE))
        return
    wrong, right = (abs(np.trapezoid(curve(FINE), FINE) / true - 1) for curve in (every, found.at))
    assert right < 0.05 < wrong


def test_directions_that_are_known_far_better_do_not_hide_the_others():
    jacobian = np.random.default_rng(0).normal(size=(20, 7))
    known = np.array([1e9, 1e9, 1, 1, 1, 1, 1])
    root = _root_of_covariance(jacobian * known)
    expected = np.linalg.cholesky(np.linalg.inv(jacobian.T @ jacobian)) / known[:, None]
    np.testing.assert_allclose(root, expected, rtol=1e-6)
