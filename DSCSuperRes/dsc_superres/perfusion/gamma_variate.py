"""Gamma variate with recirculation: a smooth arterial curve between sparse or noisy frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import least_squares
from scipy.signal import lfilter

INTEGRATION_STEP = 0.1
"""Time step in s of the grid on which the recirculation is convolved."""
USUAL_ALPHA = 3.0
"""Alpha toward which a fit is drawn if the data do not determine it."""
GRID_LEAD = 20.0
"""Time in s by which that grid begins before the first time of interest."""


@dataclass(frozen=True)
class GammaVariate:
    """A bolus and its recirculation.

    First pass: height * (x/(alpha beta))^alpha exp(alpha - x/beta) with x = t - onset, so that ``height`` is its peak.
    Recirculation: the first pass ``delay`` s later, dispersed by an exponential with time constant ``dispersion`` (s)
    and scaled to the share ``recirculation`` of its area. The same two terms are used in CAPLEX P.AE and
    dsc-mri-toolbox.
    """

    height: float
    onset: float
    alpha: float
    beta: float
    recirculation: float = 0.0
    delay: float = 8.0
    dispersion: float = 30.0

    @classmethod
    def with_top(
        cls, peak_time: float, width: float, alpha: float, recirculation: float, delay: float, dispersion: float
    ) -> GammaVariate:
        """Return the one of height 1 that peaks at ``peak_time`` (s) and whose top is ``width`` s wide.

        The width is sqrt(alpha) beta, which curvature at the peak gives, whatever alpha.
        """
        beta = width / np.sqrt(alpha)
        return cls(1.0, peak_time - alpha * beta, alpha, beta, recirculation, delay, dispersion)

    def first_pass(self, times: np.ndarray) -> np.ndarray:
        """Return the first pass alone at ``times`` (s), float64[t], in the unit of ``height``."""
        x = np.maximum(np.asarray(times, float) - self.onset, 0) / (self.alpha * self.beta)
        return self.height * np.where(x > 0, x, 1e-300) ** self.alpha * np.exp(self.alpha * (1 - x))

    def __call__(self, times: np.ndarray) -> np.ndarray:
        """Return first pass and recirculation at ``times`` (s), float64[t]."""
        times = np.asarray(times, float)
        # The grid does not depend on the parameters, since a fit needs smooth derivatives.
        grid = np.arange(times.min() - GRID_LEAD, times.max() + 2 * INTEGRATION_STEP, INTEGRATION_STEP)
        decay = np.exp(-INTEGRATION_STEP / self.dispersion)
        recirculated = lfilter([(1 - decay) / 2, (1 - decay) / 2], [1, -decay], self.first_pass(grid - self.delay))
        return np.interp(times, grid, self.first_pass(grid) + self.recirculation * recirculated)


def fit_gamma_variate(times: np.ndarray, curve: np.ndarray) -> GammaVariate:
    """Fit a gamma variate with recirculation to a curve[t] at times[t] (s) by least squares from several starts."""
    times, peak = np.asarray(times, float), float(np.max(curve))
    curve, peak_time = np.asarray(curve, float) / peak, float(times[np.argmax(curve)])
    lower = np.array([0.1, times[0] - 10, 0.3, 0.2, 0, 2, 1])
    upper = np.array([5, peak_time + 1, 20, 20, 3, 40, 300])
    scale = np.array([1, 1, 1, 1, 0.3, 5, 20])

    def misfit(p: np.ndarray) -> np.ndarray:
        # With sparse frames, several curves fit equally well: the second term favors the usual alpha.
        return np.append(GammaVariate(*p)(times) - curve, 1e-3 * np.log(p[2] / USUAL_ALPHA))

    fits = []
    for alpha, beta in ((1.5, 2.0), (3.0, 1.5), (6.0, 1.0)):
        start = np.clip([1.05, peak_time - alpha * beta, alpha, beta, 0.5, 10, 20], lower + 1e-6, upper - 1e-6)
        fits.append(least_squares(misfit, start, bounds=(lower, upper), x_scale=scale, max_nfev=80))
    height, *parameters = min(fits, key=lambda fit: fit.cost).x
    return GammaVariate(peak * height, *parameters)


def continuous_curve(times: np.ndarray, curve: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function of time (s) that passes through the arterial curve[t] at times[t].

    A gamma variate with recirculation interpolates between the frames; its residuals are added by a monotone spline
    unless they are within the noise before the bolus. Constant after the last frame.
    """
    times, curve = np.asarray(times, float), np.asarray(curve, float)
    model = fit_gamma_variate(times, curve)
    residual = curve - model(times)
    before = curve[times < times[0] + 0.8 * max(model.onset - times[0], 0)]
    noise = float(before.std()) if len(before) >= 4 else 0.0
    within_noise = np.sqrt(np.mean(residual**2)) < 2 * noise
    spline = PchipInterpolator(times, np.zeros_like(residual) if within_noise else residual)

    def at(t: np.ndarray) -> np.ndarray:
        inside = np.clip(t, times[0], times[-1])
        return np.where(np.asarray(t) < times[0], 0.0, model(inside) + spline(inside))

    return at
