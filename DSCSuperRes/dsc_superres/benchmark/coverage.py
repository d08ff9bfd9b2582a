"""How often the truth lies within the interval that a reconstruction tells of itself."""

from __future__ import annotations

import numpy as np

from dsc_superres.benchmark.cases import MAP_OPTIONS, BenchmarkCase
from dsc_superres.series import Series


def coverage(case: BenchmarkCase, recon: Series, uncertainty: Series, time: int) -> dict[str, float]:
    """How often (%) the noise-free signal lies within 1 and 1.96 deviations, in the brain after the first interval."""
    error = np.abs(recon.signal - case.clean.signal)[time:, case.mask]
    ratio = error / uncertainty.signal[time:, case.mask]
    return {"within_1": 100 * float(np.mean(ratio < 1)), "within_2": 100 * float(np.mean(ratio < 1.96))}


def map_coverage(case: BenchmarkCase, recon: Series, uncertainty: Series) -> dict[str, float]:
    """The same (%) of CBV and CBF, against the maps of the noise-free series; and the factor that would make it right.

    Voxels count whose value is above a tenth of the median.
    """
    from dsc_superres.perfusion import compute_maps
    from dsc_superres.perfusion.propagation import propagated_sd

    if case.maps is None:
        return {}
    maps = compute_maps(recon, aif=case.maps.aif, mask=case.mask, options=MAP_OPTIONS)
    found = {}
    for name, told in propagated_sd(maps, recon, uncertainty).items():
        values, truth = getattr(maps, name)[case.mask], getattr(case.maps, name)[case.mask]
        counted = truth > 0.1 * np.median(truth[truth > 0])
        ratio = (np.abs(values - truth) / np.maximum(told[case.mask], 1e-9))[counted]
        one, two = np.percentile(ratio, (68.27, 95))
        found[f"{name}_within_1"] = 100 * float(np.mean(ratio < 1))
        found[f"{name}_within_2"] = 100 * float(np.mean(ratio < 1.96))
        found[f"{name}_factor"] = float(np.sqrt(one * two / 1.96))
    return found
