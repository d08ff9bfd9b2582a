"""Sentences for the reader of the maps, thresholds and warnings in the provenance, and partial volume."""

import json
from dataclasses import replace

import numpy as np
import pytest

from dsc_superres.errors import PerfusionError
from dsc_superres.geometry import Geometry
from dsc_superres.perfusion import ArterialInput, MapOptions, compute_maps
from dsc_superres.perfusion.arterial_input import scaled_to_vein
from dsc_superres.perfusion.bolus import Bolus
from dsc_superres.perfusion.map_warnings import at_noise_floor, map_warnings
from dsc_superres.series import Series

ECHO_TIME = 0.03
CSVD = MapOptions("csvd", integration_end=60.0)


def bolus_curve(times, arrival=20.0, tail=0.05):
    """A first pass of height 1 that falls to ``tail``."""
    x = np.maximum(times - arrival, 0) / 6
    return x**2 * np.exp(2 - 2 * x) + tail * (times > arrival + 12)


def sentences(interval=1.5, frames=60, arrival=20.0, options=CSVD, tail=0.05, height=10.0, noise=0.05):
    times = interval * np.arange(frames)
    clean = height * bolus_curve(times, arrival, tail)
    curves = clean[:, None] + noise * np.random.default_rng(0).normal(size=(frames, 50))
    before = max(int(np.searchsorted(times, arrival, "right")), 1)
    bolus = Bolus(slice(0, before), arrival, arrival + 6, before - 1, int(clean.argmax()), 0.2, 0.001)
    return map_warnings(curves, times, bolus, ArterialInput(times, clean), options, ECHO_TIME)


def test_a_good_series_gives_no_sentence():
    assert sentences() == ()


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"interval": 3.0, "arrival": 21.0}, "3.0 s apart"),
        ({"interval": 2.0, "arrival": 6.5}, "Only 4 frames precede the bolus"),
        ({"arrival": 3.0, "interval": 0.5, "frames": 180}, "arrives 3 s after the first frame"),
        ({"frames": 36}, "use 32 s after the bolus' arrival; 40 s or more"),
        (
            {"frames": 120, "options": replace(CSVD, integration_end=150.0)},
            "use 150 s after",
        ),
        ({"frames": 120, "options": MapOptions("bayes")}, "use 158 s after"),
        ({"tail": 0.6}, "% of its peak"),
        ({"height": 120.0, "noise": 1.0}, "signal falls to the noise at the peak"),
    ],
)
def test_each_flaw_gives_its_one_sentence(change, part):
    found = sentences(**change)
    assert len(found) == 1
    assert part in found[0]
    assert found[0].endswith(".")


def test_a_single_baseline_frame_is_told_in_the_singular():
    assert any("Only 1 frame precedes" in sentence for sentence in sentences(interval=6.0, arrival=5.5, frames=30))


@pytest.mark.parametrize(("depth", "share"), [(0.3, 0.0), (0.01, 1.0)])
def test_the_noise_floor_is_that_of_the_baseline(depth, share):
    times = 1.5 * np.arange(60)
    random = np.random.default_rng(1)
    signal = 1000 * np.exp(np.log(depth) * bolus_curve(times))[:, None] + 20 * random.normal(size=(60, 30))
    curves = -np.log(np.maximum(signal, 1) / 1000) / ECHO_TIME
    bolus = Bolus(slice(0, 13), 20.0, 26.0, 13, 17, 0.3, 0.001)
    assert at_noise_floor(curves, bolus, ECHO_TIME).mean() == pytest.approx(share, abs=0.2)


def small_series():
    """6 x 6 voxels of tissue around an artery of 2 x 2 and a vein of 1 x 2 with half as much again as its area."""
    times = 1.5 * np.arange(60)
    rate = np.tile(8 * bolus_curve(times, 21)[:, None, None, None], (1, 1, 8, 8))
    rate[:, 0, 3:5, 3:5] = 40 * bolus_curve(times, 19)[:, None, None]
    rate[:, 0, 0, :2] = 60 * bolus_curve(times, 23)[:, None]
    noise = 3 * np.random.default_rng(2).normal(size=rate.shape)
    vein = np.zeros(rate.shape[1:], bool)
    vein[0, 0, :2] = True
    return Series(1000 * np.exp(-ECHO_TIME * rate) + noise, times, Geometry(), echo_time=ECHO_TIME), vein


