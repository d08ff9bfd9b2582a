"""Digital reference objects for perfusion maps: curves with known CBV, CBF, MTT and delay, made in code."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from scipy.integrate import cumulative_trapezoid
from scipy.signal import fftconvolve
from scipy.special import gammaincc

from dsc_superres.perfusion.gamma_variate import GammaVariate

CONVOLUTION_STEP = 0.02
"""s; the grid of the continuous convolution."""
ECHO_TIME = 0.03
STANDARD_AIF = GammaVariate(1.0, onset=12.3, alpha=3.0, beta=1.5, recirculation=0.6, delay=8.0, dispersion=30.0)
OTHER_AIFS = (
    GammaVariate(1.0, onset=10.7, alpha=2.1, beta=1.2, recirculation=0.35, delay=11.0, dispersion=12.0),
    GammaVariate(1.0, onset=14.1, alpha=5.2, beta=1.4, recirculation=0.8, delay=9.0, dispersion=45.0),
)

RESIDUES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "exp": lambda x: np.exp(-x),
    "box": lambda x: (x < 1).astype(float),
    "gamma": lambda x: gammaincc(3.0, 3.0 * x),
    "lorentzian": lambda x: 1 / (1 + (np.pi * x / 2) ** 2),
    "biexponential": lambda x: 0.6 * np.exp(-x / 0.4) + 0.4 * np.exp(-x / 1.9),
    "dispersed": lambda x: np.exp(-x),
}
"""Residues over t/MTT with R(0) = 1 and unit area; "dispersed" sees an artery delayed by an exponential of 1.5 s."""


@dataclass(frozen=True, eq=False)
class ReferenceObject:
    """Curves with their truth.

    times      float64[t], s
    signal     float32[t, n], S0 = 1000
    arterial   float64[t], 1/s
    baseline   frames before the bolus
    truth      float64[n] by name: cbv (mL/100 g), mtt, delay (s), cbf (mL/100 g/min); kH/rho is 1
    residue    the residue of each curve
    """

    times: np.ndarray
    signal: np.ndarray
    arterial: np.ndarray
    baseline: slice
    truth: dict[str, np.ndarray]
    residue: np.ndarray


def tissue_curves(
    aif: Callable[[np.ndarray], np.ndarray], times: np.ndarray, cases: Iterable[tuple[str, float, float, float]]
) -> np.ndarray:
    """float64[t, n]: CBV/(100 MTT) AIF convolved with the residue, for cases (residue, CBV, MTT, delay)."""
    grid = np.arange(times[0] - 12.0, times[-1] + 2 * CONVOLUTION_STEP, CONVOLUTION_STEP)
    arterial, lag = aif(grid), np.arange(len(grid)) * CONVOLUTION_STEP
    curves = []
    for name, cbv, mtt, delay in cases:
        source = arterial
        if name == "dispersed":
            source = fftconvolve(arterial, np.exp(-lag / 1.5))[: len(grid)] * CONVOLUTION_STEP / 1.5
        residue = RESIDUES[name](lag / mtt)
        residue[0] *= 0.5
        full = fftconvolve(source, residue)[: len(grid)] * CONVOLUTION_STEP * cbv / 100 / mtt
        curves.append(np.interp(times - delay, grid, full))
    return np.stack(curves, axis=1)


def grid_cases() -> list[tuple[str, float, float, float]]:
    """The 288 cases of the standard object: 3 residues x 4 CBV x 6 MTT x 4 delays."""
    return list(
        product(("exp", "box", "gamma"), (1.0, 2.0, 4.0, 8.0), (2.0, 4.0, 6.0, 8.0, 12.0, 16.0), (0.0, 1.0, 2.0, 4.0))
    )


def random_cases(residues: Iterable[str], count: int, seed: int) -> list[tuple[str, float, float, float]]:
    """``count`` cases per residue with CBV 1..8, MTT 2..16 (log-uniform) and delays -2..6 s that lie on no grid."""
    random = np.random.default_rng(seed)
    return [
        (
            name,
            float(np.exp(random.uniform(0, np.log(8)))),
            float(np.exp(random.uniform(*np.log((2, 16))))),
            float(random.uniform(-2, 6)),
        )
        for name in residues
        for _ in range(count)
    ]


def reference_object(
    cases: list[tuple[str, float, float, float]],
    times: np.ndarray,
    snr: float,
    *,
    aif: GammaVariate = STANDARD_AIF,
    seed: int = 0,
    aif_snr: float = np.inf,
) -> ReferenceObject:
    """Rician signal of ``cases`` at ``times`` with noise S0/snr; the arterial peak is ``aif_snr`` times its noise."""
    random = np.random.default_rng(seed)
    scale = _peak_for_drop(aif)

    def arterial(t: np.ndarray) -> np.ndarray:
        return scale * aif(t)

    curves = tissue_curves(arterial, times, cases)
    signal = 1000 * np.exp(-ECHO_TIME * curves)
    if np.isfinite(snr):
        noise = random.normal(scale=1000 / snr, size=(2, *signal.shape))
        signal = np.hypot(signal + noise[0], noise[1])
    curve = arterial(times)
    if np.isfinite(aif_snr):
        curve = curve + random.normal(scale=curve.max() / aif_snr, size=curve.shape)
    earliest = aif.onset + min(0.0, min(case[3] for case in cases))
    names, cbv, mtt, delay = (np.array(column) for column in zip(*cases, strict=True))
    return ReferenceObject(
        times=times,
        signal=signal.astype(np.float32),
        arterial=curve,
        baseline=slice(0, max(int(np.searchsorted(times, earliest, "right")), 1)),
        truth={"cbv": cbv, "mtt": mtt, "delay": delay, "cbf": 60 * cbv / mtt},
        residue=names,
    )


def leaking_object(
    cases: list[tuple[str, float, float, float]],
    times: np.ndarray,
    snr: float,
    k2: np.ndarray,
    seed: int = 3,
    back: float = 0.0,
) -> ReferenceObject:
    """A reference object whose curves leak with k2[n] (1/s): k2 times the integral of the mean curve is taken away.

    What has leaked flows back at the rate ``back`` (1/s).
    """
    plain = reference_object(cases, times, np.inf)
    curves = -np.log(plain.signal / 1000) / ECHO_TIME
    mean = curves[:, k2 == 0].mean(axis=1)
    leaked = np.exp(-back * times) * cumulative_trapezoid(mean * np.exp(back * times), times, initial=0)
    leaking = 1000 * np.exp(-ECHO_TIME * (curves - k2 * leaked[:, None]))
    noise = np.random.default_rng(seed).normal(scale=1000 / snr, size=(2, *leaking.shape))
    return replace(plain, signal=np.hypot(leaking + noise[0], noise[1]).astype(np.float32))


def _peak_for_drop(aif: GammaVariate, drop: float = 0.4) -> float:
    """Scale of the arterial curve (1/s) at which tissue of CBV 4, MTT 4 s loses ``drop`` of its signal."""
    times = np.arange(0, 60, 0.25)
    return -np.log(1 - drop) / ECHO_TIME / tissue_curves(aif, times, [("exp", 4.0, 4.0, 0.0)]).max()
