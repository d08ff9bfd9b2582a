"""Whether frames that were computed contradict those that were measured: then they are no use to maps.

The model of tissue, fitted to the measured frames of a curve alone, predicts what lies between them, with a standard
deviation. Computed frames that lie further from it than that and their noise explain are wrong systematically, and the
more of them there are, the more maps follow them. One decision serves the whole series.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dsc_superres.perfusion.arterial_evidence import MAX_ATTENUATION, TissueEvidence, tail_noise, typical_columns

MOST_SQUARED_MISFIT = 6.0
"""Upper quartile of squared misfits in units of their variance beyond which computed frames count nothing.

It would be 1.3 for independent Gaussian errors. It is 0.5 to 3.6 in reconstructions of digital patients, whose maps
gain from these frames, and 11 and more in those of curves without noise, whose maps lose.
"""
BOLUS_SHARE = 0.2
"""Share of the highest mean attenuation beyond which frames belong to the bolus."""
TINY = 1e-4
"""Least noise of an attenuation."""


def contradicts_measured_frames(
    tissue: np.ndarray, times: np.ndarray, acquired: np.ndarray, artery: Callable[[np.ndarray], np.ndarray]
) -> bool:
    """Return whether the frames of a reconstruction that were not ``acquired``, bool[t], contradict those that were.

    ``tissue`` [t, n] are attenuations at times[t] (s), ``artery`` is the arterial one as a function of time (s).
    """
    measured = tissue[acquired]
    columns = typical_columns(measured)
    measured, computed = (np.asarray(part[:, columns], np.float64) for part in (measured, tissue[~acquired]))
    noise = np.maximum(tail_noise(measured), TINY)
    evidence = TissueEvidence(times[acquired], measured, noise)
    predicted, variance = evidence.predicted(artery, times[~acquired], measured)
    variance += np.square(noise * np.exp(computed.clip(0, MAX_ATTENUATION)))
    mean = computed.mean(axis=1)
    in_bolus = mean > BOLUS_SHARE * mean.max()
    misfit = np.square(computed - predicted) / variance
    return bool(in_bolus.any() and np.quantile(misfit[in_bolus], 0.75) > MOST_SQUARED_MISFIT)
