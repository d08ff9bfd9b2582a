"""New volume sequences: empty nodes that carry echo time and sources, their voxel type, and a browser for them."""

from __future__ import annotations

import numpy as np
import slicer

from ..Provenance import setProvenance
from .SequenceInput import ECHO_TIME, NOTES, SLICE_TIMES, SOURCE, InputInfo


def newSequence(scene: slicer.vtkMRMLScene, name: str, info: InputInfo) -> slicer.vtkMRMLSequenceNode:
    """Return an empty sequence over time; echo time, sources of values, notes and provenance are its attributes."""
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
    sequence.SetIndexName("time" if info.hasTimes else "frame")
    sequence.SetIndexUnit("s" if info.hasTimes else "")
    if info.echoTime is not None:
        sequence.SetAttribute(ECHO_TIME, repr(float(info.echoTime)))
    if info.notes:
        sequence.SetAttribute(NOTES, "\n".join(info.notes))
    if info.sliceTimes is not None:
        sequence.SetAttribute(SLICE_TIMES, " ".join(map(repr, info.sliceTimes)))
    for value, source in info.sources.items():
        sequence.SetAttribute(f"{SOURCE}{value}", source)
    setProvenance(sequence, info.provenance)
    return sequence


def voxelType(kind: np.dtype, signed: bool = False) -> np.dtype:
    """Return the type for voxels computed from a series of ``kind``: short integers stay short, others are float32."""
    short = np.dtype(np.int16)
    if kind.kind not in "iu" or kind.itemsize > 2 or (signed and kind == np.uint16):
        return np.dtype(np.float32)
    return short if signed or kind.itemsize < 2 else kind.newbyteorder("=")


def browse(sequence: slicer.vtkMRMLSequenceNode) -> slicer.vtkMRMLScalarVolumeNode:
    """Create a browser for ``sequence``, and return the volume that shows its current frame."""
    scene, name = sequence.GetScene(), sequence.GetName()
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", f"{name} browser")
    return addProxy(browser, sequence)


def addProxy(
    browser: slicer.vtkMRMLSequenceBrowserNode,
    sequence: slicer.vtkMRMLSequenceNode,
    volume: slicer.vtkMRMLScalarVolumeNode | None = None,
) -> slicer.vtkMRMLScalarVolumeNode:
    """Let ``browser`` show the current frame of ``sequence`` in ``volume``, or in a new one, and return that.

    The first sequence of a browser is its master.
    """
    if volume is None:
        volume = browser.GetScene().AddNewNodeByClass("vtkMRMLScalarVolumeNode", sequence.GetName())
    with slicer.util.NodeModify(browser):  # else it makes a volume of its own in between, which would stay for ever
        if browser.GetMasterSequenceNode() is None:
            browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
        elif not browser.IsSynchronizedSequenceNode(sequence, True):
            browser.AddSynchronizedSequenceNode(sequence)
        browser.AddProxyNode(volume, sequence, False)
        browser.SetOverwriteProxyName(sequence, False)
    volume.CreateDefaultDisplayNodes()
    return volume


def volumeOf(sequence: slicer.vtkMRMLSequenceNode) -> slicer.vtkMRMLScalarVolumeNode | None:
    """Return the volume that shows the current frame of ``sequence``; None if no browser shows it."""
    browser = browserOf(sequence)
    return browser.GetProxyNode(sequence) if browser is not None else None


def browserOf(sequence: slicer.vtkMRMLSequenceNode) -> slicer.vtkMRMLSequenceBrowserNode | None:
    """Return the first browser that shows ``sequence``; None without one."""
    scene = sequence.GetScene()
    count = scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode")
    browsers = (scene.GetNthNodeByClass(index, "vtkMRMLSequenceBrowserNode") for index in range(count))
    return next((browser for browser in browsers if browser.GetProxyNode(sequence) is not None), None)
