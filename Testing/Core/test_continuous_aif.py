"""The arterial input between coarse samples."""

import numpy as np

from dsc_superres.benchmark.perfusion_objects import reference_objects as objects
from dsc_superres.perfusion.continuous_aif import continuous_arterial_curve
from dsc_superres.perfusion.gamma_variate import GammaVariate, continuous_curve

NARROW = GammaVariate(3.0, onset=13.4, alpha=2.4, beta=0.9, recirculation=0.4, delay=9.0, dispersion=15.0)
FINE = np.arange(0, 90, 0.25)


def tissue(times, noise=0.01):
    cases = objects.random_cases(("exp", "gamma"), 100, seed=5)
    curves = objects.tissue_curves(NARROW, times, cases)
    return curves + noise * np.exp(curves) * np.random.default_rng(0).normal(size=curves.shape)


def shape_error(curve):
    """Largest distance from the truth as a share of its peak."""
    return np.sqrt(np.mean((curve(FINE) - NARROW(FINE)) ** 2)) / NARROW(FINE).max()


def test_tissue_tells_what_the_bolus_does_between_coarse_samples():
    times = 6.0 * np.arange(15)
    alone = continuous_curve(times, NARROW(times))
    joint = continuous_arterial_curve(times, NARROW(times), times, tissue(times))
    assert shape_error(joint) < 0.7 * shape_error(alone)


def test_samples_that_are_certain_are_met():
    times = 6.0 * np.arange(15)
    joint = continuous_arterial_curve(times, NARROW(times), times, tissue(times))
    assert np.max(np.abs(joint(times) - NARROW(times))) < 0.05 * NARROW(FINE).max()


def test_fine_samples_need_no_help():
    times = 1.5 * np.arange(60)
    alone, joint = continuous_curve(times, NARROW(times)), continuous_arterial_curve(times, NARROW(times), times, None)
    assert np.array_equal(alone(FINE), joint(FINE))
