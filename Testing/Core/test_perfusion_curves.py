"""Concentration, bolus, deconvolution and the Bayesian dictionary, on curves whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsc_superres.benchmark import reference_objects as objects
from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion import MapOptions, delta_r2star, find_bolus
from dsc_superres.perfusion import deconvolution as svd
from dsc_superres.perfusion.area import area_ratio, integration_end
from dsc_superres.perfusion.arterial_input import ArterialInput
from dsc_superres.perfusion.bolus import Bolus
from dsc_superres.perfusion.curve_maps import curve_maps, mean_transit_time, time_to_peak
from dsc_superres.perfusion.gamma_variate import continuous_curve, fit_gamma_variate
from dsc_superres.perfusion.leakage import correct_leakage, reference_curve
from dsc_superres.perfusion.oscillation import delay_independent_osvd, interpolate_rows

EVEN = 1.5 * np.arange(60)
BOLUS = Bolus(slice(0, 9), 13.0, 22.0, 8, 15, 0.3, 0.001)


def values(made, **options):
    curves = delta_r2star(made.signal, objects.ECHO_TIME, made.baseline)
    aif = ArterialInput(made.times, made.arterial)
    return curve_maps(curves, made.times, aif, BOLUS, MapOptions(kh_over_rho=1.0, **options), objects.ECHO_TIME)


def error(found, truth):
    return 100 * np.median(np.abs(found / truth - 1))


@given(rate=st.floats(-5, 40), echo_time=st.floats(0.01, 0.06), s0=st.floats(10, 1e4))
def test_delta_r2star_inverts_the_signal_equation_negatives_included(rate, echo_time, s0):
    signal = s0 * np.exp(-echo_time * rate * np.array([0, 0, 0, 1.0]))
    np.testing.assert_allclose(delta_r2star(signal, echo_time, slice(0, 3))[3], rate, rtol=1e-3, atol=2e-4)


def test_delta_r2star_needs_an_echo_time_and_survives_empty_voxels():
    with pytest.raises(PerfusionError, match="--te"):
        delta_r2star(np.ones((5, 2)), None, slice(0, 2))
    curves = delta_r2star(np.array([[0.0, 5], [0, 5], [0, 0]]), 0.03, slice(0, 2))
    assert np.isfinite(curves).all()
    assert not curves[:, 0].any()


def mean_signal(times, arrival, drop=0.25, noise=0.0, seed=0):
    x = np.maximum(times - arrival, 0) / 6
    curve = 1000 * (1 - drop * x**2 * np.exp(2 - 2 * x))
    return curve * (1 + noise * np.random.default_rng(seed).normal(size=len(times)))


@pytest.mark.parametrize("interval", [1.0, 1.5, 2.0, 6.0])
@pytest.mark.parametrize("arrival", [6.5, 20.0])
@pytest.mark.parametrize("drop", [0.03, 0.4])
def test_find_bolus_tells_arrival_and_keeps_contrast_out_of_the_baseline(interval, arrival, drop):
    times = np.arange(0, 90, interval)
    bolus = find_bolus(mean_signal(times, arrival, drop, noise=0.001), times)
    assert times[bolus.baseline.stop - 1] <= arrival + 0.5
    assert bolus.baseline_frames >= max(1, int(arrival / interval) - 3)
    assert abs(bolus.arrival - arrival) < max(interval, 1.5)
    assert abs(bolus.peak - arrival - 6) < max(interval / 2, 1.0)


def test_find_bolus_leaves_the_first_bright_frames_out():
    curve = mean_signal(EVEN, 20.0)
    curve[:2] *= [1.6, 1.1]
    bolus = find_bolus(curve, EVEN)
    assert bolus.baseline.start == 2
    assert 8 <= bolus.baseline.stop <= 14


@pytest.mark.parametrize("kind", ["flat", "drift", "spike", "step", "short"])
def test_find_bolus_refuses_what_is_no_bolus(kind):
    noise = 1 + 0.002 * np.random.default_rng(1).normal(size=60)
    curve = {
        "flat": 1000 * noise,
        "drift": np.linspace(1000, 960, 60) * noise,
        "spike": np.where(np.arange(60) == 20, 700, 1000) * noise,
        "step": np.where(np.arange(60) > 30, 800, 1000) * noise,
        "short": 1000 * noise[:5],
    }[kind]
    with pytest.raises(PerfusionError, match="bolus"):
        find_bolus(curve, EVEN[: len(curve)])


@pytest.mark.parametrize(
    ("method", "interval", "snr", "published"),
    [
        ("ssvd", 1.5, np.inf, 19.63),
        ("ssvd", 2.0, np.inf, 21.0),
        ("csvd", 1.0, np.inf, 14.82),
        ("csvd", 2.0, np.inf, 16.39),
    ],
)
def test_svd_agrees_with_the_published_toolbox(method, interval, snr, published):
    made = objects.reference_object(objects.grid_cases(), interval * np.arange(60), snr)
    assert error(values(made, method=method)["cbf"], made.truth["cbf"]) == pytest.approx(published, abs=0.1)


@pytest.mark.parametrize("method", ["csvd", "osvd", "bayes"])
def test_cbf_does_not_depend_on_the_delay(method):
    delays = [-4.0, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8]
    made = objects.reference_object([("exp", 4.0, 4.0, d) for d in delays], EVEN, np.inf)
    cbf = values(made, method=method)["cbf"]
    assert np.ptp(cbf) / cbf.mean() < 0.04
    late = np.array([values(made, method=m)["cbf"] for m in ("ssvd",)])[0]
    assert np.ptp(late) / late.mean() > 0.3, "sSVD is known to depend on the delay; the test must be able to see it"


@pytest.mark.parametrize(("interval", "mtt"), [(1.0, 2.0), (1.5, 4.0), (1.5, 8.0), (2.0, 2.0)])
def test_osvd_does_not_jump_with_the_delay_unless_as_published(interval, mtt):
    delays = np.arange(-4, 8.01, 0.5)
    made = objects.reference_object([("exp", 4.0, mtt, d) for d in delays], interval * np.arange(60), np.inf)
    cbf = values(made, method="osvd")["cbf"]
    assert np.ptp(cbf) / cbf.mean() < 0.04
    if interval == 1.5:
        published = values(made, method="osvd", as_published=True)["cbf"]
        assert np.ptp(published) / published.mean() > 0.1, "the published one jumps; the test must see it"


def test_between_the_frames_a_smooth_residue_is_what_it_is():
    time = 2 * np.pi * np.arange(120) / 120
    fine = interpolate_rows((1 + np.cos(3 * time) + np.sin(7 * time))[:, None])
    time = 2 * np.pi * np.arange(240) / 240
    np.testing.assert_allclose(fine[:, 0], 1 + np.cos(3 * time) + np.sin(7 * time), atol=1e-5)


def test_curves_without_contrast_have_no_flow_with_osvd():
    made = objects.reference_object([("exp", 4.0, 4.0, 1.0)], EVEN, np.inf)
    found = delay_independent_osvd(np.zeros((60, 2), np.float32), made.arterial, 1.5)
    assert not found.peak.any()
    assert np.isfinite(found.time).all()


def test_circulant_inverse_recovers_a_known_residue():
    aif = objects.STANDARD_AIF(EVEN)
    matrix = svd.circulant_matrix(aif, 1.5)
    residue = np.exp(-np.arange(120) * 1.5 / 4) * (np.arange(120) < 40)
    inverse = np.linalg.pinv(matrix, rcond=1e-12)
    np.testing.assert_allclose(inverse @ (matrix @ residue), residue, atol=1e-4)
    assert svd.truncated_inverse(matrix, 0.1, 60).shape == (120, 60)


def test_adaptive_threshold_rises_with_noise():
    aif = objects.STANDARD_AIF(EVEN)
    low, high = (svd.adaptive_threshold(aif, 1.5, noise) for noise in (0.001, 0.2))
    assert low < 0.05 < high


@pytest.mark.parametrize(("snr", "limits"), [(100, (2.5, 8, 8, 0.3)), (50, (4, 13, 14, 0.5)), (20, (9, 24, 25, 0.9))])
def test_bayes_is_accurate_and_calibrated_off_its_grid(snr, limits):
    made = objects.reference_object(
        objects.random_cases(("exp", "box", "gamma"), 120, seed=4), EVEN, snr, aif=objects.OTHER_AIFS[0], seed=9
    )
    maps, truth = values(made, method="bayes"), made.truth
    for name, limit in zip(("cbv", "cbf", "mtt"), limits, strict=False):
        assert error(maps[name], truth[name]) < limit
        inside = np.abs(np.log(maps[name] / truth[name])) < 1.96 * maps[f"{name}_sd"] / maps[name]
        assert 0.87 <= inside.mean() <= 0.995
    assert np.abs(maps["tmax"] - truth["delay"]).mean() < limits[3]
    assert error(maps["cbf"], truth["cbf"]) < error(values(made, method="csvd")["cbf"], truth["cbf"])


def test_irregular_times_are_honoured():
    times = np.append(np.arange(0, 50, 1.5), np.arange(50, 120, 5.0))
    made = objects.reference_object(objects.random_cases(("exp", "box", "gamma"), 30, seed=2), times, np.inf)
    maps, truth = values(made, method="bayes"), made.truth
    assert error(maps["cbv"], truth["cbv"]) < 1
    assert error(maps["mtt"], truth["mtt"]) < 9
    assert np.abs(maps["tmax"] - truth["delay"]).mean() < 0.2
    classic = values(made, method="csvd")
    assert error(classic["cbv"], truth["cbv"]) < 4
    assert error(classic["cbf"], truth["cbf"]) < 22


def test_the_estimate_stands_on_the_likely_kind_of_residue_and_the_deviation_reaches_the_other(monkeypatch):
    """Box and exponential fit alike in noise: the mean of both would be neither."""
    from dsc_superres.perfusion import bayes

    made = objects.reference_object([("box", 3.0, 6.0, 0.7)] * 100, EVEN, 40, seed=3)
    maps, truth = values(made, method="bayes"), made.truth["cbf"]
    inside = np.abs(np.log(maps["cbf"] / truth)) < 1.96 * maps["cbf_sd"] / maps["cbf"]
    assert inside.mean() >= 0.9
    monkeypatch.setattr(bayes, "SHARPNESS", 1)
    mean = values(made, method="bayes")
    assert error(maps["cbf"], truth) < 0.8 * error(mean["cbf"], truth)
    np.testing.assert_allclose(mean["mtt_sd"] / mean["mtt"], maps["mtt_sd"] / maps["mtt"], rtol=1e-3)


def test_the_benchmark_prints_the_parts_asked_for(capsys):
    from dsc_superres.benchmark.perfusion import run

    (table,) = run(["--only", "delay", "--methods", "csvd", "bayes"])
    assert [row[0] for row in table.rows] == ["csvd", "bayes"]
    assert all(float(row[-1].split()[0]) <= 2.0 for row in table.rows)
    assert "spread" in capsys.readouterr().out


def test_bayes_gives_the_same_whatever_the_block(monkeypatch):
    from dsc_superres.perfusion import bayes

    made = objects.reference_object(objects.random_cases(("exp", "lorentzian"), 40, seed=1), EVEN, 50)
    whole = values(made, method="bayes")
    monkeypatch.setattr(bayes, "VOXELS_PER_BLOCK", 16)
    np.testing.assert_allclose(values(made, method="bayes")["cbf"], whole["cbf"], rtol=5e-3)


@given(st.lists(st.tuples(st.floats(-5, 20), st.floats(-10, 200)), min_size=1, max_size=20))
def test_central_volume_theorem_is_exact(pairs):
    cbv, cbf = np.array(pairs, np.float32).T
    mtt = mean_transit_time(cbv, cbf)
    both = (cbv > 0) & (cbf > 0)
    np.testing.assert_array_equal(mtt[both], (60 * cbv[both] / cbf[both]).astype(np.float32))
    assert not mtt[~both].any()


@settings(deadline=None, max_examples=25)
@given(shift=st.floats(0, 1), onset=st.floats(14, 24))
def test_time_to_peak_is_finer_than_the_frames(shift, onset):
    times = EVEN + shift
    x = np.maximum(times - onset, 0) / 6
    found = time_to_peak((x**2 * np.exp(2 - 2 * x))[:, None].astype(np.float32), times, BOLUS)
    assert found[0] == pytest.approx(onset + 6 - BOLUS.arrival, abs=0.3)


def test_gamma_variate_is_found_between_coarse_frames():
    times = 6.0 * np.arange(30)
    fine = np.arange(0, 120, 0.5)
    curve = 600 * objects.STANDARD_AIF(times)
    assert fit_gamma_variate(times, curve).onset == pytest.approx(12.3, abs=0.3)
    between = continuous_curve(times, curve)(fine)
    assert np.abs(between - 600 * objects.STANDARD_AIF(fine)).max() < 0.03 * 600


def test_integration_ends_earlier_in_noise_and_the_area_is_right():
    ends = []
    for snr in (np.inf, 15):
        made = objects.reference_object([("exp", 3.0, 5.0, 0.5)] * 60, 6.0 * np.arange(60), snr)
        curves = delta_r2star(made.signal, objects.ECHO_TIME, made.baseline)
        bolus = Bolus(made.baseline, 13.0, 24.0, 2, 4, 0.3, 0.001)
        ends.append(integration_end(curves, made.arterial, made.times, bolus))
        area = 100 * area_ratio(curves, made.arterial, made.times, bolus, ends[-1])
        assert np.median(area) == pytest.approx(3.0, rel=0.12)
    assert ends[1] < 0.6 * ends[0]


@pytest.mark.parametrize("bidirectional", [False, True])
def test_leakage_is_removed_and_sound_tissue_left_alone(bidirectional):
    k2 = np.repeat([0.0, -0.06, -0.03, 0.03, 0.06], (400, 50, 50, 50, 50))
    cases = [("exp", cbv, 4.0, 0.0) for cbv in np.resize([2.0, 4.0], len(k2))]
    made = objects.leaking_object(cases, EVEN, 100.0, k2)
    curves = delta_r2star(made.signal, objects.ECHO_TIME, made.baseline)
    bolus = find_bolus(made.signal.mean(axis=1), EVEN)
    fit = correct_leakage(curves, EVEN, reference_curve(curves, bolus), bolus, bidirectional)
    area = 100 * np.trapezoid(fit.curves, EVEN, axis=0) / np.trapezoid(made.arterial, EVEN)
    plain = 100 * np.trapezoid(curves, EVEN, axis=0) / np.trapezoid(made.arterial, EVEN)
    assert error(plain[k2 != 0], made.truth["cbv"][k2 != 0]) > 50
    assert error(area[k2 != 0], made.truth["cbv"][k2 != 0]) < 1.8
    assert error(area[k2 == 0], plain[k2 == 0]) < 2
    assert np.median(fit.k2[k2 == 0.06]) == pytest.approx(0.06, abs=0.005)


def test_blood_volume_over_all_frames_is_that_of_the_published_tools():
    """Their areas begin at the first frame, ours where the baseline ends: noise of the baseline moves MTT."""
    from dsc_superres.benchmark.measures import over_all_frames

    made = objects.reference_object(objects.grid_cases(), EVEN, 50.0)
    maps = over_all_frames(values(made, method="csvd"), made)
    curves = delta_r2star(made.signal, objects.ECHO_TIME, made.baseline)
    weights = np.full(len(EVEN), 1.5) * np.where(np.isin(np.arange(len(EVEN)), [0, len(EVEN) - 1]), 0.5, 1)
    np.testing.assert_allclose(maps["cbv"], 100 * weights @ curves / (weights @ made.arterial), rtol=1e-5)
    np.testing.assert_array_equal(maps["mtt"], mean_transit_time(maps["cbv"], maps["cbf"]))
