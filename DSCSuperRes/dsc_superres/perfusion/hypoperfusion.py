"""Tissue whose blood arrives late, and tissue with hardly any flow: volumes and mismatch, for research only.

The thresholds are those of the published trials of stroke: Tmax above 6 s for critically hypoperfused tissue (Olivot
2009, Straka 2010, Albers 2018), CBF below 30 % of normal tissue's for the core (Campbell 2011, Albers 2018: there from
computed tomography; with MR imaging the core is measured by diffusion). They depend on scanner and deconvolution, and
nobody has validated them for this software.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from dsc_superres.geometry import Geometry
from dsc_superres.perfusion.midline import Midline

LATE_TMAX = 6.0
"""Tmax in s above which tissue counts as hypoperfused."""
CORE_SHARE = 0.3
"""Share of normal tissue's CBF below which hypoperfused tissue counts as core."""
LEAST_VOLUME = 1.0
"""Least volume in mL of a connected part of late tissue; smaller ones are noise."""
LEAST_CORE = 0.2
"""The same of a core, which lies within late tissue, where there is less to be mistaken for it."""
NOTICE = "for research only: not for decisions on treatment"


@dataclass(frozen=True, eq=False)
class Hypoperfusion:
    """Late tissue and the core within it.

    late        bool[z, y, x]: Tmax above ``LATE_TMAX``
    core        bool[z, y, x]: CBF below ``CORE_SHARE`` of ``normal_cbf``, among or enclosed by late tissue
    normal_cbf  mean CBF of normal tissue, in the unit of the map; NaN without normal tissue
    voxel_ml    volume of a voxel in mL
    """

    late: np.ndarray
    core: np.ndarray
    normal_cbf: float
    voxel_ml: float

    @property
    def late_ml(self) -> float:
        """Volume with Tmax above 6 s in mL."""
        return float(np.count_nonzero(self.late) * self.voxel_ml)

    @property
    def core_ml(self) -> float:
        """Volume with CBF below 30 % of normal in mL."""
        return float(np.count_nonzero(self.core) * self.voxel_ml)

    @property
    def mismatch_ml(self) -> float:
        """Late tissue that is not core in mL."""
        return float(np.count_nonzero(self.late & ~self.core) * self.voxel_ml)

    @property
    def mismatch_ratio(self) -> float | None:
        """Late volume over core volume; None without a core."""
        return self.late_ml / self.core_ml if self.core_ml > 0 else None

    def record(self) -> dict[str, object]:
        """Return the numbers as plain values for JSON."""
        ratio = self.mismatch_ratio
        return {
            "tmax_above_6s_ml": round(self.late_ml, 3),
            "cbf_below_30_percent_ml": round(self.core_ml, 3),
            "mismatch_ml": round(self.mismatch_ml, 3),
            "mismatch_ratio": None if ratio is None else round(ratio, 3),
            "normal_cbf_ml_per_100g_per_min": None if np.isnan(self.normal_cbf) else round(self.normal_cbf, 3),
            "least_late_part_ml": LEAST_VOLUME,
            "least_core_part_ml": LEAST_CORE,
            "notice": NOTICE,
        }


def find_hypoperfusion(
    tmax: np.ndarray, cbf: np.ndarray, tissue: np.ndarray, geometry: Geometry, midline: Midline
) -> Hypoperfusion:
    """Return late tissue and its core.

    Parameters
    ----------
    tmax, cbf : float array, [z, y, x]
        Time to the maximum of the residue in s; flow in any unit, whose factor does not matter.
    tissue : bool array, [z, y, x]
        The brain without fluid and vessels.
    geometry : Geometry
    midline : Midline
        Of the brain: normal tissue is that without late arrival on the side with less of it.

    Notes
    -----
    Where flow is nearly zero, Tmax is not determined: what late tissue encloses in a slice may be core as well, and is
    then late, too.
    """
    late = _large(tissue & (tmax > LATE_TMAX), geometry, LEAST_VOLUME)
    left = midline.distance(tmax.shape, geometry) > 0
    normal = tissue & ~late
    if late.any():
        affected = left if np.count_nonzero(late & left) >= np.count_nonzero(late & ~left) else ~left
        normal = normal & ~affected if (normal & ~affected).any() else normal
    normal_cbf = float(cbf[normal].mean(dtype=np.float64)) if normal.any() else float("nan")
    enclosed = np.stack([ndimage.binary_fill_holes(plane) for plane in late]) & tissue
    core = _large(enclosed & (cbf < CORE_SHARE * normal_cbf), geometry, LEAST_CORE)
    return Hypoperfusion(late | core, core, normal_cbf, float(np.prod(geometry.spacing)) / 1000)


def _large(region: np.ndarray, geometry: Geometry, least_ml: float) -> np.ndarray:
    """Return the connected parts of ``region`` with at least ``least_ml``."""
    labels, _ = ndimage.label(region)
    sizes = np.bincount(labels.ravel()) * np.prod(geometry.spacing) / 1000
    sizes[0] = 0
    return (sizes >= least_ml * (1 - 1e-9))[labels]
