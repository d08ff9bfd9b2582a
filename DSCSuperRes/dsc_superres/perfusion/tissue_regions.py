"""Fluid and large vessels in the brain, whose values are not those of tissue.

Fluid holds hardly any blood; it is brighter than tissue before the bolus, or, like the ventricles, the same on both
sides. Vessels hold as much blood as rich gray matter or more, and it flows as fast, but earlier (arteries) or later
(veins) than in tissue; they are narrow. Tumors have tissue's timing, late tissue of a stroke has less flow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from dsc_superres.geometry import Geometry
from dsc_superres.perfusion.midline import Midline

FLUID_VOLUME = 0.45
"""Largest CBV of fluid, as share of white matter's."""
FLUID_SIGNAL = 1.1
"""Least signal of fluid before the bolus, over the median of the brain's."""
VESSEL_RATIO = 1.1
"""Least CBV of a vessel over that of gray matter; its CBF is at least that of gray matter."""
GRAY_PERCENTILE = 80
"""Percentile of CBV and CBF in the brain that is gray matter's."""
VESSEL_LAG = 1.25
"""Least difference between the times to peak of a vessel and of most tissue in s."""
VESSEL_LAG_FRAMES = 0.8
"""The same in frame intervals, for coarse series, whose times to peak are less exact."""
VESSEL_WIDTH = 8.0
"""Largest width of a vessel in mm."""
SHADING = 25.0
"""Half the width in mm over which the usual signal before the bolus is averaged, as it changes with the coil."""


@dataclass(frozen=True, eq=False)
class TissueRegions:
    """Voxels of the brain that are not tissue, bool[z, y, x] each."""

    fluid: np.ndarray
    vessels: np.ndarray


def find_tissue_regions(
    maps: Mapping[str, np.ndarray],
    baseline: np.ndarray,
    mask: np.ndarray,
    geometry: Geometry,
    midline: Midline,
    *,
    white_matter: float,
    interval: float,
) -> TissueRegions:
    """Return fluid and vessels in the brain.

    Parameters
    ----------
    maps : mapping of str to float array, [z, y, x]
        "cbv" and "cbf" in any unit, "ttp" in s.
    baseline : float array, [z, y, x]
        Signal before the bolus.
    mask : bool array, [z, y, x]
        The brain.
    geometry : Geometry
    midline : Midline
        Of the brain.
    white_matter : float
        CBV of white matter, in the unit of the map.
    interval : float
        Frame interval of the series in s.
    """
    cbv, cbf, ttp = (maps[name] for name in ("cbv", "cbf", "ttp"))
    empty = mask & (cbv < FLUID_VOLUME * white_matter)
    bright = _without_shading(baseline, mask, geometry) > FLUID_SIGNAL
    fluid = empty & (bright | midline.mirrored(empty, geometry, within=empty))
    tissue = mask & ~fluid
    if not tissue.any():
        return TissueRegions(fluid, tissue)
    rich, fast = (np.percentile(values[tissue], GRAY_PERCENTILE) for values in (cbv, cbf))
    lag = np.abs(ttp - np.median(ttp[tissue])) > max(VESSEL_LAG, VESSEL_LAG_FRAMES * interval)
    vessels = tissue & (cbv > VESSEL_RATIO * rich) & (cbf > fast) & lag
    wide = np.stack([ndimage.binary_opening(plane, _disc(geometry)) for plane in vessels])
    return TissueRegions(fluid, vessels & ~wide)


def _without_shading(baseline: np.ndarray, mask: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Return the signal over its local level: the mean of values near that of the whole brain."""
    level = float(np.median(baseline[mask]))
    usual = np.clip(baseline, 0.6 * level, 1.4 * level)
    widths = (1, *(1 + 2 * round(SHADING / step) for step in geometry.spacing[1::-1]))
    weight = ndimage.uniform_filter(mask.astype(np.float32), widths, mode="constant")
    local = ndimage.uniform_filter(np.where(mask, usual, 0).astype(np.float32), widths, mode="constant")
    return np.where(mask, baseline * weight / np.maximum(local, 1e-6), 0)


def _disc(geometry: Geometry) -> np.ndarray:
    """Return a disc [y, x] as wide as the widest vessel, of at least three pixels."""
    reach = [max(round(0.5 * VESSEL_WIDTH / step), 1) for step in geometry.spacing[1::-1]]
    rows, columns = np.mgrid[-reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1]
    return np.hypot(rows / (reach[0] + 0.5), columns / (reach[1] + 0.5)) <= 1
