"""Change of the relaxation rate from the signal, which is proportional to the concentration of contrast agent."""

from __future__ import annotations

import numpy as np

from dsc_superres.errors import PerfusionError

SIGNAL_FLOOR = 1e-3
"""Smallest signal as share of the baseline, for the logarithm."""

ASSUMED_ECHO_TIME = 0.03
"""s, where a series has none: tissue and artery share it, so it cancels in every map."""


def baseline_signal(signal: np.ndarray, baseline_frames: slice) -> np.ndarray:
    """Return the mean signal S0 before the bolus, float32[...], of signal[t, ...]. CAPLEX P.BL2.003."""
    return np.asarray(signal)[baseline_frames].mean(axis=0, dtype=np.float64).astype(np.float32)


def delta_r2star(signal: np.ndarray, echo_time: float | None, baseline_frames: slice) -> np.ndarray:
    """Return the change of the transverse relaxation rate, -ln(S/S0)/TE. CAPLEX M.SM1.001.

    Parameters
    ----------
    signal : array, [t, ...]
        Signal in arbitrary units.
    echo_time : float
        Echo time in s.
    baseline_frames : slice
        Frames before the bolus, whose mean is S0.

    Returns
    -------
    float32 array, [t, ...]
        Delta R2* in 1/s. Negative values are kept, since clipping would bias CBV; 0 where S0 <= 0.

    Raises
    ------
    PerfusionError
        Without an echo time or a baseline frame.
    """
    if echo_time is None:
        raise PerfusionError("The echo time is not known, so no concentration can be computed: give it (--te SECONDS).")
    if not echo_time > 0:
        raise PerfusionError(f"The echo time is {echo_time:g} s; give a positive number of seconds (--te).")
    signal = np.asarray(signal, dtype=np.float32)
    if signal[baseline_frames].shape[0] == 0:
        raise PerfusionError("There is no frame before the bolus to serve as a baseline.")
    s0 = baseline_signal(signal, baseline_frames)
    usable = s0 > 0
    ratio = signal / np.where(usable, s0, 1)
    np.maximum(ratio, SIGNAL_FLOOR, out=ratio)
    np.log(ratio, out=ratio)
    ratio *= np.float32(-1 / echo_time)
    return np.where(usable, ratio, np.float32(0))
