"""What kinetics says of a series between its frames, and where it says nothing."""

from __future__ import annotations

from collections.abc import Iterator
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
from dsc_superres.utils.parallel import do_all, single_threaded_blas
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
MOST_TRUST = 1.0
"""Largest ``share`` of a voxel. How much of kinetics is used where it holds is for the interpolator to say."""
MOST_TRUST_WITH_PREDICTION = 0.6
"""The same where frames between were predicted: the rest is the network, which is nearly as near to the truth."""
CERTAIN = 0.02
"""Doubt up to which a frame counts as acquired."""
MOST_SHARED = 0.6
"""Greatest share of what the fit misses in acquired frames that all voxels may have in common, of root mean squares:
0.1 to 0.4 where one bolus passes, 0.85 where two do. Measured where frames between were predicted."""
PCHIP_ALONE, NETWORK_ALONE = "frames were interpolated by pchip", "frames are those of the network"
"""What becomes of frames, or voxels, of which kinetics says nothing."""
SMALLEST = 1e-3
"""Least signal as share of that before the bolus, for the logarithm."""

ALL = slice(None)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a network says of a series between its acquired frames, to be weighed against kinetics.

    series   on the grid of the acquired one: frames at or near the acquired times, and some between them
    doubt    float64[t]: standard deviation of each frame as share of a curve's value; 0 where it was acquired
    """

    series: Series
    doubt: np.ndarray


@dataclass(frozen=True, eq=False)
class KineticCourse:
    """Signal curves of a series in continuous time, as far as they follow kinetics.

    atoms          for each slice
    offsets        float64[z], s: what is added to the times of frames to get those of the slice
    coefficients   float32[r, z, y, x], of ``Atoms.functions``: the attenuation
    baseline       float32[z, y, x]: signal before the bolus
    share          float32[z, y, x], 0 to 1: how far a voxel follows kinetics; 0 where pchip alone is used
    noise          standard deviation of the signal
    residual_share how much of the differences from the acquired frames is more than noise, 0 to 1
    spread         float16[t - 1, z, y, x]: posterior standard deviation of the attenuation in the middle between
                   frames; empty where it was not asked for
    notes          sentences on where kinetics was not used
    """

    atoms: tuple[Atoms, ...]
    offsets: np.ndarray
    coefficients: np.ndarray
    baseline: np.ndarray
    share: np.ndarray
    noise: float
    residual_share: float
    spread: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def slices(self) -> int:
        """Number of slices."""
        return len(self.atoms)

    def signal(
        self, z: int, times: np.ndarray, rows: slice | np.ndarray = ALL, columns: slice | np.ndarray = ALL
    ) -> np.ndarray:
        """Return the signal of slice z at ``times`` [m] of frames (s), float32[m, y, x], or [m, n] of single voxels."""
        atoms, offset = self.atoms[z], self.offsets[z]
        functions = atoms.functions(times + offset).astype(np.float32)
        coefficients = self.coefficients[: len(functions), z, rows, columns]
        return self.baseline[z, rows, columns] * np.exp(-np.tensordot(functions.T, coefficients, 1))


def kinetic_course(
    series: Series,
    *,
    transient: bool = False,
    predicted: Prediction | None = None,
    spread: bool = False,
    threads: int = 1,
    cancelled: IsCancelled = never,
) -> KineticCourse | tuple[str, ...]:
    """Return the course of ``series``, or only notes where it has none.

    ``transient`` is whether its first frame is one before steady state. Curves are fitted to the frames ``predicted``
    (none of them before the second acquired frame where the first is a transient), if any.
    ``spread`` is whether the posterior spread is wanted. Raises ``Cancelled``.
    """
    reason = f"kinetics was not used, and {PCHIP_ALONE if predicted is None else NETWORK_ALONE}"
    if not series.has_times:
        return (f"The frame times are not known: {reason}.",)
    signal = series.signal
    mean = signal.mean(axis=0)
    head = (mean > head_threshold(mean)) & (signal.min(axis=0) > 0)
    if np.count_nonzero(head) < LEAST_VOXELS:
        return (f"Too few voxels have signal in all frames: {reason}.",)
    try:
        bolus = find_bolus(signal[int(transient) :, head].mean(axis=1), series.times[int(transient) :])
        estimate = _Estimate(series, head, bolus, transient, predicted, cancelled)
    except PerfusionError:
        return (f"No single contrast bolus was found in at least 8 frames: {reason}.",)
    with single_threaded_blas():
        return estimate.course(spread, threads)


class _Estimate:
    """The steps from a series to its course. ``bolus`` counts frames without the first one where it is a transient."""

    def __init__(
        self,
        series: Series,
        head: np.ndarray,
        bolus: Bolus,
        transient: bool,
        predicted: Prediction | None,
        cancelled: IsCancelled,
    ) -> None:
        self.series, self.head, self.bolus, self.cancelled = series, head, bolus, cancelled
        self.used = slice(int(transient), None)
        curves = self._signal(self._sample(np.argwhere(head), MOST_VOXELS))
        depth = curves.mean(axis=1)
        quiet = np.sort(np.argsort(-depth, kind="stable")[: max(len(depth) // 2, 4)])
        self.noise = max(float(np.median(curve_noise(curves[quiet]))), 1e-6 * float(np.abs(curves).mean()))
        self.doubt, self.most_trust, self.otherwise = np.zeros(len(curves)), MOST_TRUST, PCHIP_ALONE
        if predicted is not None:
            self.series, self.used, self.doubt = predicted.series, slice(None), predicted.doubt
            self.bolus = find_bolus(self.series.signal[:, head].mean(axis=1), self.series.times)
            self.most_trust, self.otherwise = MOST_TRUST_WITH_PREDICTION, NETWORK_ALONE
        self.times = self.series.times[self.used]
        self.offsets = np.zeros(len(head)) if self.series.slice_times is None else self.series.slice_times
        baseline = self.series.signal[self.used][self.bolus.baseline].mean(axis=0, dtype=np.float64)
        self.baseline = np.maximum(baseline, 1e-6).astype(np.float32)

    def course(self, spread: bool, threads: int) -> KineticCourse | tuple[str, ...]:
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
        atoms = Atoms(curves, clock, self.doubt)
        trust = self._trust(atoms, sample)
        if trust == 0:
            return (
                "Kinetics predicts acquired frames from the others no better than pchip: it was not used, and "
                f"{self.otherwise}.",
            )
        return self._fitted(curves, trust, spread, threads)

    def _trust(self, atoms: Atoms, sample: np.ndarray) -> float:
        """Return the part of kinetics, from 0 on: it has to predict acquired frames of the bolus from the others."""
        chosen = self._sample(sample, TESTED_VOXELS)
        signal, (attenuation, noise) = self._signal(chosen), self._attenuation(chosen)
        mean = signal.mean(axis=1)
        level = mean[self.bolus.baseline].mean()
        frames = np.flatnonzero(mean < level - BOLUS_SHARE * (level - mean.min()))
        acquired = np.flatnonzero(self.doubt <= CERTAIN)
        frames = np.intersect1d(frames, acquired[1:-1])[:MOST_TESTED_FRAMES]
        own, other = [], []
        for frame in frames:
            place = np.searchsorted(acquired, frame)
            rest = np.delete(np.arange(len(mean)), np.arange(acquired[place - 1] + 1, acquired[place + 1]))
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
        return self.most_trust * float(np.clip((USELESS_RATIO - ratio) / (USELESS_RATIO - TRUSTED_RATIO), 0, 1))

    def _fitted(
        self, curves: list[Curve], trust: float, wants_spread: bool, threads: int
    ) -> KineticCourse | tuple[str, ...]:
        """Return the fit of all voxels, one slice per thread."""
        shape = self.head.shape
        by_offset = {offset: Atoms(curves, self.times + offset, self.doubt) for offset in dict.fromkeys(self.offsets)}
        atoms = tuple(by_offset[offset] for offset in self.offsets)
        coefficients = np.zeros((max(one.rank for one in atoms), *shape), np.float32)
        middle = (self.times[1:] + self.times[:-1]) / 2 if wants_spread else np.zeros(0)
        spread = np.zeros((len(middle), *shape), np.float16)
        share, missed = np.zeros(shape, np.float32), np.zeros((2, shape[0], len(self.times)))

        def fit_slice(z: int) -> Iterator[int]:
            voxels = np.argwhere(self.head[z])
            voxels = np.concatenate([np.full((len(voxels), 1), z), voxels], axis=1)
            if len(voxels):
                place = tuple(voxels.T)
                fit = atoms[z].fit(*self._attenuation(voxels), spread_at=middle + self.offsets[z])
                spread[(slice(None), *place)] = fit.spread
                coefficients[(slice(0, atoms[z].rank), *place)] = fit.coefficients
                free = np.clip((NO_FIT_MISFIT - fit.misfit) / (NO_FIT_MISFIT - FIT_MISFIT), 0, 1)
                share[place] = trust * free
                fitted = self.baseline[place] * np.exp(-(atoms[z].functions(atoms[z].times).T @ fit.coefficients))
                rest = fitted - self._signal(voxels)
                missed[:, z] = rest.sum(axis=1), np.sum(rest**2, axis=1)
            yield z

        do_all(fit_slice, range(shape[0]), threads, self.cancelled)
        shared, own = missed.sum(axis=1) / max(np.count_nonzero(self.head), 1)
        certain = self.doubt <= CERTAIN
        if not certain.all() and np.mean(shared[certain] ** 2) > MOST_SHARED**2 * np.mean(own[certain]):
            return (
                "The mean curve does not follow the kinetics of one bolus: kinetics was not used, and "
                f"{self.otherwise}.",
            )
        residual_share = float(np.clip(1 - self.noise**2 / max(own.mean(), 1e-30), 0, 1))
        notes = self._notes(share, trust)
        return KineticCourse(
            atoms, self.offsets, coefficients, self.baseline, share, self.noise, residual_share, spread, notes
        )

    def _notes(self, share: np.ndarray, trust: float) -> tuple[str, ...]:
        inside = share[self.head]
        without = int(np.count_nonzero(inside == 0))
        notes = ()
        if trust < self.most_trust:
            notes += (
                f"Kinetics predicts acquired frames only somewhat better than pchip: its part was reduced to "
                f"{100 * trust / self.most_trust:.0f} %.",
            )
        if without:
            notes += (
                f"In {without} of {inside.size} voxels with signal ({100 * without / inside.size:.1f} %) the curve "
                f"does not follow kinetics, and {self.otherwise}.",
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
