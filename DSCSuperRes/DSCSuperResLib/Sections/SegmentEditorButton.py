"""Buttons that open a segmentation in Slicer's Segment Editor, where its segments are drawn."""

from __future__ import annotations

from collections.abc import Callable

import slicer

from ..Translation import _


def connectSegmentEditor(
    button, selector, name: str, getVolume: Callable[[], slicer.vtkMRMLScalarVolumeNode | None]
) -> None:
    """Make ``button`` open the segmentation of ``selector`` on the volume ``getVolume()``.

    Where none is chosen, a new one with an empty segment called ``name`` is.
    """
    button.toolTip = _("Draw in the Segment Editor. Come back to this module afterwards.")
    button.connect("clicked()", lambda: _open(selector, name, getVolume()))


def _open(selector, name: str, volume: slicer.vtkMRMLScalarVolumeNode | None) -> None:
    segmentation = selector.currentNode()
    if segmentation is None:
        segmentation = newSegmentation(slicer.mrmlScene, name, volume)
        selector.setCurrentNode(segmentation)
    editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
    shows = editor.autoShowSourceVolumeNode
    editor.autoShowSourceVolumeNode = False  # it would replace the volumes of all views by this one
    editor.setSegmentationNode(segmentation)
    if volume is not None:
        editor.setSourceVolumeNode(volume)
    slicer.util.selectModule("SegmentEditor")
    editor.autoShowSourceVolumeNode = shows


def newSegmentation(
    scene: slicer.vtkMRMLScene, name: str, volume: slicer.vtkMRMLScalarVolumeNode | None
) -> slicer.vtkMRMLSegmentationNode:
    """Return a new segmentation with an empty segment ``name``, on the voxels of ``volume``."""
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", scene.GenerateUniqueName(name))
    segmentation.CreateDefaultDisplayNodes()
    if volume is not None:
        segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    segmentation.GetSegmentation().AddEmptySegment("", name)
    return segmentation
