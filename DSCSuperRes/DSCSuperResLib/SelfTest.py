"""A test of the workflow on a small series, for ctest and for *Reload and Test* in Slicer."""

from __future__ import annotations

import time
import unittest
from collections.abc import Callable

import numpy as np
import slicer

from dsc_superres.geometry import Geometry

from .Jobs.BackgroundJob import Finished
from .Logic import Logic
from .Process.Installation import lacks
from .Scene.Sequences.SequenceFrames import appendFrame
from .Scene.Volumes import ijkToRas, setFrame

SIZE = (4, 24, 24)
"""Voxels along z, y, x."""
FRAMES = 16
INTERVAL = 1.5
"""s between frames."""


def runSelfTest(workflow: Logic) -> None:
    """Compare a series with its ground truth by interpolation, in the background, and check what is in the scene.

    Raises ``AssertionError`` if something is wrong, ``unittest.SkipTest`` where the background process lacks
    packages: those are installed by the user alone.
    """
    _wait(workflow.probe, 120, "the probe of the background process")
    if workflow.capabilities is None or lacks(workflow.capabilities):
        raise unittest.SkipTest("The background process lacks packages.")
    parameters = workflow.parameters()
    workflow.setInput(_addSeries(), parameters)
    parameters.reconstruct.model, parameters.reconstruct.maps = "linear", False
    finished: Finished = _wait(lambda callback: workflow.startRun(parameters, callback), 120, "the end of the run")
    assert finished.result is not None, finished.error
    reconstruction, truth = (np.array(finished.result.signal(role)) for role in ("reconstruction", "truth"))
    assert reconstruction.shape == truth.shape == (13, *SIZE), f"{reconstruction.shape} and {truth.shape}"
    correlation = np.corrcoef(reconstruction.ravel(), truth.ravel())[0, 1]
    assert correlation > 0.9, f"reconstruction and truth have a correlation of {correlation:.2f}"
    finished.result.remove()
    assert not workflow.results(), "a result that is removed is gone"


def _addSeries() -> slicer.vtkMRMLSequenceNode:
    """Add a series of a disk that darkens and brightens again, with its echo time."""
    depth, height, width = SIZE
    y, x = np.indices((height, width))
    inside = np.hypot(x - width / 2, y - height / 2) < 0.4 * width
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Self-test series")
    sequence.SetIndexName("time")
    sequence.SetIndexUnit("s")
    sequence.SetAttribute("MultiVolume.DICOM.EchoTime", "30")
    for seconds in INTERVAL * np.arange(FRAMES):
        signal = 800 - 300 * np.exp(-(((seconds - 10) / 4) ** 2))
        frame = slicer.vtkMRMLScalarVolumeNode()
        voxels = np.where(inside, signal, 0)[None].repeat(depth, axis=0).astype(np.int16)
        setFrame(frame, voxels, ijkToRas(Geometry(spacing=(2.0, 2.0, 5.0))))
        appendFrame(sequence, frame, seconds)
    return sequence


def _wait(start: Callable[[Callable[[object], None]], None], seconds: float, what: str) -> object:
    """Let the event loop run until ``start(finished)`` leads to a call of ``finished``; returns its argument."""
    found: list = []
    start(found.append)
    end = time.monotonic() + seconds
    while not found:
        assert time.monotonic() < end, f"{what} did not come within {seconds:g} s"
        slicer.app.processEvents()
        time.sleep(0.005)
    return found[0]
