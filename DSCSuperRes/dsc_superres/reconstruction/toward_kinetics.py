"""Draws the frames that a network reconstructed toward what kinetics makes of them.

A network looks at four frames and a few pixels at once; that all tissue has seen one bolus it cannot know. Its frames,
averaged to the acquired pixels, are therefore taken as samples of every curve, those between acquired frames as less
certain ones. Driving curve, residues and delays are fitted to them (``kinetics.kinetic_course``), and half of the
difference of the fit from these samples is added, by back-projection. Where the fit does not hold nothing is added.

The network's frames, not the acquired ones alone, must determine the fit: acquired frames tell nothing of a bolus that
rises everywhere between the same two of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from dsc_superres.kinetics.kinetic_course import KineticCourse, Prediction, kinetic_course
from dsc_superres.networks.resampling import average, back_project
from dsc_superres.series import Series
from dsc_superres.utils.parallel import do_all
from dsc_superres.utils.progress import IsCancelled, never
from dsc_superres.utils.scratch_memory import release

DOUBT = 0.2
"""Standard deviation of the network's frame in the middle between two acquired ones, as share of a curve's value."""
FRAMES_AT_ONCE = 16


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
    start = int(np.searchsorted(found.times, series.times[int(transient)]))

    def add(z: int) -> Iterator[int]:
        for begin in range(start, len(found.times), FRAMES_AT_ONCE):
            frames = slice(begin, begin + FRAMES_AT_ONCE)
            image = torch.from_numpy(found.signal[frames, z])
            fitted = torch.from_numpy(course.signal(z, found.times[frames]))
            change = torch.from_numpy(course.share[z]) * (fitted - average(image, coarse.shape[2:]))
            image += back_project(change, tuple(image.shape[1:]))
            found.signal[frames, z] = image.clamp(min=found.lowest).numpy()
            yield z
        release(found.signal)

    do_all(add, slices, threads, cancelled)
    return course.notes


def sampled_frames(times: np.ndarray, acquired: np.ndarray) -> np.ndarray:
    """Indices of the reconstructed frames nearest to those ``acquired`` and to the middle between these."""
    wanted = np.sort(np.concatenate([acquired, (acquired[1:] + acquired[:-1]) / 2]))
    nearest = np.abs(times - wanted[:, None]).argmin(axis=1)
    return np.unique(nearest[times[nearest] >= acquired[0]])


def _between(times: np.ndarray, acquired: np.ndarray) -> np.ndarray:
    """How far times lie from the acquired frames around them: 0 at these, 1 in the middle."""
    share = np.interp(times, acquired, np.arange(len(acquired))) % 1
    return 4 * share * (1 - share)
