"""Colors of the difference reconstruction - ground truth: signed, or by magnitude."""

from __future__ import annotations

import numpy as np
import slicer
from vtk.util.numpy_support import vtk_to_numpy

from dsc_superres.perfusion.map_scales import tick_decimals

from .SharedWindow import sampleVoxels

ATTRIBUTE = "DSCSuperRes.Colors"
ABSOLUTE = "absolute difference"
UNIT = "a.u."
"""Unit of the signal."""
SIGNED = ("#8fd3ff", "#2f93dc", "#17507f", "#000000", "#84401c", "#e0662a", "#ffbe7a")
SIZE = ("#ffe08a", "#f2813a", "#8f2f6b", "#000000", "#8f2f6b", "#f2813a", "#ffe08a")
"""Color scales that are black at zero; the signed one is blue below the truth and orange above."""
LABELS = 5
"""Number of labels of a legend."""
TITLE_SIZE, LABEL_SIZE = 9, 11
"""Sizes of letters in a legend, in points: titles are long, and views small."""
COLORS = 255
"""Odd, so that zero has its own color."""


def colorDifference(volume: slicer.vtkMRMLScalarVolumeNode, limit: float, absolute: bool) -> None:
    """Color ``volume`` from -limit to +limit (signal units); ``absolute`` gives both signs the same colors."""
    display = volume.GetDisplayNode()
    with slicer.util.NodeModify(display):
        display.AutoWindowLevelOff()
        display.SetWindowLevelMinMax(-limit, limit)
        display.SetAndObserveColorNodeID(_colors(volume.GetScene(), absolute).GetID())


def shownDifference(volume: slicer.vtkMRMLScalarVolumeNode) -> tuple[float, bool]:
    """Return the limit (signal units) and whether ``volume`` is colored by magnitude, as set by ``colorDifference``."""
    display = volume.GetDisplayNode()
    colors = display.GetColorNode()
    return display.GetWindowLevelMax(), colors is not None and colors.GetAttribute(ATTRIBUTE) == ABSOLUTE


def meanSignal(sequence: slicer.vtkMRMLSequenceNode) -> float:
    """Return the mean signal of the head in the first frame: of the voxels above the mean of all."""
    signal = vtk_to_numpy(sequence.GetNthDataNode(0).GetImageData().GetPointData().GetScalars())
    return float(signal[signal >= signal.mean()].mean())


def showLegend(volume: slicer.vtkMRMLScalarVolumeNode, title: str, visible: bool) -> None:
    """Show or hide the color legend of ``volume`` with ``title`` (quantity and unit)."""
    display = volume.GetDisplayNode()
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(display)
    if legend is None and not visible:
        return
    if legend is None:
        legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(display)
    with slicer.util.NodeModify(legend):
        legend.SetTitleText(title)
        legend.SetLabelFormat(_labelFormat(display))
        legend.SetNumberOfLabels(LABELS)
        legend.SetSize(0.2, 0.45)
        legend.SetPosition(0.97, 0.8)  # in the corner, where the head is not; the title is above
        legend.GetTitleTextProperty().SetFontSize(TITLE_SIZE)
        legend.GetLabelTextProperty().SetFontSize(LABEL_SIZE)
        legend.SetMaxNumberOfColors(COLORS)
        legend.SetVisibility(visible)


def updateLabels(volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Give the legend of ``volume`` the decimals that its current window needs."""
    display = volume.GetDisplayNode()
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(display)
    if legend is not None:
        legend.SetLabelFormat(_labelFormat(display))


def _labelFormat(display: slicer.vtkMRMLScalarVolumeDisplayNode) -> str:
    """Return the format of the labels: as short as they can be, and never with an exponent.

    They have one width, because Slicer makes letters as large as they fit.
    """
    decimals = tick_decimals(display.GetWindowLevelMin(), display.GetWindowLevelMax(), LABELS)
    return f"%5.{decimals}f"


def typicalLimit(sequence: slicer.vtkMRMLSequenceNode, percent: float = 99.5) -> float:
    """Return a limit above the absolute value of ``percent`` of the voxels, rounded up to one digit."""
    limit = float(np.percentile(np.abs(sampleVoxels(sequence)), percent))
    if limit <= 0:
        return 1.0
    digit = 10.0 ** np.floor(np.log10(limit))
    return float(np.ceil(limit / digit) * digit)


def _colors(scene: slicer.vtkMRMLScene, absolute: bool) -> slicer.vtkMRMLColorTableNode:
    kind = ABSOLUTE if absolute else "signed difference"
    count = scene.GetNumberOfNodesByClass("vtkMRMLColorTableNode")
    nodes = (scene.GetNthNodeByClass(index, "vtkMRMLColorTableNode") for index in range(count))
    found = next((node for node in nodes if node.GetAttribute(ATTRIBUTE) == kind), None)
    return found or _newColors(scene, kind, SIZE if absolute else SIGNED)


def _newColors(scene: slicer.vtkMRMLScene, kind: str, anchors: tuple[str, ...]) -> slicer.vtkMRMLColorTableNode:
    node = slicer.vtkMRMLColorTableNode()
    node.SetTypeToUser()
    node.SetName(f"DSCSuperRes {kind}")
    node.SetHideFromEditors(False)  # a hidden color table would not be saved with the scene
    node.SetAttribute("Category", "DSCSuperRes")
    node.SetAttribute(ATTRIBUTE, kind)
    node.SetNumberOfColors(COLORS)
    rgb = np.array([[int(anchor[i : i + 2], 16) / 255 for i in (1, 3, 5)] for anchor in anchors])
    positions = np.linspace(0, 1, len(anchors))
    for index, place in enumerate(np.linspace(0, 1, COLORS)):
        node.SetColor(index, str(index), *(np.interp(place, positions, channel) for channel in rgb.T), 1.0)
    scene.AddNode(node)
    return node
