"""What helps to read the maps of a brain: where they are not those of tissue, where blood is late, the other side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dsc_superres.geometry import Geometry
from dsc_superres.perfusion.hypoperfusion import find_hypoperfusion
from dsc_superres.perfusion.map_scales import MEDIAN_TO_WHITE_MATTER
from dsc_superres.perfusion.midline import Midline, find_midline
from dsc_superres.perfusion.tissue_regions import find_tissue_regions
from dsc_superres.perfusion.white_matter import WhiteMatterReference

FLUID, VESSELS = "fluid", "vessels"
LATE, CORE = "tmax_above_6s", "cbf_below_30_percent"
REGIONS = {FLUID: "fluid", VESSELS: "large vessels", LATE: "Tmax > 6 s", CORE: "CBF < 30 %"}
"""Regions that are found in all maps, with their titles."""


@dataclass(frozen=True, eq=False)
class ReadingAids:
    """Regions bool[z, y, x] by the names of ``REGIONS``, the plane between the hemispheres, and volumes for JSON."""

    regions: Mapping[str, np.ndarray]
    midline: Midline
    record: Mapping[str, object]


def find_reading_aids(
    maps: Mapping[str, np.ndarray],
    baseline: np.ndarray,
    mask: np.ndarray,
    geometry: Geometry,
    reference: WhiteMatterReference | None,
    interval: float,
) -> ReadingAids:
    """Return the regions and volumes of the maps "cbv", "cbf", "ttp" and "tmax", each float[z, y, x] in its unit.

    ``baseline`` [z, y, x] is the signal before the bolus, ``mask`` bool[z, y, x] the brain, ``interval`` that of the
    frames in s. Without a ``reference``, white matter's blood volume is taken from the median of the brain.
    """
    midline = find_midline(mask, geometry)
    white = maps["cbv"][reference.region] if reference is not None and reference.region.any() else None
    level = float(np.median(maps["cbv"][mask])) / MEDIAN_TO_WHITE_MATTER if white is None else float(np.median(white))
    tissue = find_tissue_regions(maps, baseline, mask, geometry, midline, white_matter=level, interval=interval)
    late = find_hypoperfusion(maps["tmax"], maps["cbf"], mask & ~tissue.fluid & ~tissue.vessels, geometry, midline)
    return ReadingAids(
        {FLUID: tissue.fluid, VESSELS: tissue.vessels, LATE: late.late, CORE: late.core},
        midline,
        {
            "hypoperfusion": late.record(),
            "midline": {"normal_lps": midline.normal.tolist(), "offset_mm": midline.offset},
        },
    )
