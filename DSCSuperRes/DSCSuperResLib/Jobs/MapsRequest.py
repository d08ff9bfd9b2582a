"""The request for maps, made from the parameters and checked before the job starts."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import slicer

from dsc_superres.errors import PerfusionError
from dsc_superres.io import write_volume

from ..Scene.Maps.ArterialInput import candidates
from ..Scene.Maps.ArterialPoints import arterialVoxels
from ..Scene.Maps.Maps import SOURCES, aifGrid
from ..Scene.Result import UNCERTAINTY, Result
from ..Scene.Segments import segmentIds, segmentMask
from ..Scene.Sequences.SequenceInput import readInput
from ..Scene.Volumes import frameArray, geometryOf
from ..Translation import _

if TYPE_CHECKING:
    from ..Parameters import PerfusionParameters


BAYES = "bayes"
SVD = ("csvd", "osvd", "ssvd")
ADAPTIVE = ("csvd", "ssvd")
"""Methods whose threshold can be chosen from the interval and the noise of the series."""
OSCILLATION = ("osvd",)
"""Methods that limit the oscillation of the residue, and that have a form as published."""
FILES = ("aif", "mask", "reference", "vein")
"""Options of a job that are files, or may be."""
SETTINGS = "text.maps.settings"
"""Role of the text with the settings of maps that were computed anew."""


@dataclass(frozen=True, eq=False)
class MapsRequest:
    """Options of the maps of all series of a result. None: detected in the series, or the method's default.

    voxels       the arterial input function as voxels (z, y, x) of the series ``grid``
    file         a CSV file of it
    baseline     start and end, s
    end          end of the integration for CBV, s after the arrival of the bolus
    khOverRho    hematocrit factor over brain density, mL/g
    threshold    of the SVD methods, or "adaptive"
    oscillation  limit of oSVD
    asPublished  oSVD exactly as published
    spatialPrior of the Bayesian method
    mask         "auto", "none", or a mask file
    brain        bool[z, y, x] on the voxels of ``grid``, instead of ``mask``
    reference    "auto", "none", or a mask file of white matter
    white        bool[z, y, x] on the voxels of ``grid``, instead of ``reference``
    vein         a mask file of a large vein, to whose area the arterial input is scaled
    venous       bool[z, y, x] on the voxels of ``grid``, instead of ``vein``
    """

    method: str = "bayes"
    leakage: str = "none"
    voxels: tuple[tuple[int, int, int], ...] | None = None
    grid: str = "truth"
    file: Path | None = None
    baseline: tuple[float, float] | None = None
    end: float | None = None
    khOverRho: float | None = None
    threshold: float | str | None = None
    oscillation: float | None = None
    asPublished: bool = False
    spatialPrior: bool = True
    mask: str = "auto"
    brain: np.ndarray | None = None
    reference: str = "auto"
    white: np.ndarray | None = None
    vein: str | None = None
    venous: np.ndarray | None = None

    @property
    def masks(self) -> dict[str, np.ndarray]:
        """The masks that are written for the worker, bool[z, y, x] on the voxels of ``grid``, by option of the job."""
        found = {"mask": self.brain, "reference": self.white, "vein": self.venous}
        return {name: mask for name, mask in found.items() if mask is not None}

    def record(self) -> dict[str, object]:
        """Return the options as plain values for JSON: equal for equal maps.

        Masks and names of files, which may be those of patients, are checksums.
        """
        settings = self.job({}, None, "")
        for name in ("task", "inputs", "output"):
            settings.pop(name)
        for name in FILES:
            if settings.get(name) not in (None, "auto", "none"):
                settings[name] = zlib.crc32(settings[name].encode())
        checksums = {name: zlib.crc32(np.packbits(mask).tobytes()) for name, mask in self.masks.items()}
        return json.loads(json.dumps(settings | checksums))

    def job(self, series: dict[str, dict], echoTime: float | None, outputFolder: str) -> dict[str, object]:
        """Return the fields of the worker's job file; ``series`` are file, times, and geometry by role."""
        fields = {
            "task": "maps",
            "inputs": series,
            "output": outputFolder,
            "echo_time": echoTime,
            "method": self.method,
            "leakage": self.leakage,
            "aif": str(self.file) if self.file else None,
            "aif_voxels": self.voxels,
            "aif_series": self.grid if self.voxels else None,
            "baseline": self.baseline,
            "integration_end": self.end,
            "kh_over_rho": self.khOverRho,
            "threshold": self.threshold,
            "oscillation": self.oscillation,
            "as_published": self.asPublished,
            "spatial_prior": self.spatialPrior,
            "mask": self.mask,
            "reference": self.reference,
            "vein": self.vein,
        }
        return {name: value for name, value in fields.items() if value is not None}


