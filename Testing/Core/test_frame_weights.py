"""Maps of reconstructions weigh their frames by what they add."""

from dataclasses import replace

import numpy as np
import pytest

from dsc_superres.benchmark.perfusion_objects import reference_objects as objects
from dsc_superres.benchmark.perfusion_objects.map_errors import values
from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion.arterial_input import ArterialInput
from dsc_superres.perfusion.bayes import posterior
from dsc_superres.perfusion.dictionary import dictionary
from dsc_superres.perfusion.frame_weights import frame_weights
from dsc_superres.perfusion.maps import compute_maps
from dsc_superres.series import Series

TIMES = 1.5 * np.arange(61)


def test_frames_that_were_all_measured_count_alike():
    found = frame_weights(TIMES)
    assert np.array_equal(found.weight, np.ones(61))
    assert (found.frames_per_measurement, found.interval) == (1.0, 1.5)


def test_frames_between_acquired_ones_count_less():
    found = frame_weights(TIMES, TIMES[::4])
    assert found.weight[[0, 4]].tolist() == [1.0, 1.0]
    assert found.weight[1] < 0.5
    assert found.interval == 6.0


def test_acquired_times_outside_the_series_are_refused():
    with pytest.raises(PerfusionError, match="acquired times"):
        frame_weights(TIMES, TIMES + 1000)


def test_repeated_measurements_do_not_make_maps_surer():
    """Copies of frames carry no news: their posterior is as wide as that of the measured frames, if it is told so."""
    made = objects.reference_object([("exp", 4.0, 5.0, 1.0)] * 40, TIMES, 30.0, seed=2)
    curves = -np.log(np.maximum(made.signal, 1) / made.signal[made.baseline].mean(axis=0))
    copies, copied_times = np.repeat(curves, 4, axis=0), (TIMES[:, None] + 0.01 * np.arange(4)).ravel()

    def artery(t):
        return 0.03 * np.interp(t, TIMES, made.arterial)

    def mtt_sd(values, times, **frames):
        return np.median(posterior(values, dictionary(artery, times), **frames).mtt_sd)

    measured = mtt_sd(curves, TIMES)
    naive = mtt_sd(copies, copied_times)
    told = mtt_sd(copies, copied_times, frames=frame_weights(copied_times, TIMES))
    assert naive < 0.85 * measured
    assert told == pytest.approx(measured, rel=0.1)


def refined(wrong: float) -> tuple[objects.ReferenceObject, ArterialInput]:
    """Curves every 1.5 s without noise, of which those between every fourth are wrong by that share of themselves."""
    made = objects.reference_object(objects.grid_cases()[::3], TIMES, np.inf)
    computed = np.arange(61) % 4 > 0
    bent = 1 + wrong * np.sin(TIMES)
    signal, arterial = made.signal.copy(), made.arterial.copy()
    level = signal[made.baseline].mean(axis=0)
    signal[computed] = level * (signal[computed] / level) ** bent[computed, None]
    arterial[computed] *= bent[computed]
    return replace(made, signal=signal, arterial=arterial), ArterialInput(TIMES, arterial, np.zeros((1, 3), int))


def test_frames_that_the_measured_ones_contradict_count_nothing():
    """Maps are then those of the measured frames alone, arterial input included; true frames do count."""
    found = {}
    for wrong in (0.0, 0.2):
        made, aif = refined(wrong)
        found[wrong] = values(made, "bayes", aif=aif, frames=frame_weights(TIMES, TIMES[::4]))
    measured = replace(made, times=TIMES[::4], signal=made.signal[::4], arterial=made.arterial[::4])
    measured = replace(measured, baseline=slice(0, -(-made.baseline.stop // 4)))
    alone = values(measured, "bayes", aif=ArterialInput(TIMES[::4], measured.arterial, np.zeros((1, 3), int)))
    for name in ("cbv", "cbf", "mtt", "tmax"):
        np.testing.assert_allclose(found[0.2][name], alone[name], rtol=1e-3, atol=1e-2)
        assert np.abs(found[0.0][name] - alone[name]).max() > 0.05


def test_frames_of_an_interpolator_count_nothing():
    made, _ = refined(0.0)
    curves = np.tile(made.signal, (1, 2))[:, :128].reshape(61, 1, 8, 16)
    known = {"role": "reconstruction", "acquired_times_s": TIMES[::4].tolist()}
    for name, weight in (("pchip", 0.0), ("ode-liif", 0.3)):
        series = Series(curves, TIMES, echo_time=0.03, provenance={**known, "model": {"name": name}})
        maps = compute_maps(series, aif=ArterialInput(TIMES, made.arterial), mask=np.ones((1, 8, 16)), reference="none")
        assert maps.provenance["weight_of_computed_frames"] == weight


def test_maps_of_a_case_know_the_times_of_its_input(monkeypatch):
    from dsc_superres.degrade import undersample
    from dsc_superres.phantom import digital_patient
    from dsc_superres.pipeline import case_maps
    from dsc_superres.pipeline.case_maps import map_case
    from dsc_superres.pipeline.case_options import PerfusionOptions
    from dsc_superres.reconstruction.reconstruct import reconstruct

    patient = digital_patient(1000, slices=1, frames=41, matrix=64)
    coarse = undersample(patient.series, 2, 4, "block")
    fine = reconstruct(coarse, space=2, time=4, model="pchip")
    known = {}

    def spy(series, **options):
        known[series.signal.shape] = options["acquired_times"]
        return compute(series, **options)

    compute = case_maps.compute_maps
    monkeypatch.setattr(case_maps, "compute_maps", spy)
    sd = fine.with_signal(np.ones_like(fine.signal))
    all_series = {"pchip": fine, "input": coarse}
    found = map_case(all_series, None, PerfusionOptions(), lambda *_: None, uncertainty={"pchip": sd})
    assert found.maps_error is None
    assert np.array_equal(known[fine.signal.shape], coarse.times)
    assert known[coarse.signal.shape] is None
    assert found.maps["pchip"].provenance["measured_interval_s"] == pytest.approx(coarse.interval, rel=0.01)
