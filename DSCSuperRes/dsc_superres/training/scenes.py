"""Domain-randomized scenes: small dynamic images that have no single phantom in common.

A network fitted to one anatomy, contrast or scanner fails on the next. So every scene has random shapes
(``random_anatomy``), contrast, texture, vessels, perfusion, kinetics (``random_kinetics``), repetition time, point
spread, motion, coil shading and noise. Inputs are noisy, targets are what a noise-free scanner would have measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from dsc_superres.errors import ModelError
from dsc_superres.training.random_anatomy import (
    HeadVolumes,
    LabelVolumes,
    contrast_curve,
    log_uniform,
    natural_contrast,
    random_labels,
    smooth_noise,
)
from dsc_superres.training.random_kinetics import concentration_table, sample_table

SNR = (25, 160)
"""Least and greatest signal-to-noise ratio of a scene."""


@dataclass(frozen=True)
class Scene:
    """A noise-free movie that can be evaluated at any time, and the properties of the scanner that measures it.

    still float32[y, x]; blood, transit, delay float32[y, x] (Delta R2* gain, s, s); table as in ``random_kinetics``;
    arrival s; transient float32[y, x]: excess of the very first frame over steady state.
    """

    still: np.ndarray
    blood: np.ndarray
    transit: np.ndarray
    delay: np.ndarray
    table: np.ndarray
    arrival: float
    leakage: np.ndarray
    transient: np.ndarray
    relaxation: float
    drift: float
    blur: float
    truncation: float
    motion: np.ndarray
    noise: float
    noise_blur: float

    def frames(self, times: np.ndarray) -> np.ndarray:
        """float32[t, y, x]: the noise-free signal at ``times`` (s), as the scanner's point spread shows it."""
        delta_r2star = self.blood * sample_table(self.table, self.transit, self.delay, times)
        if self.leakage.any():
            since = np.maximum(times - self.arrival - 4, 0)[:, None, None]
            delta_r2star = delta_r2star + self.leakage * (1 - np.exp(-since / 25))
        trend = 1 + self.drift * (times[:, None, None] / 60)
        excess = 1 + self.transient * np.exp(-times / self.relaxation)[:, None, None]
        movie = self.still * np.exp(-delta_r2star) * trend * excess
        return self._scan(movie.astype(np.float32), times)

    def _scan(self, movie: np.ndarray, times: np.ndarray) -> np.ndarray:
        if self.blur > 0.15:
            movie = ndimage.gaussian_filter(movie, (0, self.blur, self.blur), truncate=3)
        moving = self.motion.any()
        if not moving and self.truncation >= 1:
            return movie
        size = movie.shape[-1]
        ky, kx = np.fft.fftfreq(size), np.fft.rfftfreq(size)
        spectrum = np.fft.rfft2(movie)
        if moving:
            clock = np.linspace(0, 180, self.motion.shape[0])
            dy, dx = (np.interp(times, clock, self.motion[:, axis])[:, None, None] for axis in (0, 1))
            spectrum *= np.exp(-2j * np.pi * (ky[:, None] * dy + kx * dx))
        if self.truncation < 1:
            limit = 0.5 * self.truncation
            spectrum *= (np.abs(ky)[:, None] <= limit) & (kx <= limit)
        return np.abs(np.fft.irfft2(spectrum, movie.shape[-2:])).astype(np.float32)

    def acquire(self, rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
        """float32[t, y, x]: what the scanner measures at ``times``: the magnitude of signal plus complex noise."""
        clean = self.frames(times)
        real, imaginary = (rng.standard_normal(clean.shape, dtype=np.float32) for _ in range(2))
        if self.noise_blur > 0:
            sigma = (0, self.noise_blur, self.noise_blur)
            gain = 1 / np.sqrt((ndimage.gaussian_filter(np.eye(1, 15**2, 112).reshape(15, 15), sigma[1:]) ** 2).sum())
            real, imaginary = (gain * ndimage.gaussian_filter(part, sigma) for part in (real, imaginary))
        return np.hypot(clean + self.noise * real, self.noise * imaginary)


class SceneGenerator:
    """Draws scenes of ``size`` x ``size`` fine pixels, with shapes from random label maps and the volumes given.

    volumes, labels: head volumes and segmented heads
    shares: of random label maps, head volumes and segmented heads; equal where none are given
    natural: of the slices of head volumes, the share that keep about the contrast that they have
    """

    def __init__(
        self,
        volumes: HeadVolumes | None,
        labels: LabelVolumes | None = None,
        *,
        shares: Sequence[float] = (),
        natural: float = 0.0,
    ) -> None:
        self.volumes, self.labels, self.shares, self.natural = volumes, labels, shares, natural
        if labels is None and any(shares[2:]):
            raise ModelError("A share of the scenes is to come from segmented heads: name some under labels.")

    def draw(self, rng: np.random.Generator, size: int) -> Scene:
        still, blood, transit, delay = self._tissue(rng, size)
        for _ in range(rng.integers(0, 6)):
            self._add_vessel(rng, still, blood, transit, delay)
        arrival = rng.uniform(4, 28)
        table = concentration_table(rng, arrival)
        # Blood volume is scaled so that the typical tissue loses a drawn share of its signal at the peak.
        tissue = blood[(transit > 0) & (still > 0.1)]
        typical = np.median(tissue) if tissue.size else 1.0
        drop = rng.uniform(0.08, 0.5)
        gain = -np.log(1 - drop) / (typical * table[7].max() + 1e-6)
        blood = np.minimum(blood * gain, 3.5 / table[0].max())
        leaking = rng.random() < 0.2
        patch = smooth_noise(rng, size, rng.uniform(4, 10)) > 1.0
        has_transient = rng.random() < 0.1
        walk = np.cumsum(rng.normal(0, 1, (60, 2)), axis=0) * log_uniform(rng, 0.01, 0.06)
        return Scene(
            still=still,
            blood=blood.astype(np.float32),
            transit=transit,
            delay=delay,
            table=table,
            arrival=arrival,
            leakage=(patch * rng.uniform(-0.3, 0.3) * leaking).astype(np.float32),
            transient=(rng.uniform(0.05, 0.7) * has_transient * np.clip(0.6 + 0.4 * smooth_noise(rng, size, 6), 0, 2)),
            relaxation=rng.uniform(0.2, 0.8),
            drift=rng.normal(0, 0.01),
            blur=rng.uniform(0, 0.85),
            truncation=rng.uniform(0.6, 0.95) if rng.random() < 0.15 else 1.0,
            motion=walk * (rng.random() < 0.25),
            noise=float(np.mean(still[still > 0.1])) / log_uniform(rng, *SNR) if (still > 0.1).any() else 0.01,
            noise_blur=rng.uniform(0.3, 0.6) if rng.random() < 0.25 else 0.0,
        )

    def _tissue(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, ...]:
        kinds = 1 + (self.volumes is not None) + (self.labels is not None)
        kind = rng.choice(len(self.shares), p=self.shares) if self.shares else rng.integers(kinds)
        if kind == 1 and self.volumes is not None:
            underlying = self.volumes.slice(rng, size)
            natural = self.natural > 0 and rng.random() < self.natural
            still = (natural_contrast if natural else contrast_curve)(rng, underlying)
            blood, transit = (np.maximum(contrast_curve(rng, underlying), 0.02) for _ in range(2))
            late = contrast_curve(rng, underlying)
        else:
            labels = random_labels(rng, size) if kind == 0 else self.labels.slice(rng, size)
            still, blood, transit, late = (self._paint(rng, labels, low, kind) for low in (0.1, 0.05, 0.05, 0.0))
        if rng.random() < 0.35:
            outside = smooth_noise(rng, size, rng.uniform(8, 20)) > rng.uniform(0.3, 1.5)
            still = np.where(outside, 0 if rng.random() < 0.8 else rng.uniform(0, 0.1), still)
        still = still * self._texture(rng, size, 0.08) * (1 + 0.25 * rng.random() * smooth_noise(rng, size, 25))
        blood = blood ** rng.uniform(1, 2) * self._texture(rng, size, 0.3)
        mean_transit = log_uniform(rng, 2, 9)
        transit = np.clip(mean_transit * (0.4 + 1.2 * transit) * self._texture(rng, size, 0.15), 0.6, 22)
        delay = rng.uniform(0, 5) * late + rng.uniform(0, 1) * smooth_noise(rng, size, 8)
        return tuple(np.ascontiguousarray(x, np.float32) for x in (np.maximum(still, 0), blood, transit, delay))

    @staticmethod
    def _paint(rng: np.random.Generator, labels: np.ndarray, low: float, kind: int) -> np.ndarray:
        """float32[size, size]: each label in a random gray; segmented heads twice as fine, then averaged."""
        grays = rng.uniform(low, 1.2, labels.max() + 1).astype(np.float32)
        if kind == 0:
            return grays[labels]
        grays[0] = rng.choice([0, 0, 0, grays[0]])
        height, width = (length // 2 for length in labels.shape)
        return grays[labels].reshape(height, 2, width, 2).mean((1, 3))

    @staticmethod
    def _texture(rng: np.random.Generator, size: int, strength: float) -> np.ndarray:
        sigma = log_uniform(rng, 0.5, 4)
        return np.clip(1 + strength * rng.random() * smooth_noise(rng, size, sigma), 0.2, 3)

    @staticmethod
    def _add_vessel(rng: np.random.Generator, still, blood, transit, delay) -> None:
        """A curved tube (or a spot, a vessel through the plane) drawn twice as fine; changes the maps in place."""
        size = still.shape[0]
        spot = rng.random() < 0.35
        steps = 2 if spot else rng.integers(30, 6 * size)
        angle = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, rng.uniform(0.01, 0.12), steps))
        path = rng.uniform(0, 2 * size, 2)[:, None] + np.cumsum([np.sin(angle), np.cos(angle)], axis=1)
        inside = np.all((path >= 0) & (path < 2 * size), axis=0)
        canvas = np.ones((2 * size, 2 * size), bool)
        canvas[tuple(path[:, inside].astype(int))] = False
        radius = log_uniform(rng, 0.8, 7 if spot else 4.5)
        distance = ndimage.distance_transform_edt(canvas) if inside.any() else np.full(canvas.shape, 99.0)
        share = np.clip(radius + 0.5 - distance, 0, 1).reshape(size, 2, size, 2).mean((1, 3)).astype(np.float32)
        early = rng.random() < 0.5
        still *= 1 + share * (rng.uniform(0.5, 1.8) - 1)
        blood += share * log_uniform(rng, 1.5, 14) * np.median(blood)
        mostly = share > 0.4
        transit[mostly] = 0 if early else rng.uniform(1, 4)
        delay[mostly] = rng.uniform(-1.5, 1) if early else rng.uniform(1, 6)
