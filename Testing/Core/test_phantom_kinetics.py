"""The kinetics of digital patients: residues, tables and arterial inputs against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsc_superres.phantom.kinetics import KH, RHO, SimulatedBolus, SimulatedResidue, TissueCurves

TIMES = np.arange(0, 300, 0.1)


def bolus(**changes: float) -> SimulatedBolus:
    values = {"arrival": 15.0, "shape": 3.0, "scale": 1.4, "recirculation": 0.3, "recirculation_delay": 11.0}
    values |= {"recirculation_spread": 7.0, "plateau": 0.8, "washout": 120.0, "area": 2500.0}
    return SimulatedBolus(**(values | changes))


@settings(max_examples=25, deadline=None)
@given(shape=st.floats(1, 6), mtt=st.floats(1, 15), dispersion=st.sampled_from([0.0, 1.0, 2.5]))
def test_a_residue_starts_at_one_and_its_area_is_the_mean_transit_time(shape, mtt, dispersion):
    residue = SimulatedResidue(shape, dispersion)(TIMES, mtt)
    assert residue[0] == pytest.approx(0.0 if dispersion else 1.0)
    assert np.trapezoid(residue, TIMES) == pytest.approx(mtt, rel=0.06 if dispersion else 0.01)
    assert dispersion or np.all(np.diff(residue) <= 1e-12)


def test_the_arterial_input_is_zero_before_arrival_and_its_parts_have_their_areas():
    first = bolus(recirculation=0.0, plateau=0.0)
    assert np.all(first(TIMES)[TIMES <= 15] == 0)
    assert np.trapezoid(first(TIMES), TIMES) == pytest.approx(2500, rel=1e-3)
    second = bolus(plateau=0.0)
    assert np.trapezoid(second(TIMES), TIMES) == pytest.approx(2500 * 1.3, rel=0.02)
    late = (TIMES > 60) & (TIMES < 90)
    assert bolus()(TIMES)[late].min() > 0.01 * bolus()(TIMES).max()


@settings(max_examples=12, deadline=None)
@given(cbf=st.floats(5, 120), mtt=st.floats(1.5, 12), delay=st.floats(0, 6))
def test_tissue_curves_are_the_delayed_convolution_and_hold_the_blood_volume(cbf, mtt, delay):
    curves = TissueCurves(bolus(), SimulatedResidue(), 299)
    seconds = np.arange(0, 299, 1.5)
    one = [np.float32([value]) for value in (cbf, mtt, delay)]
    simulated = np.array([curves(t, one[0], curves.position(one[1]), one[2])[0] for t in seconds])
    exact = np.convolve(bolus()(TIMES), np.exp(-TIMES / mtt))[: TIMES.size] * 0.1 * RHO / KH * cbf / 6000
    expected = np.interp(seconds - delay, TIMES, exact, left=0.0)
    assert np.abs(simulated - expected).max() < 0.05 * expected.max()
    first_passes = TissueCurves(bolus(plateau=0.0), SimulatedResidue(), 299)
    tissue = np.array([first_passes(t, one[0], first_passes.position(one[1]), one[2])[0] for t in seconds])
    volume = 100 * KH / RHO * np.trapezoid(tissue, seconds) / np.trapezoid(bolus(plateau=0.0)(TIMES), TIMES)
    assert volume == pytest.approx(cbf * mtt / 60, rel=0.02)


def test_dispersion_delays_the_maximum_of_the_residue_as_theory_says():
    curves = TissueCurves(bolus(), SimulatedResidue(1.0, 2.0), 100)
    expected = np.log(8.0 / 2.0) * 8.0 * 2.0 / (8.0 - 2.0)
    assert curves.time_to_peak(np.float32([8.0]))[0] == pytest.approx(expected, abs=0.15)
    assert TissueCurves(bolus(), SimulatedResidue(), 100).time_to_peak(np.float32([8.0]))[0] == 0
