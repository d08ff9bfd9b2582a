"""Legends of colors, which exist only for the volumes that the views show: each change of one redraws every view."""

from __future__ import annotations

from collections.abc import Mapping

import slicer

from .Difference import showLegend, updateLabels

OURS = "DSCSuperRes.Legend"
"""Attribute of the legends that this software made."""


def showOnlyLegends(titles: Mapping[slicer.vtkMRMLScalarVolumeNode, str], scene: slicer.vtkMRMLScene) -> None:
    """Show the legends of these volumes with their ``titles``, and remove all others that this software made."""
    for legend in _ours(scene):
        if legend.GetDisplayableNode() not in titles:
            legend.SetVisibility(False)
            scene.RemoveNode(legend)
    for volume, title in titles.items():
        legend = legendOf(volume)
        if legend is None or not legend.GetVisibility() or legend.GetTitleText() != title:
            showLegend(volume, title, visible=True)
        updateLabels(volume)
        legendOf(volume).SetAttribute(OURS, "yes")


def redrawLegends(scene: slicer.vtkMRMLScene) -> None:
    """Draw the legends anew: Slicer looks at what a view shows only when its legend changes."""
    for legend in _ours(scene):
        legend.Modified()


def removeLegends(scene: slicer.vtkMRMLScene) -> None:
    """Remove the legends: views that are newer than a legend never draw it."""
    showOnlyLegends({}, scene)


def legendOf(volume: slicer.vtkMRMLScalarVolumeNode) -> slicer.vtkMRMLColorLegendDisplayNode | None:
    """Return the legend of ``volume``; None if it has none."""
    return slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(volume.GetDisplayNode())


def _ours(scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLColorLegendDisplayNode]:
    """The legends made here; those of earlier versions are known by the volumes of results."""
    kind = "vtkMRMLColorLegendDisplayNode"
    legends = [scene.GetNthNodeByClass(index, kind) for index in range(scene.GetNumberOfNodesByClass(kind))]
    return [legend for legend in legends if legend.GetAttribute(OURS)]
