"""The initial display of a result: voxels without interpolation, common gray levels, the difference in colors."""

from __future__ import annotations

import slicer

from ..Attributes import setAttributes
from .Difference import colorDifference, typicalLimit
from .Playback import preparePlayback
from .SharedWindow import automaticLevels
from .Uncertainty import colorUncertainty, typicalUncertainty
from .ViewState import Shown, setShown

PREPARED = "DSCSuperRes.Prepared"
"""Attribute of the browser of a result whose display was set up; later changes are the user's."""
SIGNALS = ("truth", "input", "reconstruction")


def signalVolumes(result) -> list[slicer.vtkMRMLScalarVolumeNode]:
    """Return the proxies that show signal: truth (if any), input and reconstruction."""
    return [volume for volume in map(result.proxy, SIGNALS) if volume is not None]


def prepareDisplay(result) -> None:
    """Set up display and playback of a result, the first time only; a reopened scene keeps its display."""
    browser = result.node("browser")
    if browser is None or browser.GetAttribute(PREPARED):
        return
    preparePlayback(browser)
    setInterpolation(result, False)
    lower, upper = automaticLevels(result.sequence("input"))
    for volume in signalVolumes(result):
        display = volume.GetDisplayNode()
        display.AutoWindowLevelOff()
        display.SetWindowLevelMinMax(lower, upper)
    difference = result.proxy("difference")
    if difference is not None:
        colorDifference(difference, typicalLimit(result.sequence("difference")), absolute=False)
    uncertainty = result.proxy("uncertainty")
    if uncertainty is not None:
        colorUncertainty(uncertainty, typicalUncertainty(result))
    setShown(result, Shown())
    setAttributes(browser, {PREPARED: "yes"})


def setInterpolation(result, on: bool) -> None:
    """Set whether Slicer interpolates between voxels on the screen, or draws each as a box."""
    volumes = [*signalVolumes(result), result.proxy("difference"), result.proxy("uncertainty")]
    for volume in volumes:
        if volume is not None:
            volume.GetDisplayNode().SetInterpolate(on)


def interpolation(result) -> bool:
    """Return whether Slicer interpolates between the voxels of the reconstruction."""
    return bool(result.proxy("reconstruction").GetDisplayNode().GetInterpolate())
