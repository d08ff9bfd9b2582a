"""Maps of series whose frames are not evenly spaced: holes within the bolus, gaps before and after it."""

import numpy as np
import pytest

from dsc_superres.benchmark.perfusion_objects import reference_objects as objects
from dsc_superres.frames.gaps import gaps_of, long_gaps
from dsc_superres.geometry import Geometry
from dsc_superres.perfusion import ArterialInput, MapOptions, compute_maps
from dsc_superres.perfusion.frame_sampling import uniform_grid
from dsc_superres.series import Series

CASES = [("exp", cbv, mtt, 1.0) for cbv in (2.0, 4.0) for mtt in (4.0, 6.0, 8.0) for _ in range(30)]
EVEN = 1.5 * np.arange(48)
KH_OVER_RHO = 1.0


def maps(times, method, snr=100):
    made = objects.reference_object(CASES, times, snr)
    series = Series(made.signal[:, None, None], times, Geometry((2.0, 2.0, 5.0)), echo_time=objects.ECHO_TIME)
    found = compute_maps(
        series,
        aif=ArterialInput(times, made.arterial),
        mask=np.ones(series.signal.shape[1:], bool),
        reference="none",
        options=MapOptions(method=method, kh_over_rho=KH_OVER_RHO),
    )
    return found, made.truth


def ratio(found, truth, name):
    return float(np.median(getattr(found, name).ravel() / truth[name]))


def gap(found):
    return any("The bolus is not sampled" in words for words in found.warnings)


@pytest.mark.parametrize("method", ["csvd", "osvd", "ssvd"])
@pytest.mark.parametrize("steps", [{36: 60.0}, {36: 430.0}, {0: -60.0}])
def test_a_gap_apart_from_the_bolus_changes_little(method, steps):
    times = EVEN.copy()
    for frame, seconds in steps.items():
        times[frame : None if frame else 1] += seconds
    (even, truth), (found, _) = maps(EVEN, method), maps(times, method)
    for name in ("cbv", "cbf"):
        assert ratio(found, truth, name) == pytest.approx(ratio(even, truth, name), rel=0.08)
    assert not gap(found)


@pytest.mark.parametrize("missing", [range(14, 18), range(16, 24)])
@pytest.mark.parametrize("method", ["csvd", "bayes"])
def test_a_hole_in_the_bolus_is_no_measurement_and_is_said(method, missing):
    found, truth = maps(np.delete(EVEN, missing), method)
    assert ratio(found, truth, "cbv") == pytest.approx(1, abs=0.25)
    assert gap(found)


@pytest.mark.parametrize("method", ["csvd", "osvd"])
def test_frames_that_follow_faster_in_the_bolus_do_no_harm(method):
    uneven = np.concatenate([np.arange(0, 15, 3.0), np.arange(15, 39, 1.2), np.arange(39, 72, 3.0)])
    (even, truth), (found, _) = maps(EVEN, method), maps(uneven, method)
    assert 0.95 * ratio(even, truth, "cbf") < ratio(found, truth, "cbf") < 1.05
    assert not gap(found)


def test_gaps_are_told_from_frames_that_are_far_apart():
    assert gaps_of(6.0 * np.arange(12)).size == 0
    assert gaps_of(np.delete(EVEN, 20)).tolist() == [19]
    assert long_gaps(np.delete(EVEN, 20)).size == 0
    assert len(uniform_grid(np.delete(EVEN, range(20, 40)))) == len(EVEN)
