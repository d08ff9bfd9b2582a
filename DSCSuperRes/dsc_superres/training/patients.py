"""Training windows from the digital patients: simulated once, kept memory-mapped, cropped at random."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsc_superres.utils.atomic_writing import atomic_file

FRAME_COUNT = 60
PATIENT_SLICES = 3


@dataclass(frozen=True)
class PatientScene:
    """A crop of a patient, with the interface of ``Scene``: ``frames``, ``acquire``, ``arrival``.

    movie float32[t, y, x]: the noise-free frames, ``interval`` s apart from time 0; noise: its standard deviation.
    """

    movie: np.ndarray
    interval: float
    arrival: float
    noise: float

    def frames(self, times: np.ndarray) -> np.ndarray:
        """float32[t, y, x] at ``times`` (s): Catmull-Rom between the simulated frames, linear beside the first."""
        position = np.clip(times / self.interval, 0, len(self.movie) - 1)
        first = np.minimum(position.astype(int), len(self.movie) - 2)
        t = (position - first)[:, None, None].astype(np.float32)
        before, after = np.maximum(first - 1, 0), np.minimum(first + 2, len(self.movie) - 1)
        a, b, c, d = (self.movie[index] for index in (before, first, first + 1, after))
        cubic = b + t / 2 * ((c - a) + t * ((2 * a - 5 * b + 4 * c - d) + t * (3 * (b - c) + d - a)))
        return np.where((first < 2)[:, None, None], b + t * (c - b), cubic)

    def acquire(self, rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
        """float32[t, y, x]: magnitude of ``frames`` plus complex noise."""
        clean = self.frames(times)
        real, imaginary = (self.noise * rng.standard_normal(clean.shape, dtype=np.float32) for _ in range(2))
        return np.hypot(clean + real, imaginary)


class PatientScenes:
    """Noise-free movies of the training patients' slices, simulated into ``folder`` where they are not there yet."""

    def __init__(self, folder: str, slices: int = PATIENT_SLICES) -> None:
        from dsc_superres.phantom import TRAINING_SEEDS

        self.folder = Path(os.path.expandvars(folder))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.paths = [self._prepare(seed, slices) for seed in TRAINING_SEEDS]

    def _prepare(self, seed: int, slices: int) -> Path:
        path = self.folder / f"patient-{seed}-{slices}.npz"
        movie = path.with_suffix(".npy")
        if not (path.is_file() and movie.is_file()):
            from dsc_superres.phantom import digital_patient

            patient = digital_patient(seed, slices=slices, frames=FRAME_COUNT)
            foreground = patient.clean.signal[-1][patient.mask].mean()
            with atomic_file(movie) as partial:
                np.save(partial, (patient.clean.signal / foreground).astype(np.float16))
            arrival = patient.description["bolus"]["arrival"]
            with atomic_file(path) as partial:
                np.savez(partial, mask=patient.mask, interval=patient.clean.interval, arrival=arrival)
        return path

    def draw(self, rng: np.random.Generator, size: int) -> PatientScene:
        """A random crop of ``size`` pixels with brain in it, turned and mirrored at random, with noise of its own."""
        path = self.paths[rng.integers(len(self.paths))]
        about, movies = np.load(path), np.load(path.with_suffix(".npy"), mmap_mode="r")
        mask = about["mask"]
        at = rng.integers(movies.shape[1])
        inside = np.argwhere(mask[at])
        y, x = np.clip(inside[rng.integers(len(inside))] - size // 2, 0, np.array(mask.shape[1:]) - size)
        movie = np.rot90(movies[:, at, y : y + size, x : x + size].astype(np.float32), rng.integers(4), (1, 2))
        if rng.random() < 0.5:
            movie = movie[..., ::-1]
        noise = float(np.exp(-rng.uniform(np.log(25), np.log(160))))
        return PatientScene(np.ascontiguousarray(movie), float(about["interval"]), float(about["arrival"]), noise)
