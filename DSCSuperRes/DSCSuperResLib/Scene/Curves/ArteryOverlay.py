"""The arterial input of a result's maps over the curves of a voxel, in their unit and at a height that compares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsc_superres.perfusion.concentration import ASSUMED_ECHO_TIME

from ...Translation import _
from ..Maps.ArterialInput import ArterialCurve, bolusTimes
from ..Maps.VoxelArtery import arterialInputOfMaps
from .Plots import Style

FACTORS = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
"""By which an arterial input is made smaller, so that it leaves room for the curves of tissue."""
SPACE = 1.5
"""How many times as high as the curves of tissue it may be."""
LINE = Style((0.86, 0.15, 0.15), width=1.5)
LIMITS = Style((0.86, 0.15, 0.15), dashed=True, width=1.0)


@dataclass(frozen=True)
class Overlaid:
    """A line of the overlay: name, times (s), values in the unit of the other curves, and style."""

    name: str
    times: np.ndarray
    values: np.ndarray
    style: Style


@dataclass(frozen=True)
class ArteryOverlay:
    """An arterial input, the echo time (s) and the baseline (start and end, s) of its series."""

    artery: ArterialCurve
    echoTime: float
    baseline: tuple[float, float]

    def asChange(self, tissue: np.ndarray) -> list[Overlaid]:
        """Return the lines over Delta R2* (1/s) of tissue[t], lower by a round factor that the name states."""
        peak = max(float(np.nanmax(tissue)), 1e-9)
        highest = float(self.artery.curve.max())
        factor = next((each for each in FACTORS if each * highest <= SPACE * peak), FACTORS[-1])
        name = _("AIF") if factor == 1 else _("AIF x {factor}").format(factor=f"{factor:g}")
        return [Overlaid(limit or name, times, factor * curve, style) for limit, times, curve, style in self._lines()]

    def asSignal(self, times: np.ndarray, signal: np.ndarray) -> list[Overlaid]:
        """Return the lines over signal[t] at times[t] (s): what its voxel would show if it were the artery."""
        before = (times >= self.baseline[0] - 1e-3) & (times <= self.baseline[1] + 1e-3)
        height = float(signal[before].mean()) if before.any() else float(signal[0])
        name = _("AIF as signal")
        return [
            Overlaid(limit or name, at, height * np.exp(-self.echoTime * curve), style)
            for limit, at, curve, style in self._lines()
        ]

    def _lines(self) -> list[tuple[str, np.ndarray, np.ndarray, Style]]:
        """Return the curve (1/s), continuous where it is known, and by name the limits of its band, one SD."""
        between = self.artery.between
        if between is None:
            return [("", self.artery.times, self.artery.curve, LINE)]
        lines = [("", between.times, between.curve, LINE)]
        if between.sd.any():
            lines += [
                (_("AIF - SD"), between.times, between.curve - between.sd, LIMITS),
                (_("AIF + SD"), between.times, between.curve + between.sd, LIMITS),
            ]
        return lines


def arteryOverlay(result) -> ArteryOverlay | None:
    """Return the overlay for the maps of ``result``; None without maps."""
    artery, bolus = arterialInputOfMaps(result), bolusTimes(result)
    if artery is None or bolus is None:
        return None
    echoTime = result.record("text.provenance").get("source", {}).get("echo_time_s")
    return ArteryOverlay(artery, echoTime or ASSUMED_ECHO_TIME, bolus[:2])
