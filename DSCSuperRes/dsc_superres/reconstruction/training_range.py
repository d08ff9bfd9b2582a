"""Whether a series is like those that a network was trained on; sentences for the reader where it is not."""

from __future__ import annotations

import numpy as np

from dsc_superres.models import TrainingRange
from dsc_superres.series import Series

LEAST_FRAMES_FOR_NOISE = 5
"""Frames from which the noise of a series can be estimated."""


def outside_training_range(series: Series, trained: TrainingRange | None, space: float = 2.0) -> tuple[str, ...]:
    """One sentence for each property of ``series`` that lies outside the range that a network was ``trained`` on.

    ``space`` is the spatial factor asked for. Without a range, as for interpolators, there is nothing to say.
    """
    if trained is None:
        return ()
    start = "The series is unlike those that the network was trained on, and the reconstruction less certain: "
    return tuple(f"{start}{note}." for note in _notes(series, trained, space))


def _notes(series: Series, trained: TrainingRange, space: float) -> list[str]:
    notes = []
    if series.frames < trained.frames:
        notes.append(f"it has {series.frames} frames, not at least {trained.frames}")
    if series.has_times:
        low, high = trained.interval
        interval = float(np.median(np.diff(series.times)))
        if not low <= interval <= high:
            notes.append(f"its frames lie {interval:.3g} s apart, not {low:.2g} to {high:.2g} s")
    low, high = trained.pixel
    pixel = max(series.geometry.spacing[:2])
    if not low <= pixel <= high:
        notes.append(f"its pixels measure {pixel:.3g} mm, not {low} to {high} mm")
    low, high = trained.space
    if space != 1 and not low <= space <= high:
        notes.append(f"a spatial factor of {space:g} is asked for, not {low} to {high}")
    snr = temporal_snr(series.signal)
    if snr < trained.snr:
        notes.append(f"its signal-to-noise ratio over time is about {snr:.2g}, below {trained.snr:g}")
    return notes


def temporal_snr(signal: np.ndarray) -> float:
    """Median over the brighter voxels of signal[t, z, y, x] of their mean over their noise from frame to frame.

    The noise is that of second differences in time after removal of the curve that all voxels share, the bolus.
    Infinite where there are too few frames.
    """
    if len(signal) < LEAST_FRAMES_FOR_NOISE:
        return np.inf
    mean = signal.mean(axis=0)
    bright = mean > 0.5 * np.percentile(mean, 98)
    curves = signal[:, bright][:, :: max(1, np.count_nonzero(bright) // 4000)]
    shares = curves / curves.mean(axis=0)
    shares = shares - shares.mean(axis=1, keepdims=True)
    second = np.abs(shares[2:] - 2 * shares[1:-1] + shares[:-2])
    noise = np.median(second) / (0.6745 * np.sqrt(6))
    return float(1 / max(noise, 1e-9))
