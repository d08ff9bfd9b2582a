"""Maps as the worker leaves them in a folder, for a result of ``result_sample``: known values on its grids."""

import json

import numpy as np
from result_sample import TIMES, volume

from dsc_superres.io import write_volume
from DSCSuperResLib.Scene.Maps.Maps import addMaps
from DSCSuperResLib.Scene.Volumes import geometryOf

SHAPE = (4, 12, 16)
BRAIN = (slice(1, 3), slice(2, 10), slice(4, 12))
OFFSET = {"truth": 0.0, "reconstruction": 0.5, "input": -1.0}
"""How much the maps of each source are above the truth, everywhere in the brain."""
ARTERY = [[1, 4, 6], [1, 4, 8], [2, 6, 6]]


def brain(pixel: int = 1) -> np.ndarray:
    """bool[z, y, x]: where maps are computed, in voxels of ``pixel`` times 2 mm."""
    mask = np.zeros(SHAPE, bool)
    mask[BRAIN] = True
    return mask[:, ::pixel, ::pixel]


def values(name: str, source: str, pixel: int = 1) -> np.ndarray:
    """float32[z, y, x]: the map of ``name`` from ``source``; the same number in each block of 2 x 2 pixels."""
    level = {"cbv": 4.0, "cbf": 60.0, "mtt": 4.0, "ttp": 8.0, "tmax": 1.0}.get(name.removesuffix("_sd"), 1.0)
    level *= 0.1 if name.endswith("_sd") else 1.0
    block = np.arange(48, dtype=np.float32).reshape(6, 8).repeat(2, 0).repeat(2, 1) / 100
    found = (level + block + OFFSET[source])[None].repeat(SHAPE[0], 0)
    return np.where(brain(), found, 0).astype(np.float32)[:, ::pixel, ::pixel]


def regions(pixel: int = 1) -> dict[str, np.ndarray]:
    """bool[z, y, x] by name: late tissue with its core, a vessel, and fluid, in voxels of ``pixel`` times 2 mm."""
    found = {name: np.zeros(SHAPE, bool) for name in ("tmax_above_6s", "cbf_below_30_percent", "vessels", "fluid")}
    found["tmax_above_6s"][1, 2:8, 4:6] = found["cbf_below_30_percent"][1, 4:6, 4:6] = True
    found["vessels"][2, 2:4, 8:10] = found["fluid"][2, 6:8, 6:8] = True
    return {name: one[:, ::pixel, ::pixel] for name, one in found.items()}


def curve(shift: float = 0.0) -> np.ndarray:
    """An arterial curve at TIMES, 1/s."""
    return 60 * np.exp(-0.5 * ((TIMES - 4 - shift) / 1.0) ** 2)


def artery(shift: float = 0.0, score: float = 0.9) -> dict:
    """An arterial input as provenance tells it."""
    return {
        "source": "automatic, 3 voxels",
        "voxels_zyx": ARTERY,
        "times_s": TIMES.tolist(),
        "delta_r2star": curve(shift).tolist(),
        "score": score,
    }


def writeMaps(folder, source: str, names=("cbv", "cbf", "mtt", "ttp", "tmax", "cbv_sd")) -> None:
    """The worker's folder of maps of one source."""
    folder.mkdir()
    pixel = 2 if source == "input" else 1
    geometry = geometryOf(volume(np.zeros(SHAPE, np.float32)[:, ::pixel, ::pixel], pixel))
    for name in names:
        write_volume(values(name, source, pixel), geometry, folder / f"{name}.nii.gz")
    write_volume(brain(pixel).astype(np.float32), geometry, folder / "mask.nii.gz")
    (folder / "regions").mkdir()
    for name, region in regions(pixel).items():
        write_volume(region.astype(np.float32), geometry, folder / "regions" / f"{name}.nii.gz")
    warnings = [f"The maps use {30 + pixel} s after the bolus' arrival."]
    if source == "input":
        warnings.append("Only 4 frames precede the bolus.")
    described = {
        "method": "posterior over a dictionary",
        "aif": artery(),
        "aif_candidates": [artery(), artery(1.5, 0.6)],
        "baseline_frames": [0, 5],
        "bolus_arrival_s": 3.5,
        "bolus_peak_s": 6.0,
        "warnings": warnings,
    }
    (folder / "provenance.json").write_text(json.dumps(described))


def addAllMaps(result, folder) -> None:
    """Maps of all sources of ``result``, as a run adds them."""
    for source in ("truth", "input", "reconstruction"):
        if result.sequence(source) is not None:
            writeMaps(folder / f"maps_{source}", source)
            for _fraction in addMaps(result, folder / f"maps_{source}", source):
                pass
