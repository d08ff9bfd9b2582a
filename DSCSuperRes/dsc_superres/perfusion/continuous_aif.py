"""The arterial input between coarse samples, from the samples and from what the tissue's curves say of it.

Every tissue curve is the arterial one convolved with a residue, later by a delay. Tissue with different delays
samples the bolus at different phases, so many curves tell what happens between the frames. A gamma variate with
recirculation is fitted to both: least squares on the arterial samples, each weighted by its own noise, which grows as
the signal falls (exp(y) for an attenuation y, so the tail is far more certain than the peak), plus the evidence of
tissue curves under a small dictionary made from it. Tissue says nothing about the height, whose scale is that of CBV.
What the samples show beyond their noise is added by a monotone spline.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import minimize
from scipy.special import logsumexp

from dsc_superres.perfusion.bolus import curve_noise
from dsc_superres.perfusion.dictionary import AtomGrid, dictionary
from dsc_superres.perfusion.gamma_variate import GammaVariate, continuous_curve, fit_gamma_variate

COARSE_INTERVAL = 2.5
"""Median interval of arterial samples in s above which the tissue helps; with finer samples it is not needed."""
CURVES = 200
"""Tissue curves that are looked at."""
BRIGHT_SHARE = 0.6
"""Share of the tissue, by height over noise, from which they are taken."""
TISSUE_ERROR = 0.03
"""Share of a tissue curve's norm by which the small dictionary may miss it."""
MIN_SAMPLE_ERROR, SAMPLE_ERROR = 0.0005, 0.01
"""Least and largest share of the arterial peak by which a gamma variate may miss a sample.

Between them it is what the fit to the samples alone misses: where it misses nothing, the tissue has nothing to add.
"""
MAX_NOISE = 0.05
"""Share of the arterial peak above which a sample is not said to be noisy: the height must hang on measured values."""
USUAL = np.array([0.0, 0.0, np.log(3.0), np.log(1.5), 0.5, 10.0, np.log(25.0)])
SPREAD = np.array([np.inf, np.inf, 0.6, 0.5, 0.5, 5.0, 0.8])
"""Prior of ln height, onset, ln alpha, ln beta, recirculation, its delay (s) and ln dispersion: normal, wide."""
STEP = np.array([0.05, 0.3, 0.1, 0.1, 0.1, 1.0, 0.2])
"""Scale of each of them in the search."""
ITERATIONS = 12


