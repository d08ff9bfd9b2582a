"""Legends of colors, which exist only for the volumes that the views show: each change of one redraws every view."""

from __future__ import annotations

from collections.abc import Container, Iterator

import slicer

from ..Attributes import setAttributes
from .Difference import showLegend, updateLabels

OURS = "DSCSuperRes.Legend"
"""Attribute of the legends that this software made."""


def showLegendOf(volume: slicer.vtkMRMLScalarVolumeNode, title: str, redraw: bool) -> bool:
    """Show the legend of ``volume`` with this ``title``, and return whether that changed anything.

    ``redraw`` draws one that is the same anew: Slicer looks at what a view shows only when its legend changes.
    """
    legend = legendOf(volume)
    if legend is None or not legend.GetVisibility() or legend.GetTitleText() != title:
        showLegend(volume, title, visible=True)
        setAttributes(legendOf(volume), {OURS: "yes"})
        return True
    updateLabels(volume)
    setAttributes(legend, {OURS: "yes"})
    if redraw:
        legend.Modified()
    return redraw


def hideOtherLegends(shown: Container[slicer.vtkMRMLScalarVolumeNode], scene: slicer.vtkMRMLScene) -> bool:
    """Hide the legends that this software made for other volumes than ``shown``; returns whether there were any."""
    others = [legend for legend in _others(shown, scene) if legend.GetVisibility()]
    for legend in others:
        legend.SetVisibility(False)
    return bool(others)


def removeOtherLegends(shown: Container[slicer.vtkMRMLScalarVolumeNode], scene: slicer.vtkMRMLScene) -> Iterator[None]:
    """Remove the legends that this software made for other volumes than ``shown``; yields after each."""
    for legend in _others(shown, scene):
        legend.SetVisibility(False)
        scene.RemoveNode(legend)
        yield


def removeLegends(scene: slicer.vtkMRMLScene) -> Iterator[None]:
    """Remove the legends: views that are newer than a legend never draw it. Yields after each."""
    return removeOtherLegends((), scene)


def legendOf(volume: slicer.vtkMRMLScalarVolumeNode) -> slicer.vtkMRMLColorLegendDisplayNode | None:
    """Return the legend of ``volume``; None if it has none."""
    return slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(volume.GetDisplayNode())


def _others(
    shown: Container[slicer.vtkMRMLScalarVolumeNode], scene: slicer.vtkMRMLScene
) -> list[slicer.vtkMRMLColorLegendDisplayNode]:
    return [legend for legend in _ours(scene) if legend.GetDisplayableNode() not in shown]


def _ours(scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLColorLegendDisplayNode]:
    """The legends made here; those of earlier versions are known by the volumes of results."""
    kind = "vtkMRMLColorLegendDisplayNode"
    legends = [scene.GetNthNodeByClass(index, kind) for index in range(scene.GetNumberOfNodesByClass(kind))]
    return [legend for legend in legends if legend.GetAttribute(OURS)]
