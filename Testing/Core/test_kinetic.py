"""The kinetic interpolator: nearer to a bolus than pchip, exact at acquired frames, and pchip where it must be."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from kinetic_sample import patient, rms

from dsc_superres.reconstruction.reconstruct import reconstruct
from dsc_superres.series import MISSING, Series


@pytest.mark.parametrize("irregular", [False, True])
def test_frames_between_are_nearer_to_the_truth_and_those_acquired_are_kept(irregular: bool) -> None:
    times = 1.5 * np.arange(49)
    kept = np.array([0, 5, 7, 12, 14, 19, 23, 26, 31, 36, 40, 45, 48]) if irregular else np.arange(0, 49, 4)
    truth, scan = patient(times, noise=0), patient(times, first=1.3)
    coarse = scan.with_signal(scan.signal[kept], times=times[kept])
    kinetic, pchip = (reconstruct(coarse, space=1, times=times, model=model) for model in ("kinetic", "backprojection"))
    np.testing.assert_allclose(kinetic.signal[kept], coarse.signal, atol=0.01)
    bolus = np.setdiff1d(np.arange(9, 24), kept)
    assert rms(kinetic, truth, bolus) < 0.6 * rms(pchip, truth, bolus)
    if irregular:
        return  # twice finer pixels once are enough
    fine, plain = (reconstruct(coarse, times=times, model=model) for model in ("kinetic", "backprojection"))
    np.testing.assert_allclose(fine.signal[kept], plain.signal[kept], atol=0.01)


def test_any_number_of_threads_gives_the_same_bits() -> None:
    coarse, before, found = patient(6.0 * np.arange(13)), torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(reconstruct(coarse, space=2, time=3, model="kinetic").signal)
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(*found)


UNTIMED = replace(patient(6.0 * np.arange(13)), sources={"times": MISSING})


@pytest.mark.parametrize(
    ("coarse", "reason"),
    [
        (patient(6.0 * np.arange(3)), "No single contrast bolus was found"),
        (patient(6.0 * np.arange(12), doses=()), "No single contrast bolus was found"),
        (UNTIMED, "The frame times are not known"),
    ],
)
def test_without_kinetics_it_is_pchip_and_says_so(coarse: Series, reason: str) -> None:
    found = reconstruct(coarse, space=2, time=4, model="kinetic")
    np.testing.assert_array_equal(found.signal, reconstruct(coarse, space=2, time=4, model="backprojection").signal)
    assert any(note.startswith(reason) for note in found.notes)


def test_a_second_bolus_is_no_worse_than_with_pchip() -> None:
    times = 1.5 * np.arange(81)
    truth, scan = patient(times, noise=0, doses=(14.0, 63.0)), patient(times, doses=(14.0, 63.0))
    coarse = scan.with_signal(scan.signal[::4], times=times[::4])
    kinetic, pchip = (reconstruct(coarse, space=1, times=times, model=model) for model in ("kinetic", "backprojection"))
    between = np.arange(81)[np.arange(81) % 4 != 0]
    assert rms(kinetic, truth, between) <= 1.02 * rms(pchip, truth, between)


def test_voxels_that_do_not_follow_kinetics_are_pchip_and_counted() -> None:
    scan = patient(6.0 * np.arange(13))
    signal = scan.signal.copy()
    signal[::2, 0, 8:10, 8:10] *= 0.4
    coarse = scan.with_signal(signal)
    found, plain = (reconstruct(coarse, space=1, time=4, model=model) for model in ("kinetic", "backprojection"))
    np.testing.assert_allclose(found.signal[4:, 0, 8:10, 8:10], plain.signal[4:, 0, 8:10, 8:10], rtol=1e-4)
    (note,) = [note for note in found.notes if "does not follow kinetics" in note]
    assert note.startswith("In 4 of ")