def continuous_arterial_curve(
    times: np.ndarray, arterial: np.ndarray, tissue_times: np.ndarray, tissue: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function of time (s) through arterial[t] at times[t], with the help of tissue[s, n] at tissue_times[s].

    All are attenuations -ln(S/S0). Samples at most ``COARSE_INTERVAL`` apart are interpolated by themselves.
    """
    if np.median(np.diff(times)) <= COARSE_INTERVAL:
        return continuous_curve(times, arterial)
    model, noise_sd = _fit(times, arterial, tissue_times, tissue)
    residual = arterial - model(times)
    surplus = np.sign(residual) * np.maximum(np.abs(residual) - 2 * noise_sd, 0)
    spline = PchipInterpolator(times, surplus)

    def at(t: np.ndarray) -> np.ndarray:
        inside = np.clip(t, times[0], times[-1])
        return np.where(np.asarray(t) < times[0], 0.0, model(inside) + spline(inside))

    return at


def _fit(
    times: np.ndarray, arterial: np.ndarray, tissue_times: np.ndarray, tissue: np.ndarray
) -> tuple[GammaVariate, np.ndarray]:
    """Return the joint fit and the noise of each arterial sample."""
    start = fit_gamma_variate(times, arterial)
    before = arterial[times < times[0] + 0.8 * max(start.onset - times[0], 0)]
    noise = float(before.std(ddof=1)) if len(before) >= 3 else float(curve_noise(arterial))
    height = np.clip(np.minimum(arterial, start(times)), 0, 4)
    noise_sd = np.minimum(noise * np.exp(height), max(noise, MAX_NOISE * arterial.max()))
    misfit = np.sqrt(np.sum((arterial - start(times)) ** 2) / max(len(times) - len(USUAL), 1))
    sample_sd = np.hypot(noise_sd, np.clip(misfit, MIN_SAMPLE_ERROR * arterial.max(), SAMPLE_ERROR * arterial.max()))
    curves = _brightest(tissue)
    noise_of_curves = np.maximum(curve_noise_of_tails(curves), 1e-4)
    first = _parameters(start)

    def cost(scaled: np.ndarray) -> float:
        parameters = first + scaled * STEP
        model = _gamma_variate(parameters)
        misfit = np.sum(((arterial - model(times)) / sample_sd) ** 2)
        unusual = np.sum(((parameters - USUAL) / SPREAD) ** 2)
        return 0.5 * (misfit + unusual) - _evidence(model, tissue_times, curves, noise_of_curves)

    bounds = [(-8, 8)] * 4 + [(-first[4] / STEP[4], 25), ((2 - first[5]) / STEP[5], 30), (-10, 10)]
    bounds = [(min(low, 0), max(high, 0)) for low, high in bounds]
    found = minimize(
        cost, np.zeros(7), method="L-BFGS-B", bounds=bounds, options={"maxiter": ITERATIONS, "eps": 1e-2, "maxfun": 150}
    )
    return _gamma_variate(first + found.x * STEP), noise_sd


def _parameters(model: GammaVariate) -> np.ndarray:
    logs = np.log([model.height, model.alpha, model.beta, model.dispersion])
    return np.array([logs[0], model.onset, logs[1], logs[2], model.recirculation, model.delay, logs[3]])


def _gamma_variate(p: np.ndarray) -> GammaVariate:
    return GammaVariate(np.exp(p[0]), p[1], np.exp(p[2]), np.exp(p[3]), p[4], p[5], np.exp(p[6]))


def _brightest(tissue: np.ndarray) -> np.ndarray:
    """Return at most ``CURVES`` columns of tissue[t, n], evenly spread over those of most height and least noise."""
    step = max(1, tissue.shape[1] // (50 * CURVES))
    tissue = np.asarray(tissue[:, ::step], np.float64)
    merit = np.quantile(tissue, 0.9, axis=0) / np.maximum(curve_noise_of_tails(tissue), 1e-6)
    ranked = np.argsort(-merit, kind="stable")[: max(int(BRIGHT_SHARE * len(merit)), min(CURVES, len(merit)))]
    return tissue[:, np.sort(ranked)[:: max(1, len(ranked) // CURVES)][:CURVES]]


def curve_noise_of_tails(curves: np.ndarray) -> np.ndarray:
    """Return the noise of curves[t, n] at full signal: from the half of the frames that attenuate least on average."""
    quiet = np.sort(np.argsort(curves.mean(axis=1), kind="stable")[: max(len(curves) // 2, 4)])
    return curve_noise(curves[quiet])


def _evidence(model: GammaVariate, times: np.ndarray, curves: np.ndarray, noise: np.ndarray) -> float:
    """Return the logarithm of the evidence of curves[t, n], up to a constant, with volume and offset integrated out."""
    grid = AtomGrid(
        shapes=np.array([1.0, 2.5, 50.0]),
        mtt=np.geomspace(1.5, 18, 9),
        delays=np.arange(-3, 8.01, 0.5),
        shape_prior=np.array([2.5, 2.0, 2.7]),
        mtt_spread=2.0,
        delay_spread=100.0,  # a later artery with earlier tissue looks the same: the samples tell the onset alone
    )
    atoms = dictionary(model, times, grid)
    root = np.exp(-curves.mean(axis=1).clip(0, 2.5))
    direction = root / np.linalg.norm(root)
    white = atoms.curves.astype(np.float64) * root
    white -= np.outer(white @ direction, direction)
    norm = np.linalg.norm(white, axis=1) + 1e-12
    y = curves * root[:, None]
    y = y - np.outer(direction, direction @ y)
    energy = np.einsum("tn,tn->n", y, y)
    amplitude = np.maximum((white / norm[:, None]) @ y, 0)
    variance = noise**2 + TISSUE_ERROR**2 * energy
    exponent = (amplitude**2 - energy) / (2 * variance) + atoms.log_prior[:, None]
    return float(np.sum(logsumexp(exponent, axis=0)))