def makeMapsRequest(chosen: PerfusionParameters, result: Result) -> MapsRequest:
    """Return the request for ``chosen``. Raises ``PerfusionError`` with one sentence."""
    voxels = chosenVoxels(chosen, result)
    if voxels is not None and not len(voxels):
        raise PerfusionError(_("The arterial input contains no voxel of the series: mark at least one."))
    file = Path(chosen.aifFile) if chosen.aif == "file" else None
    if file is not None and not file.is_file():
        raise PerfusionError(_("Choose a CSV file with the arterial input: columns time_s and delta_r2star."))
    return MapsRequest(
        method=chosen.method,
        leakage=chosen.leakage,
        voxels=None if voxels is None else tuple(tuple(map(int, voxel)) for voxel in voxels),
        grid=aifGrid(result),
        file=file,
        baseline=(chosen.baselineStart, chosen.baselineEnd) if chosen.ownBaseline else None,
        end=chosen.integrationEnd or None,
        khOverRho=chosen.khOverRho or None,
        threshold=_threshold(chosen),
        oscillation=(chosen.oscillation or None) if chosen.method in OSCILLATION else None,
        asPublished=chosen.asPublished and chosen.method in OSCILLATION,
        spatialPrior=chosen.spatialPrior,
        mask=_maskFile(chosen.mask, chosen.maskFile, _("Choose a file with the brain mask.")),
        brain=_brain(chosen, result),
        reference=_maskFile(chosen.reference, chosen.referenceFile, _("Choose a file with the white matter.")),
        white=_white(chosen, result),
        vein=_veinFile(chosen),
        venous=_venous(chosen, result),
    )


def noteSettings(result: Result, request: MapsRequest) -> None:
    """Note in the scene which settings the maps of ``result`` were computed with."""
    result.setText(SETTINGS, json.dumps(request.record()))


def hasSettings(result: Result, request: MapsRequest) -> bool:
    """Return whether the maps of ``result`` were computed with the settings of ``request``."""
    settings = result.record(SETTINGS) or MapsRequest(grid=request.grid).record()  # those of a run are the defaults
    return settings == request.record()


def writeMask(result: Result, request: MapsRequest, mask: np.ndarray, path: Path) -> None:
    """Write a mask of ``request``, bool[z, y, x] on its ``grid``, as a file."""
    geometry = geometryOf(result.sequence(request.grid).GetNthDataNode(0))
    write_volume(mask.astype(np.float32), geometry, path)


def echoTime(result: Result) -> float | None:
    """Return the echo time (s) of the series of a result; None if it is not known."""
    return readInput(result.sequence("reconstruction")).echoTime


def sequences(result: Result) -> list[str]:
    """Return the roles of the series that maps are computed from, and of the uncertainty of the reconstruction."""
    return [source for source in (*SOURCES, UNCERTAINTY) if result.sequence(source) is not None]


