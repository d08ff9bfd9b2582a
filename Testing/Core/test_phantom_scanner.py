"""The simulated scanner: signal equation, noise, motion and partial volume against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from test_phantom_kinetics import bolus

from dsc_superres.geometry import Geometry
from dsc_superres.phantom.head_grid import HeadGrid, coverage
from dsc_superres.phantom.kinetics import SimulatedResidue, TissueCurves
from dsc_superres.phantom.scanner import Compartment, Leak, Motion, Protocol, _move, add_noise, slice_signal
from dsc_superres.phantom.vessels import fill_tubes

TIMES = np.arange(40) * 1.5
PROTOCOL = Protocol(0.03, 1.5, 60.0, 0, 100.0, 1.0, (0.3, 0.3), 0.0, 0.0, False)
NO_LEAK = Leak(np.zeros(40), 0.0)


def one_voxel(curves: TissueCurves, ktrans: float = 0.0) -> Compartment:
    values = {"share": 1, "density": 0.8, "t1": 1.3, "r2star": 20, "cbf": 60, "mtt": 4, "delay": 1, "ktrans": ktrans}
    arrays = {name: np.float32([value]) for name, value in values.items()}
    return Compartment(pixel=np.array([0]), curves=curves, **arrays)


@pytest.fixture(scope="module")
def curves() -> TissueCurves:
    return TissueCurves(bolus(), SimulatedResidue(), 90)


def test_the_signal_falls_to_the_ernst_steady_state_and_then_follows_the_tracer(curves):
    signal = slice_signal([one_voxel(curves)], PROTOCOL, TIMES, NO_LEAK, (1, 1))[:, 0, 0]
    angle, rest = np.radians(60), np.exp(-1.5 / 1.3)
    before_decay = 0.8 * np.sin(angle) * np.exp(-0.03 * 20)
    steady = before_decay * (1 - rest) / (1 - np.cos(angle) * rest)
    assert signal[0] == pytest.approx(before_decay, rel=1e-5)
    assert signal[8] == pytest.approx(steady, rel=1e-4)
    measured = -np.log(signal[8:] / steady) / 0.03
    part = one_voxel(curves)
    expected = [curves(t, part.cbf, curves.position(part.mtt), part.delay)[0] for t in TIMES[8:]]
    np.testing.assert_allclose(measured, expected, atol=0.02)


def test_leaked_agent_raises_the_signal_through_t1_and_lowers_it_through_t2star(curves):
    agent = np.linspace(0, 100, 40)
    plain = slice_signal([one_voxel(curves)], PROTOCOL, TIMES, NO_LEAK, (1, 1))[-1]
    bright = slice_signal([one_voxel(curves, 0.002)], PROTOCOL, TIMES, Leak(agent, 0.0), (1, 1))[-1]
    dark = slice_signal([one_voxel(curves, 0.002)], PROTOCOL, TIMES, Leak(agent, 300.0), (1, 1))[-1]
    assert dark < plain < bright


def test_noise_is_rician_and_whole_and_the_silent_background_is_zero():
    rng = np.random.default_rng(1)
    images = np.zeros((20, 64, 64), np.float32)
    images[:, :, 32:] = 1000
    noisy = add_noise(rng, images, 20.0, None)
    assert np.all(noisy == np.rint(noisy))
    assert noisy[:, :, :32].mean() == pytest.approx(20 * np.sqrt(np.pi / 2), rel=0.02)
    assert noisy[:, :, 32:].std() == pytest.approx(20, rel=0.02)
    no_progress = add_noise(rng, images, 20.0, images[0] > 0)
    assert not no_progress[:, :, :32].any()
    assert no_progress[:, :, 32:].all()


def test_motion_moves_by_the_stated_part_of_a_pixel():
    y, x = np.mgrid[:32, :32].astype(np.float32)
    ramp = np.stack([0.02 * y**2 + 3 * x] * 2)
    moved = _move(ramp, Motion(np.array([[0, 0], [0.3, -0.2]]), np.zeros(2)))
    np.testing.assert_array_equal(moved[0], ramp[0])
    expected = 0.02 * (y + 0.3) ** 2 + 3 * (x - 0.2)
    np.testing.assert_allclose(moved[1][2:-2, 2:-2], expected[2:-2, 2:-2], atol=1e-3)


def test_coverage_is_the_share_of_the_voxel_above_a_slanted_plane():
    z = np.arange(9, dtype=np.float32)[:, None, None] * np.ones((1, 4, 4), np.float32)
    assert coverage(z - 3.8)[:, 2, 2] == pytest.approx([0, 0, 0, 0, 0.7, 1, 1, 1, 1], abs=1e-4)


@pytest.mark.parametrize("radius", [0.4, 1.5])
def test_tubes_hold_their_volume(radius):
    shape, spacing = (40, 40, 40), (0.9, 0.9, 1.7)
    grid = HeadGrid(Geometry(spacing), shape)
    start, end = np.array([[10.0, 8.0, 12.0]]), np.array([[50.0, 26.0, 20.0]])
    share = fill_tubes(np.random.default_rng(0), grid, start, end, np.array([radius]))
    volume = share.sum(dtype=float) * np.prod(spacing)
    assert volume == pytest.approx(np.pi * radius**2 * np.linalg.norm(end - start), rel=0.1)
    assert share.max() <= 1
