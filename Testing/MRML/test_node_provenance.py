"""Nodes say how they came about: sequences and maps of a run, through a saved scene, and into what is made of them."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

if find_spec("slicer") is None and sys.version_info >= (3, 14):
    pytest.skip("slicer-core has no wheel for this Python", allow_module_level=True)

import slicer

from dsc_superres.jobs.run import run_job
from dsc_superres.phantom import digital_patient
from DSCSuperResLib.Jobs.ReconstructionNodes import addRun, noteRun
from DSCSuperResLib.Jobs.ReconstructionRequest import ReconstructionRequest
from DSCSuperResLib.Scene.Maps.Maps import addMaps, mapNode, mapsWarnings
from DSCSuperResLib.Scene.Provenance import PROVENANCE, provenanceOf
from DSCSuperResLib.Scene.Result import Result
from DSCSuperResLib.Scene.Sequences.NewSequence import newSequence
from DSCSuperResLib.Scene.Sequences.SequenceFrames import appendFrame, writeFrames
from DSCSuperResLib.Scene.Sequences.SequenceInput import InputInfo, readInput
from DSCSuperResLib.Scene.Sequences.SeriesFiles import describeSeries, writeSequence, writeSidecar
from DSCSuperResLib.Scene.Volumes import ijkToRas, setFrame

ODD = 'A note: with "quotes", a \\ backslash, 50 %; äöü.'


def newScene() -> slicer.vtkMRMLScene:
    scene, sequences = slicer.vtkMRMLScene(), slicer.vtkSlicerSequencesLogic()
    sequences.SetMRMLScene(scene)
    return scene


def source(scene, tmp_path: Path) -> slicer.vtkMRMLSequenceNode:
    """A coarse series of a digital patient whose echo time cannot be right, with a note of its reader."""
    series = digital_patient(3001, slices=1, frames=40, matrix=64).series
    info = InputInfo(
        series.size, series.geometry, series.times, 0.9, {"times": "a", "echo_time": "b"}, series.scalar_type
    )
    info.provenance["notes"] = [ODD]
    node = newSequence(scene, "Doe^Jane", info)
    for time, signal in zip(series.times, series.signal, strict=True):
        frame = slicer.vtkMRMLScalarVolumeNode()
        setFrame(frame, signal.astype(np.int16), ijkToRas(series.geometry))
        appendFrame(node, frame, time)
    return node


@pytest.fixture
def result(tmp_path: Path) -> Result:
    """A run as the panel makes it, with the worker's job in this process."""
    scene = newScene()
    node = source(scene, tmp_path)
    info = readInput(node)
    chosen = {"operator": "block", "model": "linear", "device": "cpu", "maps": True, "interval": None}
    request = ReconstructionRequest("Run", info, range(40), slice(0, 1), "reconstruct", 2.0, 2, **chosen)
    writeSidecar(info, tmp_path / "input.npy")
    assert list(writeFrames(node, tmp_path / "input.npy", request.frames, request.slices))
    job = request.job(str(tmp_path / "input.npy"), str(tmp_path / "result")) | {
        "method": "csvd",
        "reference": "none",
        "report": False,
    }
    message = json.loads(json.dumps(run_job(job).to_dict()))
    made = Result.create(scene, request.name, beside=node)
    assert list(addRun(made, request, node, message, tmp_path / "result"))
    noteRun(made, request, message, tmp_path / "result")
    assert list(addMaps(made, tmp_path / "result" / "maps_reconstruction", "reconstruction"))
    return made


def test_a_reconstruction_in_the_scene_is_known_as_one(result, tmp_path):
    sequence = result.sequence("reconstruction")
    said = provenanceOf(sequence)
    assert (said["role"], said["model"]["name"], len(said["acquired_times_s"])) == ("reconstruction", "linear", 40)
    assert ODD in said["notes"]
    assert any("900 ms" in note for note in said["notes"])
    assert readInput(sequence).sources["times"] == "reconstructed from 40 acquired frames"
    assert "Doe" not in "".join(sequence.GetAttribute(name) for name in sequence.GetAttributeNames())
    assert any("900 ms" in sentence for sentence, _sources in mapsWarnings(result))
    assert "900 ms" in mapNode(result, "cbv", "reconstruction").GetAttribute(f"{PROVENANCE}notes")
    assert any("900 ms" in note for note in result.record("text.provenance")["notes"])


def test_what_nodes_say_comes_back_with_the_scene(result, tmp_path):
    sequence = result.sequence("reconstruction")
    before = provenanceOf(sequence)
    result.scene.SetRootDirectory(str(tmp_path))
    result.scene.SetURL(str(tmp_path / "scene.mrml"))
    result.scene.Commit()
    again = newScene()
    again.SetURL(str(tmp_path / "scene.mrml"))
    again.Import()
    found = again.GetFirstNodeByName(sequence.GetName())
    assert provenanceOf(found) == before


def test_maps_and_reconstructions_of_it_know_what_was_acquired(result, tmp_path):
    sequence = result.sequence("reconstruction")
    assert list(writeSequence(sequence, tmp_path / "fine.npy"))
    described = {**describeSeries(sequence, str(tmp_path / "fine.npy"))}
    job = {"task": "maps", "inputs": {"reconstruction": described}, "output": tmp_path / "maps", "method": "csvd"}
    maps = run_job({**job, "echo_time": 0.03}).facts
    assert len(maps["provenance"]["reconstruction"]["acquired_times_s"]) == 40
    assert any("itself a reconstruction" in note for note in maps["notes"])
    fields = {"input": tmp_path / "fine.npy", "output": tmp_path / "finer", "model": "linear", "maps": False}
    again = run_job({"task": "reconstruct", **fields, "times": described["times"], "geometry": described["geometry"]})
    assert any("reconstructed once more" in note for note in again.notes)


def test_acquired_frames_follow_a_corrected_frame_interval(result):
    info = readInput(result.sequence("reconstruction"))
    moved = info.corrected(repetitionTime=1.0).provenance["acquired_times_s"]
    np.testing.assert_allclose(moved, 2.0 * np.arange(40))
