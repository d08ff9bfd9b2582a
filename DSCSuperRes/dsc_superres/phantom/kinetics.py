"""Tracer kinetics: arterial input, residue functions and tissue curves.

``C(t) = rho / kH * CBF * (AIF convolved with R)(t - delay)``, with R(0) = 1 and the integral of R equal to MTT
(Ostergaard et al., MRM 1996;36:715). Curves are Delta R2* in 1/s: the relaxivity is part of the arterial input, which
is therefore stated in the units of tissue.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.special import gamma, gammaincc

KH = 0.733
"""Hematocrit factor (1 - 0.45) / (1 - 0.25) between large and small vessels."""
RHO = 1.04
"""Density of brain in g/mL."""
TABLE_STEP = 0.1
"""Time step of the tables in s."""


@dataclass(frozen=True, eq=False)
class SimulatedArterialInput:
    """The arterial input of a digital patient.

    times         float64[t], s
    delta_r2star  float64[t], 1/s, as tissue of the same concentration would show it
    """

    times: np.ndarray
    delta_r2star: np.ndarray


@dataclass(frozen=True)
class SimulatedBolus:
    """Shape of an arterial input: a gamma variate, its recirculation, and a slowly falling plateau.

    arrival, scale, recirculation_delay, recirculation_spread, washout   s
    recirculation, plateau   area (over ``washout``) relative to the first pass
    area                     of the first pass, Delta R2* times s
    """

    arrival: float
    shape: float
    scale: float
    recirculation: float
    recirculation_delay: float
    recirculation_spread: float
    plateau: float
    washout: float
    area: float = 1.0

    @classmethod
    def draw(cls, rng: np.random.Generator) -> SimulatedBolus:
        """Draw a bolus of 0.1 mmol/kg at about 4 mL/s, with unit area."""
        return cls(
            arrival=rng.uniform(15, 24),
            shape=rng.uniform(2.5, 4),
            scale=rng.uniform(1.0, 1.6),
            recirculation=rng.uniform(0.2, 0.4),
            recirculation_delay=rng.uniform(9, 14),
            recirculation_spread=rng.uniform(5, 9),
            plateau=rng.uniform(0.5, 1.2),
            washout=rng.uniform(90, 200),
        )

    def __call__(self, times: np.ndarray) -> np.ndarray:
        """Return Delta R2* (1/s) at ``times`` (s, uniform, starting at 0)."""
        time_since_arrival = np.maximum(times - self.arrival, 0)
        first_pass = time_since_arrival**self.shape * np.exp(-time_since_arrival / self.scale)
        first_pass /= gamma(self.shape + 1) * self.scale ** (self.shape + 1)
        second_pass = _convolve(
            _delayed(first_pass, times, self.recirculation_delay), _exponential(times, self.recirculation_spread), times
        )
        slow_part = _convolve(_delayed(first_pass, times, 4.0), _exponential(times, self.washout), times)
        return self.area * (first_pass + self.recirculation * second_pass + self.plateau * slow_part)

    def at(self, times: np.ndarray) -> np.ndarray:
        """Return Delta R2* (1/s) at any ``times`` (s)."""
        fine = np.arange(0, np.max(times) + self.arrival + 2 * TABLE_STEP, TABLE_STEP)
        return np.interp(times, fine, self(fine))


def _exponential(times: np.ndarray, constant: float) -> np.ndarray:
    """Return an exponential of unit area."""
    return np.exp(-times / constant) / constant


def _delayed(curve: np.ndarray, times: np.ndarray, delay: float) -> np.ndarray:
    """Return a curve that is delayed by ``delay`` s."""
    return np.interp(times - delay, times, curve, left=0.0)


def _convolve(first: np.ndarray, second: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return the causal convolution along the last axis on uniform ``times``, by the trapezoidal rule."""
    size = fft.next_fast_len(2 * times.size, real=True)
    full = fft.irfft(fft.rfft(first, size) * fft.rfft(second, size), size)[..., : times.size]
    ends = first[..., :1] * second + first * second[..., :1]
    return (full - 0.5 * ends) * (times[1] - times[0])


@dataclass(frozen=True)
class SimulatedResidue:
    """Residue of gamma-distributed transit times, with ``dispersion`` s of arterial dispersion.

    Shape 1 is an exponential residue.
    """

    shape: float = 1.0
    dispersion: float = 0.0

    def __call__(self, times: np.ndarray, mtt: float | np.ndarray) -> np.ndarray:
        """Return R at ``times`` (s, uniform, from 0) along the last axis.

        Before dispersion, R(0) is 1; the area is ``mtt`` (s).
        """
        residue = gammaincc(self.shape, times * self.shape / mtt)
        return _convolve(residue, _exponential(times, self.dispersion), times) if self.dispersion > 0 else residue


class TissueCurves:
    """Delta R2* of many voxels at any time, from a table over MTT of the AIF convolved with the residue.

    Linear in log MTT between 64 nodes from 0.8 to 40 s and in time between steps of 0.1 s.
    """

    def __init__(self, bolus: SimulatedBolus, residue: SimulatedResidue, duration: float) -> None:
        times = np.arange(0, duration + 2 * TABLE_STEP, TABLE_STEP)
        self.residue = residue
        self.nodes = np.geomspace(0.8, 40, 64)
        residues = residue(times, self.nodes[:, None])
        self.table = (RHO / KH / 6000 * _convolve(bolus(times), residues, times)).astype(np.float32)
        self.peak_time = TABLE_STEP * np.argmax(residues, axis=1)

    def position(self, mtt: np.ndarray) -> np.ndarray:
        """Return the fractional position of ``mtt`` (s) among the nodes, float32."""
        low, high = np.log(self.nodes[[0, -1]])
        fraction = (np.log(np.clip(mtt, self.nodes[0], self.nodes[-1])) - low) / (high - low)
        return (fraction * (self.nodes.size - 1)).astype(np.float32)

    def __call__(self, time: float, cbf: np.ndarray, position: np.ndarray, delay: np.ndarray) -> np.ndarray:
        """Return Delta R2* (1/s) at ``time`` (s), float32, one value per voxel.

        ``cbf`` is in mL/100 g/min, ``delay`` in s; ``position`` is that of the transit time.
        """
        row = np.minimum(position.astype(np.int32), self.nodes.size - 2)
        mtt_fraction = position - row
        time_position = np.clip((np.float32(time) - delay) / np.float32(TABLE_STEP), 0, self.table.shape[1] - 2)
        column = time_position.astype(np.int32)
        time_fraction = time_position - column
        index = row * self.table.shape[1] + column
        values, row_length = self.table.ravel(), self.table.shape[1]
        lower_mtt = values[index] * (1 - time_fraction) + values[index + 1] * time_fraction
        upper_mtt = values[index + row_length] * (1 - time_fraction) + values[index + row_length + 1] * time_fraction
        return cbf * (lower_mtt * (1 - mtt_fraction) + upper_mtt * mtt_fraction)

    def time_to_peak(self, mtt: np.ndarray) -> np.ndarray:
        """Return the time in s from the delay to the maximum of the (dispersed) residue, float32."""
        return np.interp(np.log(mtt), np.log(self.nodes), self.peak_time).astype(np.float32)
