"""Blood volume relative to white matter, found automatically or given as a region."""

from __future__ import annotations

import numpy as np

from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion.maps import PerfusionMaps
from dsc_superres.perfusion.mask import otsu_threshold

VESSEL_PERCENTILE = 95
MIN_WHITE_MATTER_VOLUME = 0.3
"""White matter has at least this share of the median blood volume: below are fluid and necrosis."""


def white_matter(maps: PerfusionMaps) -> np.ndarray:
    """bool[z, y, x]: voxels that perfuse as white matter does, the middle half of the lower of two classes of CBV.

    Vessels (the highest CBV) and fluid (the lowest) are left out before. A guess for a start: prefer a region drawn in
    normal-appearing white matter of the other side. Raises ``PerfusionError`` where nothing is found.
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
    """float32[z, y, x]: CBV over its mean in ``region`` (bool[z, y, x]; found automatically unless given)."""
    region = white_matter(maps) if region is None else np.asarray(region) != 0
    if region.shape != maps.cbv.shape:
        raise PerfusionError(f"The reference region has the size {region.shape}, the maps {maps.cbv.shape} (z, y, x).")
    inside = region & maps.mask
    if not inside.any() or maps.cbv[inside].mean() <= 0:
        raise PerfusionError("The reference region holds no blood volume: mark normal-appearing white matter.")
    return (maps.cbv / maps.cbv[inside].mean(dtype=np.float64)).astype(np.float32)
