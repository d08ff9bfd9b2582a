"""What kinetics says of a series between its frames, and where it says nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from dsc_superres.errors import Cancelled, PerfusionError
from dsc_superres.frames.curve_noise import curve_noise
from dsc_superres.kinetics.driving_curve import Curve, driving_curves
from dsc_superres.kinetics.tissue_fit import Atoms
from dsc_superres.perfusion.bolus import Bolus, find_bolus
from dsc_superres.perfusion.mask import head_threshold
from dsc_superres.series import Series
from dsc_superres.utils.parallel import single_threaded_blas
from dsc_superres.utils.progress import IsCancelled, never

LEAST_VOXELS = 100
"""Of the head, to find a driving curve."""
MOST_VOXELS = 20_000
"""From which a driving curve is found."""
SAME_MOMENT = 0.1
"""Share of the interval by which slices may be apart and count as taken at once."""
BRIGHT_SHARE = 0.3
"""Of the head's median before the bolus: darker voxels tell nothing of the driving curve."""
FIT_MISFIT, NO_FIT_MISFIT = 3.0, 9.0
"""Misfit up to which a voxel follows kinetics entirely, and from which not at all."""
TESTED_VOXELS = 1500
"""Whose acquired frames are predicted from the others."""
MOST_TESTED_FRAMES = 8
"""Of the bolus, that are predicted."""
BOLUS_SHARE = 0.15
"""Of the fall of the mean signal, from which a frame is one of the bolus."""
TRUSTED_RATIO, USELESS_RATIO = 0.5, 0.9
"""Mean square error of kinetics over that of pchip in frames left out, up to which kinetics is trusted entirely, and
from which it is not used. Without its nearest frames pchip loses more than kinetics does, so equal errors there are no
equal errors between the frames."""
MOST_TRUST = 0.7
"""Largest part of kinetics; the rest is pchip. Where all curves rise between two frames, the driving curve's onset may
be wrong in all voxels alike, which no acquired frame shows; elsewhere the mean of both is as near to the truth."""
SMALLEST = 1e-3
"""Least signal as share of that before the bolus, for the logarithm."""


@dataclass(frozen=True, eq=False)
class KineticCourse:
    """Signal curves of a series in continuous time, as far as they follow kinetics.

    atoms          for each slice
    coefficients   float32[r, z, y, x], of ``Atoms.functions``: the attenuation
    baseline       float32[z, y, x]: signal before the bolus
    share          float32[z, y, x], 0 to 1: how far a voxel follows kinetics; 0 where pchip alone is used
    noise          standard deviation of the signal
    residual_share how much of the differences from the acquired frames is more than noise, 0 to 1
    notes          sentences on where kinetics was not used
    """

    atoms: tuple[Atoms, ...]
    coefficients: np.ndarray
    baseline: np.ndarray
    share: np.ndarray
    noise: float
    residual_share: float
    notes: tuple[str, ...] = ()


def kinetic_course(
    series: Series, *, transient: bool = False, cancelled: IsCancelled = never
) -> KineticCourse | tuple[str, ...]:
    """Return the course of ``series``, or only notes where it has none.

    ``transient`` is whether its first frame is one before steady state. Raises ``Cancelled``.
    """
    reason = "kinetics was not used, and frames were interpolated by pchip"
    if not series.has_times:
        return (f"The frame times are not known: {reason}.",)
    signal = series.signal
    mean = signal.mean(axis=0)
    head = (mean > head_threshold(mean)) & (signal.min(axis=0) > 0)
    if np.count_nonzero(head) < LEAST_VOXELS:
        return (f"Too few voxels have signal in all frames: {reason}.",)
    try:
        bolus = find_bolus(signal[int(transient) :, head].mean(axis=1), series.times[int(transient) :])
    except PerfusionError:
        return (f"No single contrast bolus was found in at least 8 frames: {reason}.",)
    with single_threaded_blas():
        return _Estimate(series, head, bolus, transient, cancelled).course()


