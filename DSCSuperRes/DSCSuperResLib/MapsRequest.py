"""How maps are to be computed, worked out from the parameters and checked before anything starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from dsc_superres.pipeline.jobs import DEVIATION

from dsc_superres.errors import PerfusionError

from .Scene.Aif import arterialVoxels, candidates
from .Scene.Maps import SOURCES, aifGrid
from .Scene.Result import Result
from .Scene.Segments import segmentMask
from .Scene.SequenceInput import readInput
from .Translation import _

if TYPE_CHECKING:
    from .Parameters import PerfusionParameters


@dataclass(frozen=True)
class MapsRequest:
    """Maps of all series of a result.

    voxels    the arterial input as voxels (z, y, x) of the series ``grid``; None where it is found, or in ``file``
    baseline  s, from and to; None where it is found
    end       s after the arrival at which the areas of CBV end; None where it is found
    """

    method: str = "bayes"
    leakage: str = "none"
    voxels: tuple[tuple[int, int, int], ...] | None = None
    grid: str = "truth"
    file: Path | None = None
    baseline: tuple[float, float] | None = None
    end: float | None = None

    def job(self, series: dict[str, dict], echoTime: float | None, outputFolder: str) -> dict[str, object]:
        """The worker's job file; ``series`` are file, times and geometry by source."""
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
        }
        return {name: value for name, value in fields.items() if value is not None}


def makeMapsRequest(chosen: PerfusionParameters, result: Result) -> MapsRequest:
    """What ``chosen`` asks for. Raises ``PerfusionError``, in one sentence."""
    voxels = _voxels(chosen, result)
    if voxels is not None and not len(voxels):
        raise PerfusionError(_("The arterial input holds no voxel of the series: mark at least one."))
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
    )


def echoTime(result: Result) -> float | None:
    """s, of the series of a result; None where it is not known."""
    return readInput(result.sequence("reconstruction")).echoTime


def sequences(result: Result) -> list[str]:
    """The sources that the result has series of, and the deviation of its reconstruction where that is there."""
    return [source for source in (*SOURCES, DEVIATION) if result.sequence(source) is not None]


def _voxels(chosen: PerfusionParameters, result: Result) -> np.ndarray | None:
    """int[k, 3] (z, y, x) of the series ``aifGrid``; None where the arterial input is found or in a file."""
    volume = result.sequence(aifGrid(result)).GetNthDataNode(0)
    if chosen.aif == "candidate":
        found = candidates(result)
        if not 0 <= chosen.candidate < len(found):
            raise PerfusionError(_("Choose one of the arterial inputs that were found, or let them be found first."))
        return found[chosen.candidate].voxels
    if chosen.aif == "segment":
        segmentation = chosen.aifSegmentation
        ids = segmentation.GetSegmentation().GetSegmentIDs() if segmentation is not None else ()
        if not ids:
            raise PerfusionError(_("Choose the segment that holds the artery."))
        segment = chosen.aifSegment if chosen.aifSegment in ids else ids[0]
        return np.argwhere(segmentMask(segmentation, segment, volume))
    if chosen.aif == "points":
        if chosen.aifPoints is None:
            raise PerfusionError(_("Choose the points that mark the artery."))
        return arterialVoxels(chosen.aifPoints, volume)
    return None