def chosenVoxels(chosen: PerfusionParameters, result: Result) -> np.ndarray | None:
    """Return the voxels of the chosen input, int[k, 3] (z, y, x) of the series ``aifGrid``; None: found, or a file.

    Raises ``PerfusionError`` with one sentence if something is still to be chosen.
    """
    volume = result.sequence(aifGrid(result)).GetNthDataNode(0)
    if chosen.aif == "candidate":
        found = candidates(result)
        if not 0 <= chosen.candidate < len(found):
            raise PerfusionError(_("Choose one of the detected arterial inputs, or compute automatic maps first."))
        return found[chosen.candidate].voxels
    if chosen.aif == "segment":
        segmentation = chosen.aifSegmentation
        ids = segmentation.GetSegmentation().GetSegmentIDs() if segmentation is not None else ()
        if len(ids) != 1 and chosen.aifSegment not in ids:
            raise PerfusionError(_("Choose the segment that contains the artery."))
        segment = chosen.aifSegment if chosen.aifSegment in ids else ids[0]
        return np.argwhere(segmentMask(segmentation, segment, volume))
    if chosen.aif == "points":
        if chosen.aifPoints is None:
            raise PerfusionError(_("Choose the points that mark the artery."))
        return arterialVoxels(chosen.aifPoints, volume)
    return None


def _threshold(chosen: PerfusionParameters) -> float | str | None:
    """Return the threshold, or None if the method has none."""
    if chosen.method in ADAPTIVE and chosen.adaptiveThreshold:
        return "adaptive"
    return (chosen.threshold or None) if chosen.method in SVD else None


def _maskFile(source: str, file: str, question: str) -> str:
    """Return the option of a mask: "none", a file, or "auto". Raises ``PerfusionError`` without the file."""
    if source != "file":
        return "none" if source == "none" else "auto"
    if not Path(file).is_file():
        raise PerfusionError(question)
    return str(Path(file).absolute())


def _brain(chosen: PerfusionParameters, result: Result) -> np.ndarray | None:
    """Return the segments of the brain as bool[z, y, x] on the series ``aifGrid``; None if unused."""
    if chosen.mask != "segmentation":
        return None
    if chosen.maskSegmentation is None:
        raise PerfusionError(_("Choose the segmentation of the brain."))
    brain = _visibleSegments(chosen.maskSegmentation, result)
    if not brain.any():
        raise PerfusionError(_("The segmentation of the brain covers no voxel of the series."))
    return brain


def _white(chosen: PerfusionParameters, result: Result) -> np.ndarray | None:
    """Return the segments of white matter as bool[z, y, x] on the series ``aifGrid``; None if unused."""
    if chosen.reference != "segmentation":
        return None
    if chosen.referenceSegmentation is None:
        raise PerfusionError(_("Choose the segmentation of the white matter."))
    white = _visibleSegments(chosen.referenceSegmentation, result)
    if not white.any():
        raise PerfusionError(_("The segmentation of the white matter covers no voxel of the series."))
    return white


def _veinFile(chosen: PerfusionParameters) -> str | None:
    """Return the file with the vein; None if it is drawn or not used. Raises ``PerfusionError`` without the file."""
    if chosen.vein != "file":
        return None
    return _maskFile(chosen.vein, chosen.veinFile, _("Choose a file with the vein."))


def _venous(chosen: PerfusionParameters, result: Result) -> np.ndarray | None:
    """Return the segments or points of the vein as bool[z, y, x] on the series ``aifGrid``; None if unused."""
    if chosen.vein not in ("segmentation", "points"):
        return None
    drawn = chosen.vein == "segmentation"
    marks = chosen.veinSegmentation if drawn else chosen.veinPoints
    if marks is None:
        missing = _("Choose the segmentation of the vein.") if drawn else _("Choose the points in the vein.")
        raise PerfusionError(missing)
    if drawn:
        vein = _visibleSegments(marks, result)
    else:
        volume = result.sequence(aifGrid(result)).GetNthDataNode(0)
        vein = np.zeros(frameArray(volume).shape, bool)
        vein[tuple(arterialVoxels(marks, volume).T)] = True
    if not vein.any():
        raise PerfusionError(_("The vein contains no voxel of the series: mark at least one."))
    return vein


def _visibleSegments(segmentation: slicer.vtkMRMLSegmentationNode, result: Result) -> np.ndarray:
    """Return the visible segments as bool[z, y, x] on the series ``aifGrid``."""
    volume = result.sequence(aifGrid(result)).GetNthDataNode(0)
    inside = np.zeros(frameArray(volume).shape, bool)
    for one in segmentIds(segmentation):
        inside |= segmentMask(segmentation, one, volume)
    return inside
