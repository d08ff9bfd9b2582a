"""Voxels without a measurement, and series of which all is first pass, are mapped as far as they can be."""

import numpy as np
import pytest
from sample import bolus_series

from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion import MapOptions, compute_maps
from dsc_superres.perfusion.aif_selection import candidate_voxels
from dsc_superres.perfusion.bolus import Bolus

SERIES = bolus_series(size=(21, 19, 2))


def zeros(kind: str) -> np.ndarray:
    """Voxels [z, y, x] that are zero throughout: a slice, or what lies around the head."""
    empty = np.zeros(SERIES.signal.shape[1:], bool)
    if kind == "slice":
        empty[1] = True
    else:
        y, x = np.indices(empty.shape[1:])
        empty[:, np.hypot(x - 10.5, y - 9.5) > 8.5] = True
    return empty


@pytest.mark.parametrize("kind", ["slice", "background"])
def test_zeros_in_the_mask(kind):
    empty = zeros(kind)
    series = SERIES.with_signal(np.where(empty, 0, SERIES.signal))
    whole = compute_maps(series, mask=np.ones_like(empty), options=MapOptions(spatial_prior=False))
    without = compute_maps(series, mask=~empty, options=MapOptions(spatial_prior=False))
    assert np.array_equal(whole.mask, ~empty)
    assert np.array_equal(whole.cbv, without.cbv)
    assert np.isfinite(whole.cbv).all()
    with pytest.raises(PerfusionError, match="never changes"):
        compute_maps(series, mask=empty)


def test_arteries_of_a_series_that_is_all_first_pass():
    times = 2.0 * np.arange(8)
    bolus = Bolus(slice(0, 1), arrival=2.0, peak=10.0, arrival_frame=1, peak_frame=5, drop=0.4, noise=0.01)
    curves = np.exp(-((times[:, None] - 10) ** 2) / np.linspace(8, 20, 60)) * np.linspace(2, 20, 60)
    assert len(candidate_voxels(curves, times, bolus, 0.03)) > 0
