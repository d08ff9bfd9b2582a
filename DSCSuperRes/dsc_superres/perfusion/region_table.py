"""Statistics of maps in regions, compared with the same region of the other hemisphere and with white matter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np

from dsc_superres.geometry import Geometry
from dsc_superres.perfusion.map_units import EXTRA_UNITS, UNITS
from dsc_superres.perfusion.midline import Midline
from dsc_superres.perfusion.perfusion_maps import PerfusionMaps
from dsc_superres.perfusion.reading_aids import REGIONS

DIFFERENCES = ("ttp", "tmax")
"""Maps that are compared by their difference in s: their zero is that of a clock, so that a ratio means nothing."""


@dataclass(frozen=True)
class RegionStatistics:
    """One map in one region, in the unit of the map; NaN where there is nothing to measure.

    region                region and map by name
    map
    unit
    voxels                computed voxels of the region
    volume_ml             their volume
    mean, sd, median      of the map
    mirrored_mean         mean of the same region on the other side, without what belongs to the region itself
    ratio_to_mirrored     mean over ``mirrored_mean``
    difference_to_mirrored  mean minus ``mirrored_mean``
    ratio_to_white_matter   mean over the mean of the white matter of relative maps
    """

    region: str
    map: str
    unit: str
    voxels: int
    volume_ml: float
    mean: float
    sd: float
    median: float
    mirrored_mean: float
    ratio_to_mirrored: float
    difference_to_mirrored: float
    ratio_to_white_matter: float


COLUMNS = tuple(field.name for field in fields(RegionStatistics))


def region_statistics(
    name: str,
    region: np.ndarray,
    map_name: str,
    values: np.ndarray,
    *,
    mirrored: np.ndarray,
    white_matter: np.ndarray | None,
    voxel_ml: float,
) -> RegionStatistics:
    """Return the statistics of values[z, y, x] in ``region``; NaN in ``values`` is what was not computed.

    ``mirrored`` is the region on the other side, ``white_matter`` that of relative maps, bool[z, y, x] each.
    """
    inside, other = _measured(values, region), _measured(values, mirrored & ~region)
    white = _measured(values, white_matter) if white_matter is not None else np.zeros(0)
    mean, mirrored_mean, white_mean = (_mean(one) for one in (inside, other, white))
    is_time = map_name.removesuffix("_sd") in DIFFERENCES
    return RegionStatistics(
        region=name,
        map=map_name,
        unit=(UNITS | EXTRA_UNITS)[map_name],
        voxels=inside.size,
        volume_ml=inside.size * voxel_ml,
        mean=mean,
        sd=float(inside.std(dtype=np.float64)) if inside.size else np.nan,
        median=float(np.median(inside)) if inside.size else np.nan,
        mirrored_mean=mirrored_mean,
        ratio_to_mirrored=np.nan if is_time else _ratio(mean, mirrored_mean),
        difference_to_mirrored=mean - mirrored_mean,
        ratio_to_white_matter=np.nan if is_time else _ratio(mean, white_mean),
    )


def mirrored_region(region: np.ndarray, mask: np.ndarray, geometry: Geometry, midline: Midline) -> np.ndarray:
    """Return ``region`` on the other side of ``midline`` within the brain ``mask``, bool[z, y, x] each."""
    return midline.mirrored(region, geometry, within=mask)


def region_table(
    maps: PerfusionMaps, midline: Midline, geometry: Geometry, regions: Mapping[str, np.ndarray]
) -> Iterator[RegionStatistics]:
    """Yield a row for each of ``regions``, bool[z, y, x] by title, and each map without its standard deviation."""
    white = None if maps.reference is None else maps.reference.region
    shown = {name: values for name, values in maps.as_dict().items() if not name.endswith("_sd")}
    for title, region in regions.items():
        inside = region & maps.mask
        mirrored = mirrored_region(inside, maps.mask, geometry, midline)
        for name, values in shown.items():
            computed = np.where(maps.mask & ((name != "mtt") | (values != 0)), values, np.nan)
            yield region_statistics(
                title,
                inside,
                name,
                computed,
                mirrored=mirrored,
                white_matter=white,
                voxel_ml=float(np.prod(geometry.spacing)) / 1000,
            )


def regions_of(maps: PerfusionMaps) -> dict[str, np.ndarray]:
    """Return the regions that belong to the maps themselves by title: brain, white matter, and ``REGIONS``."""
    found = {"brain": maps.mask}
    if maps.reference is not None:
        found["white matter"] = maps.reference.region
    return found | {title: maps.regions[name] for name, title in REGIONS.items() if name in maps.regions}


def csv_text(rows: Iterator[RegionStatistics]) -> str:
    """Return rows as comma-separated text with a header; what is NaN is left empty."""
    lines = [",".join(COLUMNS)]
    for row in rows:
        cells = (_cell(value) for value in asdict(row).values())
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.6g}"
    text = str(value)
    return f'"{text}"' if "," in text else text


def _measured(values: np.ndarray, region: np.ndarray) -> np.ndarray:
    found = values[region]
    return found[np.isfinite(found)]


def _mean(values: np.ndarray) -> float:
    return float(values.mean(dtype=np.float64)) if values.size else np.nan


def _ratio(value: float, other: float) -> float:
    return value / other if other > 0 else np.nan