@pytest.mark.parametrize(
    ("options", "threshold", "choice"),
    [
        (MapOptions("csvd"), 0.1, "as published"),
        (MapOptions("ssvd", threshold=0.15), 0.15, "given"),
        (MapOptions("csvd", threshold="adaptive"), None, "adapted to interval and noise"),
        (MapOptions("osvd"), 0.05, "as published"),
        (MapOptions("osvd", as_published=True), 0.05, "as published"),
    ],
)
def test_the_numbers_that_were_used_are_in_the_provenance(options, threshold, choice):
    series, _ = small_series()
    maps = compute_maps(series, mask=np.ones((1, 8, 8)), options=options)
    told = json.loads(json.dumps(dict(maps.provenance)))
    assert told["threshold_choice"] == choice
    assert 0.01 < told["threshold"] < 0.5
    assert threshold is None or told["threshold"] == threshold
    again = compute_maps(
        series,
        aif=maps.aif,
        mask=maps.mask,
        options=replace(options, threshold=told["threshold"], integration_end=told["integration_end_s"]),
    )
    np.testing.assert_array_equal(again.cbf, maps.cbf)
    np.testing.assert_array_equal(again.cbv, maps.cbv)
    assert told["warnings"] == list(maps.warnings)
    assert "Q.PH1.003" in told["formulas"]["cbf"]
    assert told["aif"]["partial_volume_correction"] == 1.0


def test_the_dictionary_of_the_bayesian_method_is_in_the_provenance():
    series, _ = small_series()
    told = json.loads(json.dumps(dict(compute_maps(series, mask=np.ones((1, 8, 8))).provenance)))
    assert told["threshold"] is None
    assert told["dictionary"]["mtt_s"][:2] == [1.0, pytest.approx(24.0)]


def test_one_artery_is_one_candidate():
    series, _ = small_series()
    found = compute_maps(series, mask=np.ones((1, 8, 8)), options=CSVD).candidates
    places = [frozenset(map(tuple, aif.voxels)) for aif in found]
    assert len(places) == len(set(places))


@pytest.mark.parametrize(("noise", "told"), [(3.0, False), (20.0, True)])
def test_saturated_arteries_are_used_where_they_can_be_read_and_else_named(noise, told):
    """The signal of the second artery falls to 2 % of 1000: with noise of 3 that is a curve, with noise of 20 none."""
    series, _ = small_series()
    rate = -np.log(np.maximum(series.signal, 1) / 1000) / ECHO_TIME
    rate[:, 0, 5:7, 5:7] = 130 * bolus_curve(series.times, 19)[:, None, None]
    random = np.random.default_rng(4)
    deep = series.with_signal(1000 * np.exp(-ECHO_TIME * rate) + noise * random.normal(size=rate.shape))
    maps = compute_maps(deep, mask=np.ones((1, 8, 8)), options=CSVD)
    inside = np.all((maps.aif.voxels[:, 1:] >= 5) & (maps.aif.voxels[:, 1:] < 7), axis=1)
    assert not inside.any() if told else inside.all()
    named = [sentence for sentence in maps.warnings if "4 voxels were left out" in sentence]
    assert len(named) == told
    assert all(sentence in maps.provenance["warnings"] for sentence in named)


def test_an_arterial_input_can_be_scaled_to_a_vein():
    series, vein = small_series()
    aif = ArterialInput(series.times, 40 * bolus_curve(series.times, 19))
    plain, scaled = (
        compute_maps(series, aif=aif, mask=np.ones((1, 8, 8)), vein=region, options=CSVD) for region in (None, vein)
    )
    factor = scaled.provenance["aif"]["partial_volume_correction"]
    assert factor == pytest.approx(1.5, rel=0.1)
    np.testing.assert_allclose(scaled.cbv, plain.cbv / factor, rtol=1e-4)
    assert "scaled by" in scaled.aif.source
    times = plain.aif.times
    assert scaled_to_vein(scaled.aif, plain.aif.delta_r2star, times).scale == 1.0
    with pytest.raises(PerfusionError, match="venous region"):
        scaled_to_vein(plain.aif, np.zeros(60), times)
