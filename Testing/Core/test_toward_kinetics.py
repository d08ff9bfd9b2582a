"""A network's frames drawn toward kinetics: nearer to the truth, and the network's own where kinetics does not hold."""

import numpy as np
import pytest
import torch
from kinetic_sample import patient, rms

from dsc_superres.reconstruction.reconstruct import reconstruct, reconstruct_with_uncertainty
from dsc_superres.series import Series

NETWORK, DRAWN = "ode-liif-plus", "ode-liif-plus-kinetic"


def test_frames_are_nearer_to_the_truth_with_any_number_of_threads() -> None:
    times = 1.5 * np.arange(37)
    truth, scan = patient(times, noise=0), patient(times, first=1.3)
    coarse = scan.with_signal(scan.signal[::4], times=times[::4])
    options = {"space": 1, "times": np.delete(times, 8), "fast": False}
    truth = truth.with_signal(np.delete(truth.signal, 8, axis=0), times=options["times"])
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(reconstruct_with_uncertainty(coarse, model=DRAWN, **options))
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(found[0][0].signal, found[1][0].signal)
    plain = reconstruct(coarse, model=NETWORK, **options)
    drawn = found[0][0]
    bolus = np.arange(8, 24)
    assert rms(drawn, truth, bolus) < 0.95 * rms(plain, truth, bolus)
    assert rms(drawn, truth, np.arange(24, 36)) < 0.98 * rms(plain, truth, np.arange(24, 36))
    np.testing.assert_array_equal(drawn.signal[:4], plain.signal[:4])  # the initial transient is the network's
    assert drawn.provenance["model"]["name"] == DRAWN


def test_slices_of_other_times_are_drawn_at_their_own() -> None:
    times, later = 1.5 * np.arange(29), (0.0, 2.5)
    coarse = patient(times[::4], slice_times=later)
    options = {"space": 1, "times": times[4:24]}
    truth = patient(options["times"], noise=0)
    truth = truth.with_signal(truth.signal.repeat(2, 1))
    drawn, plain = (reconstruct(coarse, model=model, **options) for model in (DRAWN, NETWORK))
    between = np.setdiff1d(np.arange(20), np.arange(0, 20, 4))
    assert rms(drawn, truth, between) < 0.95 * rms(plain, truth, between)


@pytest.mark.parametrize(
    "coarse",
    [
        patient(6.0 * np.arange(3)),
        patient(6.0 * np.arange(12), doses=()),
        patient(6.0 * np.arange(4)),
        patient(6.0 * np.arange(21), doses=(14.0, 63.0)),
    ],
    ids=["3 frames", "no bolus", "cut off", "two boluses"],
)
def test_without_kinetics_they_are_those_of_the_network(coarse: Series) -> None:
    found = reconstruct(coarse, space=1, time=4, model=DRAWN)
    np.testing.assert_array_equal(found.signal, reconstruct(coarse, space=1, time=4, model=NETWORK).signal)
    assert any("kinetics was not used, and frames are those of the network" in note for note in found.notes)
