"""A small result as a run leaves it in the scene: known signals, so that curves and differences can be checked."""

import json

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from DSCSuperResLib.Scene.Result import Result

FRAMES, STEP, INTERVAL = 24, 4, 0.5
"""Frames of the truth, of which every fourth was acquired; s between two of them."""
TIMES = INTERVAL * np.arange(FRAMES)
ECHO_TIME = 0.03


def truthSignal() -> np.ndarray:
    """float32[t, k, j, i]: a bolus around 6 s; every voxel has another baseline."""
    k, j, i = np.mgrid[0:4, 0:12, 0:16]
    baseline = 200.0 + 10 * i + j + 30 * k
    bolus = np.exp(-0.5 * ((TIMES - 6) / 1.2) ** 2)
    return (baseline[None] * (1 - 0.4 * bolus[:, None, None, None])).astype(np.float32)


def reconstructionSignal() -> np.ndarray:
    """The truth, too bright by 5 in the left half of the columns and too dark by 5 in the right."""
    signal = truthSignal()
    signal[..., :8] += 5
    signal[..., 8:] -= 5
    return signal


def uncertaintySignal() -> np.ndarray:
    """How unsure the reconstruction is of every voxel: more where and when there is more signal."""
    return 0.01 * truthSignal()


def inputSignal() -> np.ndarray:
    """float32[t, k, j, i]: blocks of 2 x 2 pixels of every fourth frame."""
    return truthSignal()[::STEP].reshape(-1, 4, 6, 2, 8, 2).mean(axis=(3, 5))


def obliqueIjkToRas(pixel: int) -> np.ndarray:
    """A tilted grid of pixels ``pixel`` times 2 mm wide; all pixel sizes share their outer corners."""
    c, s = np.cos(0.3), np.sin(0.3)
    axes = np.array([[-1, 0, 0], [0, -c, s], [0, s, c]]).T
    matrix = np.eye(4)
    matrix[:3, :3] = axes * (2.0 * pixel, 2.0 * pixel, 5.0)
    matrix[:3, 3] = (30, -20, 10) + axes @ np.array([pixel - 1.0, pixel - 1.0, 0])
    return matrix


def volume(signal: np.ndarray, pixel: int) -> slicer.vtkMRMLScalarVolumeNode:
    """A volume node, in no scene."""
    node, image = slicer.vtkMRMLScalarVolumeNode(), vtk.vtkImageData()
    image.SetDimensions(signal.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(signal).ravel(), deep=True))
    node.SetAndObserveImageData(image)
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(obliqueIjkToRas(pixel).ravel())
    node.SetIJKToRASMatrix(matrix)
    return node


def addSequence(result, role: str, signal: np.ndarray, times: np.ndarray, pixel: int = 1) -> None:
    """The sequence ``role`` and its proxy, in the result's browser."""
    scene, browser = result.scene, result.node("browser")
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", role)
    sequence.SetIndexName("time")
    sequence.SetIndexUnit("s")
    for frame, time in zip(signal, times, strict=True):
        sequence.SetDataNodeAtValue(volume(frame, pixel), f"{time:.3f}")
    result.add(sequence, role)
    proxy = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", role)
    proxy.CreateDefaultDisplayNodes()
    with slicer.util.NodeModify(browser):  # else the browser makes a proxy of its own in between
        if browser.GetMasterSequenceNode() is None:
            browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
        else:
            browser.AddSynchronizedSequenceNode(sequence)
        browser.AddProxyNode(proxy, sequence, False)
        browser.SetSaveChanges(sequence, role != "input")
    result.add(proxy, f"{role}.proxy")


def scores(offset: float) -> dict:
    """Made-up measures of a region, frame by frame; the first PSNR is infinite."""
    frames = {"frame_nmse": (offset + 0.01 * np.arange(FRAMES)).tolist(), "frame_ssim": [0.9 + offset / 100] * FRAMES}
    frames["frame_psnr"] = [None, *[30.0 + offset] * (FRAMES - 1)]
    return {"nmse": offset, "psnr": 30.0 + offset, "ssim": 0.95, **frames}


def addText(result, role: str, content: dict) -> None:
    """A text node with JSON."""
    node = result.scene.AddNewNodeByClass("vtkMRMLTextNode", role)
    node.SetText(json.dumps(content))
    result.add(node, role)


def addResult(scene, task: str = "compare") -> Result:
    """A result of ``task`` in ``scene``, its proxies filled."""
    result = Result.create(scene, "Run")
    result.add(scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Run browser"), "browser")
    addSequence(result, "reconstruction", reconstructionSignal(), TIMES)
    addSequence(result, "input", inputSignal(), TIMES[::STEP], pixel=2)
    addSequence(result, "uncertainty", uncertaintySignal(), TIMES)
    addText(result, "text.provenance", {"settings": {"task": task}, "source": {"echo_time_s": ECHO_TIME}})
    if task == "compare":
        addSequence(result, "truth", truthSignal(), TIMES)
        addSequence(result, "difference", reconstructionSignal() - truthSignal(), TIMES)
        measured = {"times_s": TIMES.tolist(), "whole": scores(0.2), "brain": scores(0.1)}
        addText(result, "text.metrics", {"images": {"ode-liif": measured, "linear": measured}})
    sequences = slicer.vtkSlicerSequencesLogic()
    sequences.SetMRMLScene(scene)
    sequences.UpdateProxyNodesFromSequences(result.node("browser"))
    return result
