"""Dictionary of tissue curves: the arterial curve convolved with gamma transit-time residues at many delays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.signal import fftconvolve, lfilter
from scipy.special import gammaincc

CONVOLUTION_STEP = 0.05
"""Time step of the convolution in s."""
LORENTZIAN = 0.0
"""In place of a gamma shape: the Lorentzian residue, flat at first and with a long tail."""
DISPERSED = -1.0
"""In place of a gamma shape: an exponential residue with an arterial curve dispersed by ``DISPERSION``."""
DISPERSION = 2.0
"""Time constant in s of the exponential dispersion of the bolus on its way to the tissue."""


@dataclass(frozen=True, eq=False)
class AtomGrid:
    """Parameters of the atoms and their priors.

    shapes       of the gamma distribution of transit times: 1 is an exponential residue, a large value a box, 0.5
                 resembles two exponentials; or LORENTZIAN, or DISPERSED
    mtt          mean transit times, s; evenly spaced on a logarithmic scale
    delays       from artery to tissue, s; evenly spaced
    shape_prior  relative probability of each shape

    Transit times have a log-normal prior around ``mtt_center`` s. Delays have a normal prior around ``delay_center`` s
    with a tail for late collateral flow.
    """

    shapes: np.ndarray = field(default_factory=lambda: np.array([0.5, 1.0, LORENTZIAN, 2.5, 6.0, 50.0, DISPERSED]))
    mtt: np.ndarray = field(default_factory=lambda: np.geomspace(1.0, 24.0, 48))
    delays: np.ndarray = field(default_factory=lambda: np.arange(-5, 12.01, 0.5))
    shape_prior: np.ndarray = field(default_factory=lambda: np.array([0.8, 2.5, 0.5, 2.0, 1.0, 2.7, 0.6]))
    mtt_center: float = 6.5
    mtt_spread: float = 0.9
    delay_center: float = 1.0
    delay_spread: float = 2.5
    delay_tail: float = 0.05

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of shapes, transit times and delays, in the order of the atoms (delays vary fastest)."""
        return len(self.shapes), len(self.mtt), len(self.delays)

    def log_prior(self) -> np.ndarray:
        """Return the logarithm of the prior up to a constant, float64[shapes, mtt, delays]."""
        mtt = -0.5 * (np.log(self.mtt / self.mtt_center) / self.mtt_spread) ** 2
        delay = np.exp(-0.5 * ((self.delays - self.delay_center) / self.delay_spread) ** 2) + self.delay_tail
        return np.log(self.shape_prior)[:, None, None] + mtt[:, None] + np.log(delay)


@dataclass(frozen=True, eq=False)
class Dictionary:
    """Curves of unit CBV (fraction 1) with their parameters and prior.

    grid       parameters along the axes
    curves     float32[k, t], in the unit of the arterial curve
    mtt        float64[k], s
    delay      float64[k], s
    log_prior  float64[k]
    """

    grid: AtomGrid
    curves: np.ndarray
    mtt: np.ndarray
    delay: np.ndarray
    log_prior: np.ndarray


def residue(shape: float, x: np.ndarray) -> np.ndarray:
    """Return the share of contrast agent still in the tissue after x mean transit times: R(0) = 1, unit area."""
    if shape == LORENTZIAN:
        return 1 / (1 + (0.5 * np.pi * x) ** 2)
    if shape == DISPERSED:
        return np.exp(-x)
    return gammaincc(shape, shape * x)


def dictionary(aif: Callable[[np.ndarray], np.ndarray], times: np.ndarray, grid: AtomGrid | None = None) -> Dictionary:
    """Return all atoms of ``grid`` at times[t] (s) for an arterial curve given as a function of time.

    C(t) is the arterial curve convolved with R(t/MTT)/MTT.
    """
    grid = grid or AtomGrid()
    fine = np.arange(
        times[0] - max(grid.delays.max(), 0), times[-1] - min(grid.delays.min(), 0) + CONVOLUTION_STEP, CONVOLUTION_STEP
    )
    arterial, lag = aif(fine), np.arange(len(fine)) * CONVOLUTION_STEP
    decay = np.exp(-CONVOLUTION_STEP / DISPERSION)
    dispersed = lfilter([1 - decay], [1, -decay], arterial)
    shifted = (times[None] - grid.delays[:, None] - fine[0]) / CONVOLUTION_STEP
    lower = np.clip(shifted.astype(int), 0, len(fine) - 2)
    fraction = shifted - lower
    curves = np.empty((*grid.shape, len(times)), np.float32)
    for i, shape in enumerate(grid.shapes):
        values = residue(shape, lag / grid.mtt[:, None])
        values[:, 0] *= 0.5  # trapezoidal rule
        input_curve = dispersed if shape == DISPERSED else arterial
        full = fftconvolve(input_curve[None], values, axes=1)[:, : len(fine)] * (CONVOLUTION_STEP / grid.mtt[:, None])
        curves[i] = full[:, lower] * (1 - fraction) + full[:, lower + 1] * fraction
    return Dictionary(
        grid=grid,
        curves=curves.reshape(-1, len(times)),
        mtt=np.broadcast_to(grid.mtt[None, :, None], grid.shape).ravel(),
        delay=np.broadcast_to(grid.delays[None, None], grid.shape).ravel(),
        log_prior=grid.log_prior().ravel(),
    )