class _Estimate:
    """The steps from a series to its course. ``bolus`` counts frames without the first one where it is a transient."""

    def __init__(self, series: Series, head: np.ndarray, bolus: Bolus, transient: bool, cancelled: IsCancelled) -> None:
        self.series, self.head, self.cancelled = series, head, cancelled
        self.used = slice(int(transient), None)
        self.times = series.times[self.used]
        self.bolus = bolus
        self.offsets = np.zeros(len(head)) if series.slice_times is None else series.slice_times
        baseline = series.signal[self.used][bolus.baseline].mean(axis=0, dtype=np.float64)
        self.baseline = np.maximum(baseline, 1e-6).astype(np.float32)
        sample = self._sample(np.argwhere(head), MOST_VOXELS)
        curves = self._signal(sample)
        depth = curves.mean(axis=1)
        quiet = np.sort(np.argsort(-depth, kind="stable")[: max(len(depth) // 2, 4)])
        self.noise = max(float(np.median(curve_noise(curves[quiet]))), 1e-6 * float(np.abs(curves).mean()))

    def course(self) -> KineticCourse | tuple[str, ...]:
        moments = np.round(self.offsets / max(SAME_MOMENT * self.series.interval, 1e-6))
        voxels = np.bincount((moments - moments.min()).astype(int), self.head.sum(axis=(1, 2)))
        moment = moments.min() + np.argmax(voxels)
        together = self.head & (moments == moment)[:, None, None]
        together &= self.baseline > BRIGHT_SHARE * np.median(self.baseline[self.head])
        if np.count_nonzero(together) < LEAST_VOXELS:
            together = self.head
        sample = self._sample(np.argwhere(together), MOST_VOXELS)
        clock = self.times + float(np.mean(self.offsets[sample[:, 0]]))
        attenuation, noise = self._attenuation(sample)
        curves = driving_curves(clock, attenuation, noise, self.bolus.peak + clock[0] - self.times[0])
        self._check_cancelled()
        atoms = Atoms(curves, clock)
        trust = self._trust(atoms, sample)
        if trust == 0:
            return (
                "Kinetics predicts acquired frames from the others no better than pchip: it was not used, and frames "
                "were interpolated by pchip.",
            )
        return self._fitted(curves, trust)

    def _trust(self, atoms: Atoms, sample: np.ndarray) -> float:
        """Return the part of kinetics, 0 to ``MOST_TRUST``: it has to predict frames of the bolus from the others."""
        chosen = self._sample(sample, TESTED_VOXELS)
        signal, (attenuation, noise) = self._signal(chosen), self._attenuation(chosen)
        mean = signal.mean(axis=1)
        level = mean[self.bolus.baseline].mean()
        frames = np.flatnonzero(mean < level - BOLUS_SHARE * (level - mean.min()))
        frames = frames[(frames > 0) & (frames < len(mean) - 1)][:MOST_TESTED_FRAMES]
        own, other = [], []
        for frame in frames:
            rest = np.delete(np.arange(len(mean)), frame)
            fit = atoms.fit(attenuation, noise, rest)
            at = np.exp(-(atoms.functions(atoms.times[[frame]]).T @ fit.coefficients)[0])
            own.append(np.mean((self.baseline[tuple(chosen.T)] * at - signal[frame]) ** 2))
            by_pchip = PchipInterpolator(self.times[rest], signal[rest], axis=0)(self.times[frame])
            other.append(np.mean((by_pchip - signal[frame]) ** 2))
            self._check_cancelled()
        if not own:
            return 0.0
        floor = self.noise**2
        ratio = max(np.mean(own) - floor, 0.0) / max(np.mean(other) - floor, 1e-3 * floor)
        return MOST_TRUST * float(np.clip((USELESS_RATIO - ratio) / (USELESS_RATIO - TRUSTED_RATIO), 0, 1))

    def _fitted(self, curves: list[Curve], trust: float) -> KineticCourse:
        """Return the fit of all voxels, one slice after the other."""
        shape = self.head.shape
        by_offset: dict[float, Atoms] = {}
        atoms, excess, measured = [], 0.0, 0
        coefficients, share = None, np.zeros(shape, np.float32)
        for z, offset in enumerate(self.offsets):
            if offset not in by_offset:
                by_offset[offset] = Atoms(curves, self.times + offset)
            atoms.append(by_offset[offset])
            rank = len(atoms[z].basis) + 2
            if coefficients is None:
                coefficients = np.zeros((rank, *shape), np.float32)
            elif rank > len(coefficients):
                coefficients = np.concatenate([coefficients, np.zeros((rank - len(coefficients), *shape), np.float32)])
            voxels = np.argwhere(self.head[z])
            voxels = np.concatenate([np.full((len(voxels), 1), z), voxels], axis=1)
            if not len(voxels):
                continue
            attenuation, noise = self._attenuation(voxels)
            fit = atoms[z].fit(attenuation, noise)
            place = tuple(voxels.T)
            coefficients[(slice(0, rank), *place)] = fit.coefficients
            free = np.clip((NO_FIT_MISFIT - fit.misfit) / (NO_FIT_MISFIT - FIT_MISFIT), 0, 1)
            share[place] = trust * free
            missed = self.baseline[place] * np.exp(-(atoms[z].functions(atoms[z].times).T @ fit.coefficients))
            missed = missed - self._signal(voxels)
            excess += float(np.sum(missed**2))
            measured += missed.size
            self._check_cancelled()
        own = excess / max(measured, 1)
        residual_share = float(np.clip(1 - self.noise**2 / max(own, 1e-30), 0, 1))
        return KineticCourse(
            tuple(atoms), coefficients, self.baseline, share, self.noise, residual_share, self._notes(share, trust)
        )

    def _notes(self, share: np.ndarray, trust: float) -> tuple[str, ...]:
        inside = share[self.head]
        without = int(np.count_nonzero(inside == 0))
        notes = ()
        if trust < MOST_TRUST:
            notes += (
                f"Kinetics predicts acquired frames only somewhat better than pchip: its part was reduced to "
                f"{100 * trust / MOST_TRUST:.0f} %.",
            )
        if without:
            notes += (
                f"In {without} of {inside.size} voxels with signal ({100 * without / inside.size:.1f} %) the curve "
                "does not follow kinetics, and frames were interpolated by pchip.",
            )
        return notes

    def _signal(self, voxels: np.ndarray) -> np.ndarray:
        """Return the signal at voxels[n, 3] (z, y, x), float32[t, n]."""
        return self.series.signal[(self.used, *voxels.T)]

    def _attenuation(self, voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return -ln(S/S0), float64[t, n], and its standard deviation at full signal, float64[n]."""
        baseline = self.baseline[tuple(voxels.T)].astype(np.float64)
        return -np.log(np.maximum(self._signal(voxels) / baseline, SMALLEST)), self.noise / baseline

    @staticmethod
    def _sample(voxels: np.ndarray, most: int) -> np.ndarray:
        return voxels[:: max(1, -(-len(voxels) // most))]

    def _check_cancelled(self) -> None:
        if self.cancelled():
            raise Cancelled
