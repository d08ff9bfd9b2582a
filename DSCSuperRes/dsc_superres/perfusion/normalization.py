"""Maps relative to white matter: CBV and CBF over their medians in a reference region.

Where an artery is measured too small, volumes and flows come out too high by one factor, which cancels in these maps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion.white_matter import WhiteMatterReference

if TYPE_CHECKING:
    from dsc_superres.geometry import Geometry
    from dsc_superres.perfusion.arterial_input import ArterialInput
    from dsc_superres.perfusion.perfusion_maps import PerfusionMaps

MADE_RELATIVE = ("cbv", "cbf")
"""Maps that have a relative one, called r and their name."""
LARGEST_MEDIAN_VOLUME = 0.08
"""Largest credible ratio of the brain's median blood volume to the artery's: blood fills 2 to 5 % of the brain."""


def relative_maps(maps: Mapping[str, np.ndarray], region: np.ndarray) -> dict[str, np.ndarray]:
    """Return "rcbv" and "rcbf", and their standard deviations if ``maps`` hold any, float32[z, y, x]; 1 in ``region``.

    ``region`` is bool[z, y, x]. The median of the region is taken as known. Raises ``PerfusionError`` if it does not
    fit or holds no blood volume or flow.
    """
    relative = {}
    for name in MADE_RELATIVE:
        level = reference_level(maps[name], region)
        for suffix in ("", "_sd"):
            if name + suffix in maps:
                relative[f"r{name}{suffix}"] = (maps[name + suffix] / level).astype(np.float32)
    return relative


def reference_level(values: np.ndarray, region: np.ndarray) -> float:
    """Return the median of values[z, y, x] in ``region``. Raises ``PerfusionError`` unless it is positive."""
    if region.shape != values.shape:
        raise PerfusionError(f"The reference region has the size {region.shape}, the maps {values.shape} (z, y, x).")
    level = float(np.median(values[region])) if region.any() else 0.0
    if not level > 0:
        raise PerfusionError("The reference region holds no blood volume: mark normal-appearing white matter.")
    return level


def relative_cbv(maps: PerfusionMaps, region: np.ndarray | None = None) -> np.ndarray:
    """Return CBV over its median in ``region``, float32[z, y, x].

    ``region`` is bool[z, y, x]; that of the maps' own reference by default. Raises ``PerfusionError`` if there is none,
    or as ``relative_maps``.
    """
    if region is None and maps.reference is None:
        raise PerfusionError("The maps have no white matter that they could be relative to: give a region.")
    region = maps.reference.region if region is None else np.asarray(region) != 0
    return relative_maps({"cbv": maps.cbv, "cbf": maps.cbf}, region)["rcbv"]


def trusted_scale(cbv: np.ndarray, aif: ArterialInput, kh_over_rho: float) -> bool:
    """Return whether absolute values are right: no doubt about the artery, and a credible median of cbv[n]."""
    return not aif.warnings and float(np.median(cbv)) <= 100 * kh_over_rho * LARGEST_MEDIAN_VOLUME


def reference_record(
    reference: WhiteMatterReference, maps: Mapping[str, np.ndarray], geometry: Geometry
) -> dict[str, object]:
    """Return how the reference was found, its size and its medians, as plain values for JSON."""
    region = reference.region
    levels = {name: reference_level(maps[name], region) for name in MADE_RELATIVE}
    spread = np.subtract(*np.percentile(maps["cbv"][region], (75, 25))) / levels["cbv"]
    return {
        "tissue": "normal-appearing white matter",
        "source": reference.source,
        "side": reference.side,
        "voxels": int(np.count_nonzero(region)),
        "volume_ml": round(float(np.count_nonzero(region) * np.prod(geometry.spacing) / 1000), 3),
        "slices": np.flatnonzero(region.any(axis=(1, 2))).tolist(),
        "median_cbv_ml_per_100g": levels["cbv"],
        "median_cbf_ml_per_100g_per_min": levels["cbf"],
        "spread_of_cbv": round(float(spread), 3),
    }
