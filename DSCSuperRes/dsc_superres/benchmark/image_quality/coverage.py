"""How often the truth lies within the interval that a reconstruction estimates."""

from __future__ import annotations

import numpy as np

from dsc_superres.benchmark.image_quality.benchmark_cases import MAP_OPTIONS, BenchmarkCase
from dsc_superres.series import Series


def coverage(case: BenchmarkCase, recon: Series, uncertainty: Series, time: int) -> dict[str, float]:
    """Return how often (%) the brain lies within 1 and 1.96 standard deviations, after the first interval.

    The intervals are meant for the noise-free signal, which is used if it is known. A measured signal includes noise,
    which the intervals do not. The coverage of bolus frames is also returned separately.
    """
    error = np.abs(recon.signal - case.clean.signal)[time:, case.mask]
    ratio = error / np.maximum(uncertainty.signal[time:, case.mask], 1e-30)
    shares = {"within_1": _percent_within(ratio, 1), "within_2": _percent_within(ratio, 1.96)}
    bolus = case.bolus[time:]
    if case.maps is not None and bolus.any():
        shares["bolus_within_1"] = _percent_within(ratio[bolus], 1)
        shares["bolus_within_2"] = _percent_within(ratio[bolus], 1.96)
    return shares


def _percent_within(ratio: np.ndarray, limit: float) -> float:
    return 100 * float(np.mean(ratio < limit))


def map_coverage(case: BenchmarkCase, recon: Series, uncertainty: Series) -> dict[str, float]:
    """Return the coverage (%) of CBV and CBF against the noise-free series, and the factor that would correct it.

    Voxels with less than a tenth of the median are left out.
    """
    from dsc_superres.perfusion import compute_maps
    from dsc_superres.perfusion.propagation import propagated_sd

    if case.maps is None:
        return {}
    maps = compute_maps(recon, aif=case.maps.aif, mask=case.mask, options=MAP_OPTIONS)
    found = {}
    for name, spread in propagated_sd(maps, recon, uncertainty).items():
        values, truth = getattr(maps, name)[case.mask], getattr(case.maps, name)[case.mask]
        counted = truth > 0.1 * np.median(truth[truth > 0])
        ratio = (np.abs(values - truth) / np.maximum(spread[case.mask], 1e-9))[counted]
        one, two = np.percentile(ratio, (68.27, 95))
        found[f"{name}_within_1"] = 100 * float(np.mean(ratio < 1))
        found[f"{name}_within_2"] = 100 * float(np.mean(ratio < 1.96))
        found[f"{name}_factor"] = float(np.sqrt(one * two / 1.96))
    return found
