"""Draws the frames that a network reconstructed toward what kinetics makes of them.

A network looks at four frames and a few pixels at once; that all tissue has seen one bolus it cannot know. Its frames,
averaged to the acquired pixels, are therefore taken as samples of every curve, those between acquired frames as less
certain ones. Driving curve, residues and delays are fitted to them (``kinetics.kinetic_course``), and a part of the
difference of the fit from these samples is added, by back-projection. Where the fit does not hold nothing is added.

Kinetics of the acquired frames alone (``networks.kinetic``) knows more of how voxels differ from each other, but
nothing of a bolus that rises everywhere between the same two frames. A part of what it differs from the network is
therefore added as well, without what all voxels of a frame have in common.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from dsc_superres.kinetics.kinetic_course import KineticCourse, Prediction, kinetic_course
from dsc_superres.networks.kinetic import KineticInterpolator
from dsc_superres.networks.resampling import average, back_project
from dsc_superres.networks.window import window
from dsc_superres.series import Series
from dsc_superres.utils.parallel import do_all
from dsc_superres.utils.progress import IsCancelled, never
from dsc_superres.utils.scratch_memory import release

DOUBT = 0.2
"""Standard deviation of the network's frame in the middle between two acquired ones, as share of a curve's value."""
FRAMES_AT_ONCE = 16
ACQUIRED_PART = 0.27
"""Part of the difference to kinetics of the acquired frames that is added, where that holds.

This and ``MOST_TRUST_WITH_PREDICTION`` are the weights with the least squared error in bolus frames of 26 training
scenes and patients, each counted alike."""


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """The frames to draw toward kinetics.

    signal        float32[t, z, y, x], changed in place
    times         float64[t], s; ``slice_times`` are added to them, if any
    lowest        least value of a frame
    """

    signal: np.ndarray
    times: np.ndarray
    slice_times: np.ndarray | None
    lowest: float


def draw_toward_kinetics(
    found: Reconstruction, series: Series, *, transient: bool, threads: int = 1, cancelled: IsCancelled = never
) -> tuple[str, ...]:
    """Draw the frames ``found`` from a series toward kinetics; returns notes on where that was not possible.

    ``transient`` is whether the first acquired frame is one before steady state: until the second one nothing is
    changed. Raises ``Cancelled``.
    """
    chosen = sampled_frames(found.times, series.times[int(transient) :])
    coarse = np.empty((chosen.size, *series.signal.shape[1:]), np.float32)

    def shrink(z: int) -> Iterator[int]:
        for place, frame in enumerate(chosen):
            coarse[place, z] = average(torch.from_numpy(found.signal[frame, z]), coarse.shape[2:]).numpy()
        yield z

    slices = range(coarse.shape[1])
    do_all(shrink, slices, threads, cancelled)
    samples = series.with_signal(coarse, times=found.times[chosen], missing_times=(), slice_times=found.slice_times)
    predicted = Prediction(samples, DOUBT * _between(found.times[chosen], series.times))
    course = kinetic_course(series, transient=transient, predicted=predicted, threads=threads, cancelled=cancelled)
    if not isinstance(course, KineticCourse):
        return course
    alone = _AcquiredKinetics(series, transient, cancelled)
    start = int(np.searchsorted(found.times, series.times[int(transient)]))

    def add(z: int) -> Iterator[int]:
        for begin in range(start, len(found.times), FRAMES_AT_ONCE):
            frames = slice(begin, begin + FRAMES_AT_ONCE)
            image = torch.from_numpy(found.signal[frames, z])
            fitted = torch.from_numpy(course.signal(z, found.times[frames]))
            shrunk = average(image, coarse.shape[2:])
            change = torch.from_numpy(course.share[z]) * (fitted - shrunk)
            offset = 0.0 if found.slice_times is None else found.slice_times[z]
            change += ACQUIRED_PART * alone.difference(z, found.times[frames] + offset, shrunk)
            image += back_project(change, tuple(image.shape[1:]))
            found.signal[frames, z] = image.clamp(min=found.lowest).numpy()
            yield z
        release(found.signal)

    do_all(add, slices, threads, cancelled)
    return course.notes


class _AcquiredKinetics:
    """Kinetics of the acquired frames of a series alone."""

    def __init__(self, series: Series, transient: bool, cancelled: IsCancelled) -> None:
        self.series, self.first = series, int(transient)
        self.interpolator = KineticInterpolator().for_series(series, 0.0, 1.0, transient, cancelled=cancelled)

    def difference(self, z: int, times: np.ndarray, frames: torch.Tensor) -> torch.Tensor:
        """What it differs in slice z from ``frames`` [m, h, w] at ``times`` (s), but for each frame's mean over voxels.

        Times how far it holds, and how far a frame lies from those acquired, both 0 to 1.
        """
        found = torch.zeros_like(frames)
        course = self.interpolator.course
        if course is None or not (share := torch.from_numpy(course.share[z])).any():
            return found
        acquired = torch.from_numpy(self.series.times + course.offsets[z])
        model = self.interpolator.for_piece(slice(z, z + 1), slice(None), slice(None))
        signal = torch.from_numpy(self.series.signal[:, z].copy())[None]
        signal[:, : self.first] = signal[:, self.first, None]
        moments = torch.from_numpy(times)
        pairs = torch.searchsorted(acquired, moments, right=True).sub(1).clamp(0, len(acquired) - 2)
        for pair in pairs.unique().tolist():
            here = pairs == pair
            t = ((moments[here] - acquired[pair]) / (acquired[pair + 1] - acquired[pair])).clamp(0, 1).to(frames)
            around = window(signal, acquired, signal[:, :2], pair)
            apart = model.kinetic_frames(around, t)[0] - frames[here]
            apart = apart - apart[:, share > 0].double().mean(1).to(frames)[:, None, None]
            found[here] = (4 * t * (1 - t)).sqrt()[:, None, None] * share * apart
        return found


def sampled_frames(times: np.ndarray, acquired: np.ndarray) -> np.ndarray:
    """Indices of the reconstructed frames nearest to those ``acquired`` and to the middle between these."""
    wanted = np.sort(np.concatenate([acquired, (acquired[1:] + acquired[:-1]) / 2]))
    nearest = np.abs(times - wanted[:, None]).argmin(axis=1)
    return np.unique(nearest[times[nearest] >= acquired[0]])


def _between(times: np.ndarray, acquired: np.ndarray) -> np.ndarray:
    """How far times lie from the acquired frames around them: 0 at these, 1 in the middle."""
    share = np.interp(times, acquired, np.arange(len(acquired))) % 1
    return 4 * share * (1 - share)
