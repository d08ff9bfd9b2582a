"""The range of values over which a map is shown in color: as in a clinic, with round numbers at its ticks.

Times have the same range for every patient. Volumes and flows do, too, where the arterial input is beyond doubt; else
they end at a multiple of their value in white matter, as relative maps do. Fluid and vessels, whose values are extreme
or nothing but noise, do not change a scale.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

SECONDS = {"tmax": 10.0, "mtt": 20.0}
"""Upper ends of the scales of times in s; a Tmax above 6 s, as in hypoperfused tissue, is clearly within."""
RELATIVE_LIMIT = 4.0
"""Upper end of relative maps: white matter is 1, gray matter 2 to 3, many tumors are above."""
ABSOLUTE = {"cbv": 8.0, "cbf": 80.0}
"""Upper ends of CBV (mL/100 g) and CBF (mL/100 g/min) at a trusted scale: four times usual white matter."""
LARGEST_MISFIT = 2.5
"""Factor by which white matter may differ from a quarter of ``ABSOLUTE`` where that is used."""
MEDIAN_TO_WHITE_MATTER = 1.5
"""The median of a brain over that of its white matter, where no white matter is known."""
AFTER_PEAK = 10.0
"""Time in s after the usual peak up to which late tissue peaks."""
TICK_OF_TIMES = 4.0
NEGATIVE_TMAX = -0.5
"""Tmax in s below which tissue is ahead of the artery by more than what noise does."""
NEGATIVE_SHARE = 0.1
"""Share of the brain with such a Tmax from which the scale of Tmax is signed."""
SD_PERCENTILE = 90
"""Percentile of a standard deviation at which its scale ends, for times at most at that of its map."""
COEFFICIENT_PERCENTILE = 95
"""Percentile of the size of leakage coefficients at which their scale ends."""
ROUND = (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 4.8, 6, 8, 10)
"""Upper ends whose quarters are short numbers, times a power of ten."""


@dataclass(frozen=True)
class MapScale:
    """Values with the first and the last color, in the unit of the map."""

    lower: float
    upper: float

    @property
    def is_signed(self) -> bool:
        """Whether values on both sides of zero are told apart."""
        return self.lower < 0


def map_scale(name: str, values: np.ndarray, provenance: Mapping[str, Any]) -> MapScale:
    """Return the scale of the map ``name`` ("cbv", "tmax", "cbv_sd", ...).

    Parameters
    ----------
    name : str
    values : float array
        Values of the map where it was computed, in any order; NaN is left out.
    provenance : mapping
        That of the maps (``PerfusionMaps.provenance``): the white matter, the bolus, and whether the scale is trusted.

    Examples
    --------
    >>> map_scale("tmax", np.array([0.5, 1.0, 7.0]), {})
    MapScale(lower=0.0, upper=10.0)
    >>> map_scale("cbf", np.full(9, 400.0), {"absolute_scale_trusted": False})
    MapScale(lower=0.0, upper=1200.0)
    """
    values = np.asarray(values, np.float64)
    values = values[np.isfinite(values)]
    if name.endswith("_sd"):
        typical = round_up(float(np.percentile(values, SD_PERCENTILE)) if values.size else 0.0)
        return MapScale(0.0, min(typical, SECONDS.get(name.removesuffix("_sd"), math.inf)))
    if name == "tmax":
        return MapScale(-SECONDS[name] if mostly_early(values) else 0.0, SECONDS[name])
    if name in SECONDS:
        return MapScale(0.0, SECONDS[name])
    if name == "ttp":
        return MapScale(0.0, _last_peak(provenance))
    if name in ABSOLUTE:
        return MapScale(0.0, _volume_or_flow(name, values, provenance))
    if name in ("rcbv", "rcbf"):
        return MapScale(0.0, RELATIVE_LIMIT)
    limit = round_up(float(np.percentile(np.abs(values), COEFFICIENT_PERCENTILE))) if values.size else 1.0
    return MapScale(-limit, limit)


def early_share(tmax: np.ndarray) -> float:
    """Return the share of ``tmax`` (s) in which tissue is ahead of the artery by more than noise; NaN is left out."""
    tmax = np.asarray(tmax)[np.isfinite(tmax)]
    return float(np.mean(tmax < NEGATIVE_TMAX)) if tmax.size else 0.0


def mostly_early(tmax: np.ndarray) -> bool:
    """Return whether so much of ``tmax`` (s) is negative that its sign has to be shown."""
    return early_share(tmax) > NEGATIVE_SHARE


def round_up(value: float) -> float:
    """Return the next number above whose quarters are short (``ROUND``); 1 unless ``value`` is positive.

    >>> round_up(51.3), round_up(0.021)
    (60.0, 0.024)
    """
    if not 0 < value < math.inf:
        return 1.0
    power = math.floor(math.log10(value))
    step = next(step for step in ROUND if step * 10.0**power >= value * (1 - 1e-9))
    return float(f"{step * 10.0**power:.6g}")


def tick_decimals(lower: float, upper: float, ticks: int = 5) -> int:
    """Return how many decimals evenly spaced ticks from ``lower`` to ``upper`` need, at most three digits of the range.

    >>> tick_decimals(0, 1600), tick_decimals(-10, 10), tick_decimals(0, 3), tick_decimals(0, 7.913)
    (0, 0, 2, 2)
    """
    values = np.linspace(lower, upper, ticks)
    span = float(np.abs(values).max())
    most = max(2 - math.floor(math.log10(span)), 0) if span > 0 else 0
    exact = (n for n in range(most) if np.allclose(np.round(values, n), values, rtol=0, atol=1e-6 * span))
    return next(exact, most)


def _last_peak(provenance: Mapping[str, Any]) -> float:
    """Return the upper end of the scale of TTP in s: ``AFTER_PEAK`` after the peak of the mean curve."""
    arrival, peak = provenance.get("bolus_arrival_s"), provenance.get("bolus_peak_s")
    usual = 0.0 if arrival is None or peak is None else max(peak - arrival, 0.0)
    return TICK_OF_TIMES * math.ceil((usual + AFTER_PEAK) / TICK_OF_TIMES)


def _volume_or_flow(name: str, values: np.ndarray, provenance: Mapping[str, Any]) -> float:
    """Return the upper end of the scale of CBV or CBF: that of a clinic, or a multiple of white matter's value."""
    white = _white_matter(name, values, provenance)
    usual = ABSOLUTE[name] / RELATIVE_LIMIT
    credible = white is not None and usual / LARGEST_MISFIT <= white <= usual * LARGEST_MISFIT
    if white is None or (credible and provenance.get("absolute_scale_trusted", True)):
        return ABSOLUTE[name]
    return round_up(RELATIVE_LIMIT * white)


def _white_matter(name: str, values: np.ndarray, provenance: Mapping[str, Any]) -> float | None:
    """Return the value of white matter: of the reference, else about, from the median of the brain; None if unknown."""
    unit = {"cbv": "ml_per_100g", "cbf": "ml_per_100g_per_min"}[name]
    reference = provenance.get("reference") or {}
    known = reference.get(f"median_{name}_{unit}") if isinstance(reference, Mapping) else None
    if known:
        return float(known)
    return float(np.median(values)) / MEDIAN_TO_WHITE_MATTER if values.size and np.median(values) > 0 else None
