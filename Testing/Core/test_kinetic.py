"""The kinetic interpolator: nearer to a bolus than pchip, exact at acquired frames, and pchip where it must be."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from kinetic_sample import patient, rms
from sample import bolus_series

from dsc_superres.kinetics.kinetic_course import kinetic_course
from dsc_superres.perfusion import compute_maps
from dsc_superres.perfusion.propagation import with_signal_uncertainty
from dsc_superres.reconstruction.reconstruct import reconstruct, reconstruct_with_uncertainty
from dsc_superres.series import MISSING, Series

TIMES = 1.5 * np.arange(49)
EVERY_FOURTH = np.arange(0, 49, 4)
IRREGULAR = np.array([0, 5, 7, 12, 14, 19, 23, 26, 31, 36, 40, 45, 48])
BOLUS = np.arange(9, 24)


@cache
def scan() -> Series:
    """The patient every 1.5 s, with an initial transient."""
    return patient(TIMES, first=1.3)


def acquired(kept: np.ndarray) -> Series:
    """Only the frames ``kept`` of the scan."""
    return scan().with_signal(scan().signal[kept], times=TIMES[kept])


@cache
def truth() -> Series:
    """The patient every 1.5 s without noise."""
    return patient(TIMES, noise=0)


@cache
def estimated(space: int, threads: int) -> tuple[Series, Series]:
    """What kinetics makes of every fourth frame, and its uncertainty."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        return reconstruct_with_uncertainty(acquired(EVERY_FOURTH), space=space, times=TIMES, model="kinetic")
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("kept", [EVERY_FOURTH, IRREGULAR], ids=["regular", "irregular"])
def test_frames_between_are_nearer_to_the_truth_and_those_acquired_are_kept(kept: np.ndarray) -> None:
    coarse = acquired(kept)
    regular = kept is EVERY_FOURTH
    kinetic = estimated(1, 1)[0] if regular else reconstruct(coarse, space=1, times=TIMES, model="kinetic")
    pchip = reconstruct(coarse, space=1, times=TIMES, model="backprojection")
    np.testing.assert_allclose(kinetic.signal[kept], coarse.signal, atol=0.01)
    bolus = np.setdiff1d(BOLUS, kept)
    assert rms(kinetic, truth(), bolus) < 0.6 * rms(pchip, truth(), bolus)


def test_several_slices_are_one_series() -> None:
    series = bolus_series(frames=20, size=(20, 18, 3))
    kinetic = reconstruct(series, space=1, time=2, model="kinetic")
    np.testing.assert_allclose(kinetic.signal[::2], series.signal, atol=0.01)
    assert not any("kinetics was not used" in note for note in kinetic.notes)


def test_acquired_frames_at_finer_pixels_are_those_of_back_projection() -> None:
    plain = reconstruct(acquired(EVERY_FOURTH), times=TIMES, model="backprojection")
    np.testing.assert_allclose(estimated(2, 1)[0].signal[EVERY_FOURTH], plain.signal[EVERY_FOURTH], atol=0.01)


def test_any_number_of_threads_gives_the_same_bits() -> None:
    for one, other in zip(estimated(2, 1), estimated(2, 2), strict=True):
        np.testing.assert_array_equal(one.signal, other.signal)


def test_the_uncertainty_holds_the_truth_and_is_the_noise_in_acquired_frames() -> None:
    found, uncertainty = estimated(1, 1)
    inside = truth().signal.mean(axis=0) > 100
    sd, error = uncertainty.signal[:, inside], (found.signal - truth().signal)[:, inside]
    np.testing.assert_allclose(sd[EVERY_FOURTH], 5, rtol=0.25)
    for frames in (EVERY_FOURTH[1:], np.setdiff1d(np.arange(4, 49), EVERY_FOURTH)):  # after the initial transient
        assert np.mean(np.abs(error[frames]) < 1.96 * sd[frames]) > 0.9
        assert np.sqrt(np.mean((error[frames] / sd[frames]) ** 2)) > 0.4
    between = np.setdiff1d(np.arange(49), EVERY_FOURTH)
    assert sd[between[(between > 8) & (between < 24)]].mean() > 1.3 * sd[between[between > 30]].mean()


def test_maps_of_the_result_are_those_of_the_kinetic_curves_within_their_uncertainty() -> None:
    found, uncertainty = (one.with_signal(one.signal[4:], times=TIMES[4:]) for one in estimated(1, 1))
    course = kinetic_course(acquired(EVERY_FOURTH), transient=True)
    curves = found.with_signal(course.signal(0, found.times)[:, None])
    mask = course.share > 0.5
    maps = with_signal_uncertainty(compute_maps(found, mask=mask), found, uncertainty)
    own = compute_maps(curves, mask=mask, aif=maps.aif)
    for name in ("cbv", "cbf"):
        value, expected = getattr(maps, name)[mask], getattr(own, name)[mask]
        assert np.mean(np.abs(value - expected) < 1.96 * maps.extra[f"{name}_sd"][mask]) > 0.95
        assert np.median(np.abs(value / expected - 1)) < 0.1


def test_slices_of_other_times_follow_the_same_bolus() -> None:
    later = patient(TIMES[EVERY_FOURTH], slice_times=(0.0, 2.5))
    kinetic, pchip = (reconstruct(later, space=1, times=TIMES[4:44], model=m) for m in ("kinetic", "backprojection"))
    at_once = truth().with_signal(truth().signal[4:44].repeat(2, 1), times=TIMES[4:44])
    bolus = np.setdiff1d(BOLUS, EVERY_FOURTH) - 4
    assert rms(kinetic, at_once, bolus) < 0.7 * rms(pchip, at_once, bolus)


UNTIMED = replace(patient(6.0 * np.arange(13)), sources={"times": MISSING})


@pytest.mark.parametrize(
    ("coarse", "reason"),
    [
        (patient(6.0 * np.arange(3)), "No single contrast bolus was found"),
        (patient(6.0 * np.arange(12), doses=()), "No single contrast bolus was found"),
        (patient(6.0 * np.arange(5)), "No single contrast bolus was found"),
        (UNTIMED, "The frame times are not known"),
    ],
    ids=["3 frames", "no bolus", "cut off", "no times"],
)
def test_without_kinetics_it_is_pchip_and_says_so(coarse: Series, reason: str) -> None:
    found = reconstruct(coarse, space=2, time=4, model="kinetic")
    np.testing.assert_array_equal(found.signal, reconstruct(coarse, space=2, time=4, model="backprojection").signal)
    assert any(note.startswith(reason) for note in found.notes)


@pytest.mark.parametrize("doses", [(14.0, 25.0), (14.0, 63.0)])
def test_a_second_bolus_is_no_worse_than_with_pchip(doses: tuple[float, ...]) -> None:
    times = 1.5 * np.arange(81)
    truth, scan = patient(times, noise=0, doses=doses), patient(times, doses=doses)
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
