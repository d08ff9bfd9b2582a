"""Training samples with what kinetics says of them, each made once and kept in a file.

Half of the samples are crops of the digital training patients, half random scenes, whose kinetics is other than the
interpolator assumes: dispersed and some doubled boluses, uneven frames; in one of eight the driving curve is moved and
stretched on purpose. Half are refined in time alone, half 2 x 2 in space as well.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dsc_superres.benchmark.networks.on_kinetics import Kinetics
from dsc_superres.kinetics import kinetic_course
from dsc_superres.networks import summarize, window
from dsc_superres.networks.kinetic import KineticInterpolator
from dsc_superres.networks.resampling import average
from dsc_superres.reconstruction.target_grid import normalization
from dsc_superres.series import Series
from dsc_superres.training.data import FIRST_STEADY_FRAME, SceneBatches
from dsc_superres.training.patients import FRAME_COUNT, PatientScene, PatientScenes
from dsc_superres.training.random_anatomy import log_uniform
from dsc_superres.training.random_kinetics import TABLE_STEP
from dsc_superres.training.scenes import Scene
from dsc_superres.utils.atomic_writing import atomic_file

COARSE = 40
"""Rows and columns of a sample on the coarse grid."""
MOMENTS = torch.tensor([0.25, 0.5, 0.75])
"""Targets between two acquired frames."""
DOUBLED, WRONG = 0.1, 0.12
"""Share of scenes with a second bolus, and of samples with a wrong driving curve."""
SIGNAL = 1000.0
"""Of the brightest tissue, as scanners store it."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One series of n frames, normalized, and what is known of it between each two frames.

    frames               float32[n, h, w]
    times                float64[n], s
    arrival              of the bolus, s
    target               float32[n - 1, m, H, W]: the truth at ``MOMENTS``
    added, uncertainty   float32[n - 1, m, h, w]: of kinetics (``Kinetics``)
    share                float32[h, w]
    """

    frames: np.ndarray
    times: np.ndarray
    arrival: float
    target: np.ndarray
    added: np.ndarray
    uncertainty: np.ndarray
    share: np.ndarray

    def save(self, path: Path) -> None:
        """Write a compressed file, intensities of the target and kinetics in half precision."""
        half = {name: getattr(self, name).astype(np.float16) for name in ("target", "added", "uncertainty", "share")}
        with atomic_file(path) as partial, open(partial, "wb") as file:
            np.savez_compressed(file, frames=self.frames, times=self.times, arrival=self.arrival, **half)

    @classmethod
    def read(cls, path: Path) -> Sample:
        with np.load(path) as found:
            parts = {name: found[name] for name in found.files}
        half = {name: values.astype(np.float32) for name, values in parts.items() if values.dtype == np.float16}
        return cls(**{**parts, **half, "arrival": float(parts["arrival"])})


def make_sample(sources: SceneBatches, rng: np.random.Generator) -> Sample:
    """Draw one sample from the scenes and patients of training."""
    fine = COARSE * (2 if rng.random() < 0.5 else 1)
    from_patient = sources.patients is not None and rng.random() < 0.5
    scene, times = (_patient if from_patient else _scene)(sources, rng, fine)
    acquired = _shrunk(scene.acquire(rng, times), COARSE) * SIGNAL
    moments = times[:-1, None] + np.diff(times)[:, None] * MOMENTS.numpy()
    target = scene.frames(moments.ravel()).reshape(*moments.shape, fine, fine) * SIGNAL
    series = Series(acquired[:, None], times, echo_time=0.03)
    offset, scale = normalization(series.signal.mean(axis=0))
    with _wrong_driving_curve(rng if rng.random() < WRONG else None):
        known = _kinetics(series, offset, scale)
    frames, target = ((values - offset) / scale for values in (acquired, target))
    return Sample(frames.astype(np.float32), times, scene.arrival, target.astype(np.float32), *known)


def _kinetics(series: Series, offset: float, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What kinetics adds, [n - 1, m, h, w], its uncertainty, and its share, [h, w]."""
    whole = KineticInterpolator().for_series(series, offset, scale, transient=False, uncertainty=True)
    model = whole.for_piece(slice(0, 1), slice(None), slice(None))
    frames = torch.from_numpy((series.signal[:, 0] - offset) / scale)[None].float()
    summary, times = summarize(frames), torch.tensor(series.times)
    found = [
        Kinetics(*model.knowledge(window(frames, times, summary, pair), MOMENTS)) for pair in range(series.frames - 1)
    ]
    added, uncertainty = (torch.cat([getattr(one, part) for one in found]) for part in ("added", "uncertainty"))
    return added.numpy(), uncertainty.numpy(), found[0].share[0].numpy()


def _patient(sources: SceneBatches, rng: np.random.Generator, fine: int) -> tuple[PatientScene, np.ndarray]:
    """A crop of a patient; where only time is refined, more often than not at pixels of twice the size."""
    patients: PatientScenes = sources.patients
    wide = 2 if fine == COARSE and rng.random() < 0.6 else 1
    scene = patients.draw(rng, wide * fine)
    if wide > 1:
        scene = PatientScene(_shrunk(scene.movie, fine), scene.interval, scene.arrival, scene.noise)
    step = int(rng.choice([2, 3, 4, 4, 4, 5]))
    start = FIRST_STEADY_FRAME + int(rng.integers(step))
    return scene, np.arange(start, FRAME_COUNT, step) * scene.interval


def _scene(sources: SceneBatches, rng: np.random.Generator, fine: int) -> tuple[Scene, np.ndarray]:
    """A random scene in steady state, with at least 8 frames."""
    scene = sources.generator.draw(rng, fine)
    scene.transient[:] = 0
    if rng.random() < DOUBLED:
        lag = int(rng.uniform(8, 45) / TABLE_STEP)
        scene.table[:, lag:] += rng.uniform(0.3, 1) * scene.table[:, :-lag].copy()
    interval = 6.0 if rng.random() < 0.35 else log_uniform(rng, 2.5, 10)
    times = np.arange(int(np.clip(rng.uniform(60, 110) / interval, 8, 24))) * interval
    if rng.random() < 0.1:
        times[1:] += np.cumsum(rng.uniform(-0.2, 0.4, times.size - 1) * interval)
    return scene, times


def _shrunk(frames: np.ndarray, size: int) -> np.ndarray:
    return average(torch.from_numpy(np.ascontiguousarray(frames, np.float32)), (size, size)).numpy()


@contextmanager
def _wrong_driving_curve(rng: np.random.Generator | None):
    """Within, driving curves that are found are moved and stretched in time; not without ``rng``."""
    search = kinetic_course.driving_curves
    if rng is not None:
        shift, stretch = rng.normal(0, 1.0), float(np.exp(rng.normal(0, 0.12)))

        def moved(curve: Callable, peak: float) -> Callable:
            return lambda t: curve(peak + (t - shift - peak) / stretch)

        def wrong(times: np.ndarray, attenuation: np.ndarray, noise: np.ndarray, peak: float) -> list[Callable]:
            return [moved(curve, peak) for curve in search(times, attenuation, noise, peak)]

        kinetic_course.driving_curves = wrong
    try:
        yield
    finally:
        kinetic_course.driving_curves = search
