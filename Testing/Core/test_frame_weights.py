"""Maps of reconstructions weigh their frames by what they add."""

import numpy as np
import pytest

from dsc_superres.benchmark.perfusion_objects import reference_objects as objects
from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion.bayes import posterior
from dsc_superres.perfusion.dictionary import dictionary
from dsc_superres.perfusion.frame_weights import frame_weights

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
