"""The arterial input between coarse samples, from the samples and from what the tissue's curves say of it.

Every tissue curve is the arterial one convolved with a residue, later by a delay. Tissue with different delays samples
the bolus at different phases, so many curves together tell what happens between the frames. Candidates are the samples
interpolated by themselves and a joint fit: a gamma variate with recirculation, by least squares on the samples, as
far as these are certain, and the evidence of the tissue under a small dictionary made from it. Samples that determine
the curve leave no freedom: the fit moves only where they do not. The joint fit is chosen only where the tissue is
clearly more probable under it; else, and where frames are close, the samples are interpolated by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import OptimizeResult, least_squares, minimize

from dsc_superres.frames.coarse_interval import COARSE_INTERVAL
from dsc_superres.perfusion.arterial_evidence import TissueEvidence, tail_noise, typical_curves
from dsc_superres.perfusion.bolus import curve_noise
from dsc_superres.perfusion.gamma_variate import GammaVariate, continuous_curve, fit_gamma_variate

Curve = Callable[[np.ndarray], np.ndarray]

MIN_GAIN = 0.06
"""Gain in log evidence for each tissue curve from which the joint fit is chosen."""
TISSUE_SHARE = 0.3
"""Power of the tissue's evidence in the fit: errors of its model are common to many curves."""
SPREAD = np.array([3.0, 30.0, 0.35, 0.5, 0.4, 2.5, 0.8])
"""Prior spread of ln height, peak time (s), ln width, ln alpha, recirculation, its delay (s) and ln dispersion."""
CENTER = np.array([0.0, np.nan, np.log(2.6), np.log(3.0), 0.5, 9.5, np.log(25.0)])
"""Prior means of the same, for samples whose maximum is 1; the peak time is that of the highest sample."""
LOWER = np.array([-3, -15, np.log(0.7), np.log(0.4), 0, 2, np.log(3)])
UPPER = np.array([3, 15, np.log(12), np.log(20), 3, 30, np.log(300)])
"""Bounds of the same; the peak time is relative to that of the highest sample."""
MIN_ERROR, MAX_ERROR = 3e-4, 0.01
"""Least and largest error of a gamma variate at a sample, as share of the sample."""
LOW_SAMPLE = 0.1
"""Share of the peak below which samples count as that in their errors."""
MAX_NOISE = 0.05
"""Largest noise of a sample as share of the peak: the height has to hang on measured values."""
SURPLUS = 1.5
"""Errors of a sample beyond which the curve has to follow it."""
BASELINE_LEAD = 12.0
"""Time in s before the highest sample up to which samples are baseline."""
PEAK_SHIFTS = (-3.0, 0.0, 3.0)
"""Times in s from the highest sample at which searches start, since samples may leave several peaks possible."""
MIN_FRAMES = 8
"""Frames from which a bolus can be fitted at all."""
TINY = 1e-4
"""Least noise of an attenuation."""
RECORD_STEP = 0.5
"""Time step in s of the curve that is recorded."""
BAND_CURVES = 24
"""Curves drawn from the posterior for the band."""


@dataclass(frozen=True, eq=False)
class ContinuousInput:
    """An arterial curve in continuous time.

    at      function of time (s), in the unit of the samples
    draws   further such functions, as probable under samples and tissue together; empty where it is only interpolated
    joint   whether tissue helped
    """

    at: Curve
    draws: tuple[Curve, ...] = ()
    joint: bool = False

    def band(self, times: np.ndarray) -> np.ndarray:
        """Return the standard deviation at ``times`` (s), float64[t]; 0 where the curve is only interpolated."""
        times = np.asarray(times, float)
        if not self.draws:
            return np.zeros(len(times))
        return np.sqrt(np.mean([(draw(times) - self.at(times)) ** 2 for draw in self.draws], axis=0))

    def record(self, times: np.ndarray, unit: float) -> dict[str, object]:
        """Return how the curve was found, the curve over ``times`` (s), and where tissue helped its band.

        Plain values for JSON; ``unit`` converts them to 1/s.
        """
        fine = np.arange(times[0], times[-1], RECORD_STEP)
        curve = {
            "times_s": np.round(fine, 3).tolist(),
            "delta_r2star": np.round(unit * self.at(fine), 4).tolist(),
        }
        if not self.joint:
            return {"method": "interpolated from the samples alone", **curve}
        band = {"delta_r2star_sd": np.round(unit * self.band(fine), 4).tolist()}
        return {"method": "gamma variate with recirculation, from the samples and from tissue", **curve, **band}


