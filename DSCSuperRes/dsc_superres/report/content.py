"""The content of a report: a case, the slice and the regions to show, and what is known of a simulated patient."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from dsc_superres.metrics import Scores
from dsc_superres.pipeline.case import Case
from dsc_superres.pipeline.case_options import CompareOptions, ReconstructOptions
from dsc_superres.report.plots import Region

if TYPE_CHECKING:
    from dsc_superres.phantom import DigitalPatient

ROI_RADIUS = 5.0
"""Radius of a region in mm, as a reader would draw it; larger regions average out what a voxel shows."""


@dataclass(frozen=True, eq=False)
class SimulationTruth:
    """Errors against the truth that is known for a digital patient.

    clean_scores  by model, and ``TRUTH`` for the noisy series: against the series without noise, in the brain
    map_errors    by model, and ``TRUTH`` for the maps of the noisy series: against the simulated perfusion
    maps          the simulated cbv, cbf, mtt and tmax [z, y, x] on the grid of the truth
    seed, lesion  of the patient
    """

    clean_scores: dict[str, Scores]
    map_errors: dict[str, dict[str, dict[str, float | None]]]
    maps: dict[str, np.ndarray]
    seed: int
    lesion: str


@dataclass(frozen=True, eq=False)
class ReportContent:
    """Everything that a report shows; ``z`` is the slice of the figures."""

    case: Case
    job: ReconstructOptions | CompareOptions
    z: int
    regions: list[Region] = field(default_factory=list)
    simulated: SimulationTruth | None = None


def find_regions(case: Case, patient: DigitalPatient | None = None) -> tuple[int, list[Region]]:
    """Return the slice to show and regions in it: artery, gray matter, white matter and lesion.

    For measured data, the regions are derived from the maps, and the whole brain is added; without maps there are none.
    Tissue regions are discs with radius ``ROI_RADIUS``.
    """
    name, series = case.finest
    if name not in case.maps:
        depth = series.size[2]
        return depth // 2 if case.mask is None else int(case.mask.sum(axis=(1, 2)).argmax()), []
    spacing = series.geometry.spacing
    classes = _tissue_classes(case, patient)
    brain = case.maps[name].mask
    z = int(brain.sum(axis=(1, 2)).argmax())
    if patient is None:
        z = slice_to_show(brain, _artery_mask(case, None, z))
    else:
        # The lesion, if any, is the last class.
        z = next((_innermost_voxel(mask, spacing)[0] for mask in reversed(classes.values()) if mask.any()), z)
    regions = {"Artery": _artery_mask(case, patient, z)}
    regions |= {name: _disc(mask, z, spacing) for name, mask in classes.items()}
    if patient is None:
        regions["Whole brain"] = brain
    return z, [Region(name, mask) for name, mask in regions.items() if mask.any()]


def slice_to_show(brain: np.ndarray, artery: np.ndarray) -> int:
    """Return the slice with the most ``brain``, preferably one with voxels of ``artery`` that is not much smaller."""
    area = brain.sum(axis=(1, 2))
    artery_area = np.where(artery.any(axis=(1, 2)) & (area > 0.6 * area.max()), area, 0)
    return int((artery_area if artery_area.any() else area).argmax())


def _artery_mask(case: Case, patient: DigitalPatient | None, z: int) -> np.ndarray:
    """Return the voxels of the automatic arterial input or, for a digital patient, of the largest artery in slice z."""
    name, series = case.finest
    artery = np.zeros(series.signal.shape[1:], bool)
    if patient is None:
        artery[tuple(case.maps[name].aif.voxels.T)] = True
        return artery
    code = next(code for code, name in patient.names.items() if name == "artery")
    labels, count = ndimage.label((cropped(patient.tissue, case) == code)[z] & case.mask[z])
    if count:
        sizes = np.bincount(labels.ravel())
        artery[z] = labels == 1 + int(sizes[1:].argmax())
    return artery


def cropped(image: np.ndarray, case: Case) -> np.ndarray:
    """Return the part of a patient's image [z, y, x] that the ground truth of a case covers."""
    return image[:, : case.truth.size[1], : case.truth.size[0]]


def _tissue_classes(case: Case, patient: DigitalPatient | None) -> dict[str, np.ndarray]:
    """Return the voxels of each region's tissue by name, bool[z, y, x]."""
    maps = case.maps[case.finest[0]]
    if patient is None:
        inside = ndimage.binary_erosion(maps.mask, np.ones((1, 3, 3)))
        smooth = ndimage.gaussian_filter(maps.cbv, (0, 1.5, 1.5))
        low, middle, high, top = np.percentile(smooth[inside], (15, 45, 65, 90))
        return {
            "High blood volume (as in gray matter)": inside & (smooth > high) & (smooth < top),
            "Low blood volume (as in white matter)": inside & (smooth > low) & (smooth < middle),
        }
    tissue = cropped(patient.tissue, case)
    codes = {name: code for code, name in patient.names.items()}
    lesions = {"Tumor rim": "tumor rim", "Stroke core": "stroke core", "Stroke penumbra": "stroke penumbra"}
    classes = {"Gray matter": tissue == codes["gray"], "White matter": tissue == codes["white"]}
    lesion_classes = {title: tissue == codes[name] for title, name in lesions.items() if (tissue == codes[name]).any()}
    if lesion_classes:
        largest = max(lesion_classes, key=lambda title: np.count_nonzero(lesion_classes[title]))
        classes[f"Lesion: {largest.lower()}"] = lesion_classes[largest]
    return classes


def _innermost_voxel(mask: np.ndarray, spacing: tuple[float, float, float]) -> tuple[int, int, int]:
    """Return the index (z, y, x) of the voxel of ``mask`` that is farthest from its edge in plane."""
    depth = np.stack([ndimage.distance_transform_edt(plane, sampling=(spacing[1], spacing[0])) for plane in mask])
    return tuple(int(i) for i in np.unravel_index(depth.argmax(), depth.shape))


def _disc(mask: np.ndarray, z: int, spacing: tuple[float, float, float]) -> np.ndarray:
    """Return the voxels of ``mask`` in slice ``z`` near its innermost point there, bool[z, y, x]."""
    _, y, x = _innermost_voxel(mask[z : z + 1], spacing)
    rows, columns = np.indices(mask.shape[1:])
    disc = np.zeros_like(mask)
    disc[z] = mask[z] & (np.hypot((rows - y) * spacing[1], (columns - x) * spacing[0]) <= ROI_RADIUS)
    return disc
