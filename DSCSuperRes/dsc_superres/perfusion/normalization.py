"""Blood volume relative to white matter, which is found automatically or given as a region."""

from __future__ import annotations

import numpy as np

from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion.maps import PerfusionMaps
from dsc_superres.perfusion.mask import otsu_threshold

VESSEL_PERCENTILE = 95
"""Percentile of CBV above which voxels are vessels."""
MIN_WHITE_MATTER_VOLUME = 0.3
"""Share of the median blood volume below which voxels are fluid or necrosis."""


def white_matter(maps: PerfusionMaps) -> np.ndarray:
    """Return voxels that are perfused like white matter, bool[z, y, x].

    Vessels (highest CBV) and fluid (lowest) are excluded; the middle half of the lower of two classes of CBV remains.
    This is an approximation: prefer a region drawn in normal-appearing white matter of the contralateral side. Raises
    ``PerfusionError`` if there are no such voxels.
    """
    median = np.median(maps.cbv[maps.mask])
    top = np.percentile(maps.cbv[maps.mask], VESSEL_PERCENTILE)
    tissue = maps.mask & (maps.cbv > MIN_WHITE_MATTER_VOLUME * median) & (maps.cbv < top) & (maps.cbf > 0)
    if not tissue.any():
        raise PerfusionError("No white matter was found in the CBV map: give a region.")
    low = tissue & (maps.cbv <= otsu_threshold(maps.cbv[tissue]))
    first, last = np.percentile(maps.cbv[low], (25, 75))
    return low & (maps.cbv >= first) & (maps.cbv <= last)


def relative_cbv(maps: PerfusionMaps, region: np.ndarray | None = None) -> np.ndarray:
    """Return CBV over its mean in ``region``, float32[z, y, x].

    ``region`` is bool[z, y, x]; ``white_matter`` by default. Raises ``PerfusionError`` if it does not fit or contains
    no blood volume.
    """
    region = white_matter(maps) if region is None else np.asarray(region) != 0
    if region.shape != maps.cbv.shape:
        raise PerfusionError(f"The reference region has the size {region.shape}, the maps {maps.cbv.shape} (z, y, x).")
    inside = region & maps.mask
    if not inside.any() or maps.cbv[inside].mean() <= 0:
        raise PerfusionError("The reference region holds no blood volume: mark normal-appearing white matter.")
    return (maps.cbv / maps.cbv[inside].mean(dtype=np.float64)).astype(np.float32)
