"""Loads a run of a given size into a scene, and prints as JSON how much memory that took; a program of its own.

The files of the run are sparse: they hold the right number of zeros, and take no place on the disk.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import slicer

from dsc_superres.geometry import Geometry
from DSCSuperResLib.Jobs.ReconstructionNodes import addRun
from DSCSuperResLib.Jobs.ReconstructionRequest import ReconstructionRequest
from DSCSuperResLib.Scene.Result import Result
from DSCSuperResLib.Scene.Sequences.NewSequence import newSequence
from DSCSuperResLib.Scene.Sequences.SequenceFrames import appendFrame
from DSCSuperResLib.Scene.Sequences.SequenceInput import InputInfo
from DSCSuperResLib.Scene.Volumes import ijkToRas, setFrame

SPACE, TIME, INTERVAL = 2, 4, 1.5
SOURCES = {"times": "file", "echo_time": "file"}


def main() -> None:
    """Load, browse through all frames, print ``data`` and ``grown``, both in bytes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=("compare", "reconstruct"))
    parser.add_argument("size", type=int, nargs=4, help="x, y, z and frames of the series in the scene")
    options = parser.parse_args()
    scene, sequences = slicer.vtkMRMLScene(), slicer.vtkSlicerSequencesLogic()
    sequences.SetMRMLScene(scene)
    with tempfile.TemporaryDirectory() as folder:
        request = makeRequest(options.task, *options.size)
        source = makeSource(scene, request)
        message = makeFiles(Path(folder), request)
        before = memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
        result = Result.create(scene, "Run", beside=source)
        for _fraction in addRun(result, request, source, message, Path(folder)):
            pass
    browser = result.node("browser")
    for frame in range(browser.GetNumberOfItems()):
        browser.SetSelectedItemNumber(frame)
        sequences.UpdateProxyNodesFromSequences(browser)
    roles = ("reconstruction", "difference") if options.task == "compare" else ("reconstruction",)
    data = sum(frame.nbytes for role in roles for frame in result.signal(role))
    print(json.dumps({"data": data, "grown": memory("VmHWM") - before, "frames": len(result.times("reconstruction"))}))


def makeRequest(task: str, width: int, height: int, depth: int, frames: int) -> ReconstructionRequest:
    """A run with the usual factors, on all of the series."""
    geometry = Geometry(spacing=(1.0, 1.0, 5.0))
    info = InputInfo((width, height, depth), geometry, INTERVAL * np.arange(frames), 0.03, SOURCES, np.dtype(np.int16))
    chosen = {"operator": "block", "model": "linear", "device": "cpu", "maps": False, "interval": None}
    return ReconstructionRequest("Run", info, range(frames), slice(0, depth), task, float(SPACE), TIME, **chosen)


def makeSource(scene: slicer.vtkMRMLScene, request: ReconstructionRequest) -> slicer.vtkMRMLSequenceNode:
    """The series in the scene."""
    sequence, matrix = newSequence(scene, "Series", request.info), ijkToRas(request.info.geometry)
    for time in request.info.times:
        frame = slicer.vtkMRMLScalarVolumeNode()
        setFrame(frame, np.zeros(request.info.size[::-1], np.int16), matrix)
        appendFrame(sequence, frame, time)
    return sequence


def makeFiles(folder: Path, request: ReconstructionRequest) -> dict:
    """The worker's files and message."""
    (size, frames), (inputSize, inputFrames) = request.output, request.networkInput
    start, end = request.times[0], request.times[0] + (inputFrames - 1) * TIME * INTERVAL
    if request.task == "reconstruct":
        end = request.times[-1]
    pixel = 1.0 if request.task == "compare" else 1.0 / SPACE
    series = {
        role: _describe(folder, role, size, pixel, np.linspace(start, end, frames))
        for role in ("truth", "reconstruction", "difference")
    }
    series["input"] = _describe(folder, "input", inputSize, pixel * SPACE, np.linspace(start, end, inputFrames))
    return {
        "series": series,
        "provenance": {"source": {}, "frames": {"signal_changed": False}},
        "metrics": {},
        "files": {},
    }


def _describe(folder: Path, role: str, size: tuple[int, int, int], pixel: float, times: np.ndarray) -> dict:
    np.lib.format.open_memmap(folder / f"{role}.npy", "w+", "<f4", (len(times), *size[::-1]))
    geometry = {"spacing": (pixel, pixel, 5.0)}
    return {"geometry": geometry, "times": times.tolist(), "file": f"{role}.npy"}


def memory(kind: str) -> int:
    """Bytes of this program: ``VmRSS`` now, ``VmHWM`` at most since the peak began."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(kind))


if __name__ == "__main__":
    main()