def continuous_input(
    times: np.ndarray, arterial: np.ndarray, tissue_times: np.ndarray, tissue: np.ndarray, with_hole: bool = False
) -> ContinuousInput:
    """Return the arterial input in continuous time from arterial[t] at times[t] (s).

    ``tissue`` [s, n] are curves at tissue_times[s] (s); all are attenuations -ln(S/S0). Samples at most
    ``COARSE_INTERVAL`` apart, among them those of a file with finer times than the series and those of a
    reconstruction, are interpolated by themselves, unless they are ``with_hole``: some are missing in the bolus.
    """
    plain = ContinuousInput(continuous_curve(times, arterial))
    close = np.median(np.diff(times)) <= COARSE_INTERVAL and not with_hole
    if close or len(tissue_times) < MIN_FRAMES:
        return plain
    evidence = _evidence(tissue_times, tissue)
    joint = _JointFit(times, arterial, evidence).search()
    gain = evidence.of(joint.at) - evidence.of(plain.at)
    return joint if gain > MIN_GAIN * evidence.y.shape[1] else plain


def input_of_reconstruction(
    times: np.ndarray, arterial: np.ndarray, acquired: np.ndarray, tissue: np.ndarray
) -> ContinuousInput:
    """Return the arterial input in continuous time from a reconstruction in which it was measured.

    ``arterial`` [t] and ``tissue`` [t, n] are attenuations at times[t] (s), of which ``acquired``, bool[t], were
    measured. An artery is the deepest of all curves, and what a network makes of it between the frames can be far off.
    So the frames that were measured alone are tried as well, as of any coarse series, and taken where the tissue that
    was measured is clearly more probable under them.
    """
    measured_times, measured = times[acquired], tissue[acquired]
    every_frame = ContinuousInput(continuous_curve(times, arterial))
    if len(measured_times) < MIN_FRAMES:
        return every_frame
    own = continuous_input(measured_times, arterial[acquired], measured_times, measured)
    evidence = _evidence(measured_times, measured)
    gain = evidence.of(own.at) - evidence.of(every_frame.at)
    return own if gain > MIN_GAIN * evidence.y.shape[1] else every_frame


def _evidence(times: np.ndarray, tissue: np.ndarray) -> TissueEvidence:
    chosen = typical_curves(tissue)
    return TissueEvidence(times, chosen, np.maximum(tail_noise(chosen), TINY))


