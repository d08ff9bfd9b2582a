"""The arterial inputs of a result as the worker described them: that of its maps, and the candidates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..Result import Result
from .Maps import SOURCES, aifCandidates, aifGrid, mapsProvenance


@dataclass(frozen=True, eq=False)
class ContinuousCurve:
    """An arterial input in continuous time: curve and its standard deviation (1/s) at times (s), float64[n] all.

    The standard deviation is that of the fit to samples and tissue, or of the mean of the voxels; 0 where neither is
    known.
    """

    times: np.ndarray
    curve: np.ndarray
    sd: np.ndarray


@dataclass(frozen=True, eq=False)
class ArterialCurve:
    """An arterial input: curve (1/s) at times (s), voxels int[k, 3] (z, y, x) of ``source``, score 0..1 or None.

    ``between`` is the curve between these samples, where it is known.
    """

    times: np.ndarray
    curve: np.ndarray
    voxels: np.ndarray
    source: str
    score: float | None
    origin: str
    warnings: tuple[str, ...] = ()
    between: ContinuousCurve | None = None

    def sameVoxels(self, other: ArterialCurve) -> bool:
        """Return whether ``other`` is the mean of the same voxels."""
        same = self.source == other.source and self.voxels.shape == other.voxels.shape
        return bool(same and len(self.voxels) and (self.voxels == other.voxels).all())


def arterialInput(result: Result) -> ArterialCurve | None:
    """Return the arterial input function of the maps; None if there are no maps."""
    for source in SOURCES:
        provenance = mapsProvenance(result, source)
        if provenance.get("aif"):
            between = _between(provenance.get("aif_between_samples"))
            return replace(_arterial(provenance["aif"], aifGrid(result)), between=between)
    return None


def candidates(result: Result) -> list[ArterialCurve]:
    """Return the arterial inputs that were found, best first; empty if none were searched."""
    found = aifCandidates(result)
    return [_arterial(described, found["source"]) for described in found.get("candidates", ())]


def bolusTimes(result: Result) -> tuple[float, float, float, float] | None:
    """Return start and end of the baseline, arrival and peak of the bolus (s); None if there are no maps."""
    for source in SOURCES:
        found = mapsProvenance(result, source)
        if found:
            first, last = found.get("baseline_s") or _frameTimes(result, source, found["baseline_frames"])
            return first, last, found["bolus_arrival_s"], found["bolus_peak_s"]
    return None


def _arterial(described: dict, source: str) -> ArterialCurve:
    return ArterialCurve(
        np.array(described["times_s"], float),
        np.array(described["delta_r2star"], float),
        np.array(described["voxels_zyx"], int).reshape(-1, 3),
        source,
        described.get("score"),
        described.get("source", ""),
        tuple(described.get("warnings", ())),
    )


def _between(record: dict | None) -> ContinuousCurve | None:
    """Return the curve between the samples; None in results of methods or versions that did not record it."""
    if not record or "delta_r2star" not in record:
        return None
    times, curve = (np.array(record[name], float) for name in ("times_s", "delta_r2star"))
    return ContinuousCurve(times, curve, np.array(record.get("delta_r2star_sd", np.zeros_like(curve)), float))


def _frameTimes(result: Result, source: str, frames: list[int]) -> tuple[float, float]:
    times = result.times(source)
    return tuple(float(times[min(frame, len(times) - 1)]) for frame in frames)
