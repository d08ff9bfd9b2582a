"""Training batches, made on the fly; each is a pure function of seed and step, so that a run can be resumed."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from torch.utils.data import Dataset

from dsc_superres.degrade import OPERATORS
from dsc_superres.networks import Window
from dsc_superres.networks.resampling import average
from dsc_superres.reconstruction.target_grid import normalization
from dsc_superres.training.patients import FRAME_COUNT, PatientScene, PatientScenes
from dsc_superres.training.random_anatomy import PIXELS, HeadVolumes, LabelVolumes, log_uniform
from dsc_superres.training.scenes import Scene, SceneGenerator

KEPT_BATCHES = 64
"""Batches that are kept for reuse."""
COMMON_TIMES = (0.0, 0.25, 0.5, 0.75)
INTERVAL = (2.0, 12.0)
"""Least and greatest time between acquired frames of a scene, s."""
FRAMES = (5, 24)
"""Least and greatest number of acquired frames of a scene."""
SPACE_FACTORS = (1.3, 3.5)
"""Least and greatest spatial factor."""
FIRST_STEADY_FRAME = 2
"""The first frame of a patient in steady state; networks see no earlier ones."""


@dataclass(frozen=True)
class DataOptions:
    """What a batch holds: ``scenes`` x ``pairs`` windows of ``coarse`` x ``coarse`` pixels, ``times`` targets each.

    volumes, labels: head volumes and segmented heads for shapes ("mni152" or paths, variables expanded)
    shares, natural, pixels: of those shapes, contrasts and pixel sizes (``SceneGenerator``, ``HeadVolumes``)
    acquired: whether all targets are at acquired frames, for networks that learn nothing about time
    time_alone: share of the batches that keep their pixels and are refined in time alone
    kspace_share: of the inputs under-sampled by cropping k-space instead of averaging blocks
    reuse: how often a batch is used, turned and mirrored at random, where making scenes takes longer than steps
    patients: folder for the digital training patients, of which ``patient_share`` of the scenes are cut from step
    ``patients_from`` on; none where it is empty
    """

    scenes: int = 6
    pairs: int = 2
    times: int = 2
    coarse: int = 36
    volumes: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    natural: float = 0.0
    pixels: tuple[float, float] = PIXELS
    acquired: bool = False
    time_alone: float = 0.0
    kspace_share: float = 0.15
    reuse: int = 1
    patients: str = ""
    patient_share: float = 0.25
    patients_from: int = 0


@dataclass(frozen=True)
class Batch:
    """``window`` ([scenes * pairs] windows), shared times ``t`` [m] and noise-free ``target`` [b, m, H, W]."""

    window: Window
    t: torch.Tensor
    target: torch.Tensor

    def to(self, device: torch.device) -> Batch:
        window = Window(*(part.to(device) for part in (self.window.frames, self.window.times, self.window.summary)))
        return Batch(window, self.t.to(device), self.target.to(device))

    def turned(self, rng: np.random.Generator) -> Batch:
        """One of its eight turned and mirrored views."""
        turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))

        def view(images: torch.Tensor) -> torch.Tensor:
            return torch.rot90(images.flip(-1) if mirrored else images, turns, (-2, -1))

        window = Window(view(self.window.frames), self.window.times, view(self.window.summary))
        return Batch(window, self.t, view(self.target))

    def shares(self, count: int) -> list[Batch]:
        """``count`` batches with the same number of scenes each, taken in turn."""
        scenes = len(self.window.summary)

        def part(images: torch.Tensor, first: int) -> torch.Tensor:
            return images.unflatten(0, (scenes, -1))[first::count].flatten(0, 1).clone()

        parts = (self.window.frames, self.window.times, self.window.summary)
        windows = [Window(*(part(each, first) for each in parts)) for first in range(count)]
        return [Batch(window, self.t, part(self.target, first)) for first, window in enumerate(windows)]

    def pin_memory(self) -> Batch:
        window = Window(*(part.pin_memory() for part in (self.window.frames, self.window.times, self.window.summary)))
        return Batch(window, self.t.pin_memory(), self.target.pin_memory())


class SceneBatches(Dataset):
    """Batch number ``index`` of a run with ``seed``."""

    def __init__(self, options: DataOptions, *, seed: int, steps: int) -> None:
        self.options, self.seed, self.steps = options, seed, steps
        volumes = HeadVolumes(options.volumes, options.pixels) if options.volumes else None
        labels = LabelVolumes(options.labels) if options.labels else None
        self.generator = SceneGenerator(volumes, labels, shares=options.shares, natural=options.natural)
        self.patients = PatientScenes(options.patients) if options.patients else None
        self._kept = lru_cache(KEPT_BATCHES)(self._make)

    def again(self, *, seed: int, steps: int) -> SceneBatches:
        """Other batches from the same sources, which are loaded once."""
        other = copy(self)
        other.seed, other.steps = seed, steps
        other._kept = lru_cache(KEPT_BATCHES)(other._make)
        return other

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> Batch:
        if self.options.reuse == 1:
            return self._make(index)
        number, rng = self._choose(index)
        return self._kept(number).turned(rng)

    def number(self, index: int) -> int:
        """Which of the batches that are made is used at step ``index``."""
        return self._choose(index)[0]

    def _choose(self, index: int) -> tuple[int, np.random.Generator]:
        rng = np.random.default_rng([self.seed, index, 1])
        newest, shown = divmod(index, self.options.reuse)
        return newest if shown == 0 else max(newest - int(rng.integers(KEPT_BATCHES)), 0), rng

    def _make(self, index: int) -> Batch:
        rng = np.random.default_rng([self.seed, index])
        fine = round(self.options.coarse * self._factor(rng))
        t = self._times(rng)
        use_patients = self.patients is not None and index * self.options.reuse >= self.options.patients_from
        samples = [self._sample(rng, fine, t, use_patients) for _ in range(self.options.scenes)]
        frames, times, summary, target = (
            torch.from_numpy(np.concatenate(part).astype(np.float32)) for part in zip(*samples, strict=True)
        )
        return Batch(Window(frames, times, summary), torch.from_numpy(t), target)

    def _factor(self, rng: np.random.Generator) -> float:
        if self.options.time_alone and rng.random() < self.options.time_alone:
            return 1.0
        return 2.0 if rng.random() < 0.7 else float(rng.choice([1.5, 3.0, rng.uniform(*SPACE_FACTORS)]))

    def _times(self, rng: np.random.Generator) -> np.ndarray:
        count = self.options.times
        if self.options.acquired:
            return np.zeros(1, np.float32)
        if rng.random() < 0.6:
            return np.sort(rng.choice(COMMON_TIMES, count, replace=False)).astype(np.float32)
        return np.sort(rng.uniform(0.02, 0.98, count)).astype(np.float32)

    def _sample(self, rng: np.random.Generator, fine: int, t: np.ndarray, use_patients: bool) -> tuple[np.ndarray, ...]:
        """Windows of one scene: frames [p, 4, h, w], times [p, 4], summary [1, 2, h, w], target [p, m, H, W]."""
        if use_patients and rng.random() < self.options.patient_share:
            scene = self.patients.draw(rng, fine)
            clock = self._patient_times(rng, scene)
        else:
            scene = self.generator.draw(rng, fine)
            clock = self._frame_times(rng)
        coarse = self._degrade(rng, scene.acquire(rng, clock))
        offset, scale = normalization(coarse.mean(0))
        scale *= rng.uniform(0.7, 1.5)
        coarse = (coarse - offset) / scale
        frames, times, target = [], [], []
        for first in self._choose_pairs(rng, scene, clock):
            around = np.arange(first - 1, first + 3)
            absent = (around < 0) | (around >= clock.size)
            around = np.clip(around, 0, clock.size - 1)
            begin, length = clock[first], clock[first + 1] - clock[first]
            frames.append(coarse[around])
            times.append(np.where(absent, np.nan, (clock[around] - begin) / length))
            target.append((scene.frames(begin + t * length) - offset) / scale)
        summary = np.stack([coarse.mean(0), coarse.std(0)])[None]
        return np.stack(frames), np.stack(times), summary, np.stack(target)

    @staticmethod
    def _frame_times(rng: np.random.Generator) -> np.ndarray:
        interval = 6.0 if rng.random() < 0.3 else log_uniform(rng, *INTERVAL)
        count = int(np.clip(rng.uniform(45, 110) / interval, *FRAMES))
        clock = np.arange(count) * interval
        if rng.random() < 0.1:
            clock[1:] += np.cumsum(rng.uniform(-0.2, 0.4, count - 1) * interval)
        return clock

    @staticmethod
    def _patient_times(rng: np.random.Generator, scene: PatientScene) -> np.ndarray:
        """Every second to sixth of the simulated frames, from one of the first in steady state on."""
        step = int(rng.choice([2, 3, 4, 4, 4, 5, 6]))
        start = FIRST_STEADY_FRAME + int(rng.integers(step))
        return np.arange(start, FRAME_COUNT, step) * scene.interval

    def _choose_pairs(self, rng: np.random.Generator, scene: Scene | PatientScene, clock: np.ndarray) -> np.ndarray:
        """Mostly around the bolus, where perfusion is decided."""
        last = clock.size - 1
        weight = np.full(last, 0.15)
        middle = clock[:-1] + np.diff(clock) / 2
        weight[(middle > scene.arrival - 4) & (middle < scene.arrival + 22)] += 1.0
        return rng.choice(last, self.options.pairs, replace=False, p=weight / weight.sum())

    def _degrade(self, rng: np.random.Generator, fine: np.ndarray) -> np.ndarray:
        factor = fine.shape[-1] / self.options.coarse
        if factor > 1 and factor == int(factor) and rng.random() < self.options.kspace_share:
            return OPERATORS["kspace"](fine, int(factor))
        return average(torch.from_numpy(fine), (self.options.coarse,) * 2).numpy()