class _JointFit:
    """A gamma variate for samples and tissue. Its parameters are those of ``CENTER``."""

    def __init__(self, times: np.ndarray, arterial: np.ndarray, evidence: TissueEvidence) -> None:
        self.times, self.arterial, self.evidence = times, arterial, evidence
        self.peak = float(arterial.max())
        self.samples = arterial / self.peak
        peak_time = float(times[np.argmax(arterial)])
        self.center, lower, upper = CENTER.copy(), LOWER.copy(), UPPER.copy()
        self.center[1] = peak_time
        lower[1], upper[1] = peak_time + LOWER[1], peak_time + UPPER[1]
        self.bounds = (lower, upper)
        self.simple = fit_gamma_variate(times, self.samples)
        self.sd = self._sample_sd(peak_time)

    def _sample_sd(self, peak_time: float) -> np.ndarray:
        """Return the error of each sample: its noise, and how far a gamma variate misses all of them."""
        misfit = self.samples - self.simple(self.times)
        missed = float(np.sqrt(np.sum(misfit**2) / max(len(misfit) - len(CENTER), 1)))
        before = self.samples[self.times < peak_time - BASELINE_LEAD]
        noise = float(before.std(ddof=1)) if len(before) >= 3 else float(curve_noise(self.samples))
        noise = min(noise, MAX_NOISE, 2 * missed)
        # The noise of an attenuation grows as the signal falls.
        noisy = np.minimum(noise * np.exp(np.clip(self.arterial, 0, 3)), MAX_NOISE)
        error = np.clip(4 * missed, MIN_ERROR, MAX_ERROR)
        return np.hypot(noisy, error * np.maximum(self.samples, LOW_SAMPLE))

    def search(self) -> ContinuousInput:
        """Return the most probable curve with draws around it."""
        known = np.clip(_parameters(self.simple), self.bounds[0] + 1e-3, self.bounds[1] - 1e-3)
        starts = [known]
        for shift in PEAK_SHIFTS:
            start = self.center.copy()
            start[1] += shift
            starts.append(start)
        fits = sorted((self._of_samples(start) for start in starts), key=lambda fit: fit.cost)
        second = [fit for fit in fits[1:] if fit.cost < fits[0].cost + 6 and abs(fit.x[1] - fits[0].x[1]) > 0.5]
        found = min((self._with_tissue(fit) for fit in [fits[0], *second[:1]]), key=lambda each: each[0])
        _, parameters, directions = found
        random = np.random.default_rng(0)
        draws = [self._clipped(parameters + directions @ random.normal(size=len(CENTER))) for _ in range(BAND_CURVES)]
        return ContinuousInput(self._curve(parameters), tuple(self._curve(draw) for draw in draws), joint=True)

    def _misfit(self, parameters: np.ndarray) -> np.ndarray:
        missed = (self.samples - _gamma_variate(parameters)(self.times)) / self.sd
        return np.concatenate([missed, (parameters - self.center) / SPREAD])

    def _of_samples(self, start: np.ndarray) -> OptimizeResult:
        return least_squares(self._misfit, start, bounds=self.bounds, x_scale=SPREAD.clip(0, 3), max_nfev=80)

    def _with_tissue(self, fit: OptimizeResult) -> tuple[float, np.ndarray, np.ndarray]:
        """Return cost, parameters and their remaining directions (standard deviations), from a fit to the samples.

        The search is along the directions that the samples leave free, in units of their standard deviation.
        """
        free = _root_of_covariance(fit.jac)

        def cost(z: np.ndarray) -> float:
            parameters = self._clipped(fit.x + free @ z)
            tissue = self.evidence.of(_gamma_variate(parameters))
            return 0.5 * float(np.sum(self._misfit(parameters) ** 2)) - TISSUE_SHARE * tissue

        found = minimize(
            cost,
            np.zeros(len(CENTER)),
            method="L-BFGS-B",
            bounds=[(-6, 6)] * len(CENTER),
            options={"maxiter": 15, "eps": 1e-2},
        )
        remaining = np.linalg.cholesky(_positive(found.hess_inv.todense()))
        return float(found.fun), self._clipped(fit.x + free @ found.x), free @ remaining

    def _clipped(self, parameters: np.ndarray) -> np.ndarray:
        return np.clip(parameters, *self.bounds)

    def _curve(self, parameters: np.ndarray) -> Curve:
        """Return the curve, which follows the samples where it misses them by more than their error."""
        model, times = _gamma_variate(parameters), self.times
        missed = self.samples - model(times)
        spline = PchipInterpolator(times, np.sign(missed) * np.maximum(np.abs(missed) - SURPLUS * self.sd, 0))

        def at(t: np.ndarray) -> np.ndarray:
            inside = np.clip(t, times[0], times[-1])
            return np.where(np.asarray(t) < times[0], 0.0, self.peak * (model(inside) + spline(inside)))

        return at


def _root_of_covariance(jacobian: np.ndarray) -> np.ndarray:
    """Return the lower triangle L with L L^T = (J^T J)^-1.

    By QR: where some directions are far better known than others, J^T J would lose the digits of the others.
    """
    triangle = np.linalg.qr(jacobian, mode="r")
    root = np.linalg.qr(np.linalg.inv(triangle).T, mode="r").T
    return root * np.sign(np.diag(root))


def _positive(covariance: np.ndarray) -> np.ndarray:
    """Return a covariance in units of the samples' own standard deviations, which tissue cannot make larger."""
    values, vectors = np.linalg.eigh(0.5 * (covariance + covariance.T))
    return (vectors * np.clip(values, 1e-6, 1)) @ vectors.T


def _parameters(model: GammaVariate) -> np.ndarray:
    """Return the parameters; the width is that of the top, sqrt(alpha) beta."""
    peak_time, width = model.onset + model.alpha * model.beta, np.sqrt(model.alpha) * model.beta
    logs = np.log([model.height, width, model.alpha, model.dispersion])
    return np.array([logs[0], peak_time, logs[1], logs[2], model.recirculation, model.delay, logs[3]])


def _gamma_variate(p: np.ndarray) -> GammaVariate:
    made = GammaVariate.with_top(p[1], np.exp(p[2]), np.exp(p[3]), p[4], p[5], np.exp(p[6]))
    return replace(made, height=float(np.exp(p[0])))
