"""Whether a series is like those that the networks were trained on; sentences for the reader where it is not."""

from __future__ import annotations

import numpy as np

from dsc_superres.series import Series

INTERVAL_S = (1.9, 12.5)
FRAMES = 5
SPACE = (1.25, 3.6)
PIXEL_MM = (1.2, 6.5)
LEAST_SNR = 20.0
"""What training draws (``training.data``, ``training.scenes``), with a little tolerance; pixels and intervals are those
of the series that is given, not of the result."""


def outside_training_range(series: Series, space: float = 2.0) -> tuple[str, ...]:
    """One sentence for each property of ``series`` in which it lies outside what the networks have seen."""
    notes = []
    if series.frames < FRAMES:
        notes.append(f"it has {series.frames} frames, not at least {FRAMES}")
    if series.has_times:
        low, high = INTERVAL_S
        interval = float(np.median(np.diff(series.times)))
        if not low <= interval <= high:
            notes.append(f"its frames lie {interval:.3g} s apart, not {low:.2g} to {high:.2g} s")
    pixel = max(series.geometry.spacing[:2])
    if not PIXEL_MM[0] <= pixel <= PIXEL_MM[1]:
        notes.append(f"its pixels measure {pixel:.3g} mm, not {PIXEL_MM[0]} to {PIXEL_MM[1]} mm")
    if space != 1 and not SPACE[0] <= space <= SPACE[1]:
        notes.append(f"a spatial factor of {space:g} is asked for, not {SPACE[0]} to {SPACE[1]}")
    if series.signal.min() < 0:
        notes.append("it has negative values, which a magnitude image does not")
    snr = temporal_snr(series.signal)
    if snr < LEAST_SNR:
        notes.append(f"its signal-to-noise ratio over time is about {snr:.2g}, below {LEAST_SNR:g}")
    start = "The series is unlike those that the network was trained on, and the reconstruction less certain: "
    return tuple(f"{start}{note}." for note in notes)


def too_little_to_adapt(frames: int, rows: int, columns: int, space: int = 2, factor: int = 2) -> str:
    """Why a network cannot be tuned to a series of this size on a copy that many times coarser; empty where it can."""
    if (frames - 1) // factor < 4:
        return f"it needs at least {4 * factor + 1} frames to adapt to it"
    if min(rows, columns) < 24 * space:
        return f"it is too small to adapt to: it needs at least {24 * space} rows and columns"
    return ""


def temporal_snr(signal: np.ndarray) -> float:
    """Median over the brighter voxels of signal[t, z, y, x] of their mean over their noise from frame to frame.

    The noise is that of second differences in time, after the shape that all voxels share, the bolus, is taken out.
    """
    if len(signal) < FRAMES:
        return np.inf
    mean = signal.mean(axis=0)
    bright = mean > 0.5 * np.percentile(mean, 98)
    curves = signal[:, bright][:, :: max(1, np.count_nonzero(bright) // 4000)]
    shares = curves / curves.mean(axis=0)
    shares = shares - shares.mean(axis=1, keepdims=True)
    second = np.abs(shares[2:] - 2 * shares[1:-1] + shares[:-2])
    noise = np.median(second) / (0.6745 * np.sqrt(6))
    return float(1 / max(noise, 1e-9))
