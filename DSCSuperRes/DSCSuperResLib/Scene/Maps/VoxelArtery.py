"""The arterial input of any voxels of a result, computed at once from the scene as the worker would compute it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from vtk.util.numpy_support import vtk_to_numpy

from dsc_superres.perfusion import Bolus, delta_r2star
from dsc_superres.perfusion.aif_selection import arterial_score, curve_shape
from dsc_superres.perfusion.concentration import ASSUMED_ECHO_TIME
from dsc_superres.perfusion.maps import chosen_baseline
from dsc_superres.perfusion.slice_offsets import mean_curve

from ...Translation import _
from ..Curves.Curves import findBaseline
from ..Result import Result
from ..Sequences.SequenceInput import readInput
from .ArterialInput import ArterialCurve, ContinuousCurve, arterialInput, bolusTimes
from .Maps import aifGrid, computedVoxels, mapsProvenance

TISSUE_VOXELS = 2000
"""About how many voxels the median curve of tissue is taken of, for the likeness to an artery."""
MOST_VOXELS = 5000
"""Of an arterial input that is computed here: the GUI thread must not stall."""


class VoxelArtery:
    """Curves of voxels of the series on which arterial inputs are chosen.

    ``baseline`` is the user's own (start and end, s); None is that of the maps, or found where there are none.
    """

    def __init__(self, result: Result, baseline: tuple[float, float] | None = None) -> None:
        self._result, self.source = result, aifGrid(result)
        self._sequence = result.sequence(self.source)
        info = readInput(self._sequence)
        self._times, self._echoTime = info.times, info.echoTime or ASSUMED_ECHO_TIME
        self._sliceTimes = None if info.sliceTimes is None else np.array(info.sliceTimes)
        self._baseline = self._baselineFrames(baseline)
        self._tissue: np.ndarray | None = None

    @property
    def volume(self):
        """A volume with the voxels' grid, the first frame of the series."""
        return self._sequence.GetNthDataNode(0)

    def curve(self, voxels: np.ndarray) -> ArterialCurve | None:
        """Return the mean Delta R2* of ``voxels`` int[k, 3] (z, y, x).

        Returns None without a bolus, and for no voxels or for more than ``MOST_VOXELS``.
        """
        if self._baseline is None or not 0 < len(voxels) <= MOST_VOXELS:
            return None
        curves = self._curves(np.ravel_multi_index(tuple(voxels.T), self._shape))
        offsets = np.zeros(len(voxels)) if self._sliceTimes is None else self._sliceTimes[voxels[:, 0]]
        times, mean = mean_curve(curves, self._times, offsets)
        origin = _("{count} voxels, not yet in the maps").format(count=len(voxels))
        return ArterialCurve(times, mean, voxels, self.source, self._score(mean), origin)

    def standardError(self, voxels: np.ndarray) -> np.ndarray | None:
        """Return the standard error (1/s) of the mean curve of ``voxels``, float64[t]; None for fewer than two."""
        if self._baseline is None or len(voxels) < 2:
            return None
        curves = self._curves(np.ravel_multi_index(tuple(voxels.T), self._shape))
        return curves.std(axis=1, ddof=1, dtype=np.float64) / np.sqrt(len(voxels))

    @property
    def _shape(self) -> tuple[int, int, int]:
        return self.volume.GetImageData().GetDimensions()[::-1]

    def _curves(self, flat: np.ndarray) -> np.ndarray:
        """Return Delta R2* (1/s), float32[t, n], of the voxels with these flat indices."""
        signal = np.empty((len(self._times), len(flat)), np.float32)
        for frame in range(len(signal)):
            image = self._sequence.GetNthDataNode(frame).GetImageData()
            signal[frame] = vtk_to_numpy(image.GetPointData().GetScalars())[flat]
        curves = delta_r2star(signal, self._echoTime, self._baseline)
        curves[: self._baseline.start] = 0  # as in maps: before steady state there is no contrast agent
        return curves

    def _baselineFrames(self, own: tuple[float, float] | None) -> slice | None:
        if own is not None:
            return chosen_baseline(own, self._times)
        frames = mapsProvenance(self._result, self.source).get("baseline_frames")
        if frames is not None:
            return slice(frames[0], frames[1] + 1)
        found = findBaseline(self._sequence, self._times)
        return None if found is None else chosen_baseline(found, self._times)

    def _score(self, curve: np.ndarray) -> float | None:
        """Return the likeness to an artery, as candidates have it; None without maps."""
        times, inside = bolusTimes(self._result), computedVoxels(self._result, self.source)
        if times is None or inside is None or not inside.any():
            return None
        if self._tissue is None:
            flat = np.flatnonzero(inside)
            self._tissue = np.median(self._curves(flat[:: max(1, len(flat) // TISSUE_VOXELS)]), axis=1)
        bolus = Bolus(self._baseline, times[2], times[3], 0, 0, 0.0, 0.0)
        shapes = (curve_shape(each[:, None], self._times, bolus) for each in (curve, self._tissue))
        return arterial_score(*shapes)


def arterialInputOfMaps(result: Result) -> ArterialCurve | None:
    """Return the arterial input of the maps with what the worker did not record of it; None without maps.

    That is the likeness to an artery of voxels that were chosen by hand, and a band where tissue did not help to find
    one: the standard error of the mean of the voxels.
    """
    artery = arterialInput(result)
    if artery is None or not len(artery.voxels) or result.sequence(aifGrid(result)) is None:
        return artery
    here = VoxelArtery(result)
    curve, error = here.curve(artery.voxels), here.standardError(artery.voxels)
    if curve is None:
        return artery
    score = curve.score if artery.score is None else artery.score
    between = artery.between or ContinuousCurve(artery.times, artery.curve, np.zeros_like(artery.curve))
    if error is not None and not between.sd.any():
        scale = float(artery.curve.max()) / max(float(curve.curve.max()), 1e-9)  # by the area of a vein
        between = replace(between, sd=scale * np.interp(between.times, curve.times, error))
    return replace(artery, score=score, between=between)
