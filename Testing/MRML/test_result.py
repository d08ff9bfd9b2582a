"""Results keep apart, come back with the scene, and go as a whole."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest

if find_spec("slicer") is None and sys.version_info >= (3, 14):
    pytest.skip("slicer-core has no wheel for this Python", allow_module_level=True)

import slicer
from look_sample import TIMES, addResult, truthSignal

from DSCSuperResLib.Scene.Result import Result


@pytest.fixture
def scene():
    scene = slicer.vtkMRMLScene()
    sequences = slicer.vtkSlicerSequencesLogic()
    sequences.SetMRMLScene(scene)
    yield scene
    sequences.SetMRMLScene(None)


def test_two_runs_do_not_share_nodes(scene):
    first, second = addResult(scene), addResult(scene, "enhance")
    assert [one.run for one in Result.all(scene)] == [first.run, second.run]
    assert (first.task, second.task) == ("compare", "enhance")
    assert first.sequence("input") is not second.sequence("input")
    assert second.node("difference.proxy") is None


def test_roles_survive_browsing(scene):
    result = addResult(scene)
    before = {role: result.proxy(role) for role in ("truth", "input", "reconstruction", "difference")}
    sequences = slicer.vtkSlicerSequencesLogic()
    for frame in (9, 3):
        result.node("browser").SetSelectedItemNumber(frame)
        sequences.UpdateProxyNodesFromSequences(result.node("browser"))
    assert {role: result.node(f"{role}.proxy") for role in before} == before


def test_frames_and_times(scene):
    result = addResult(scene)
    np.testing.assert_allclose(np.stack(list(result.signal("truth"))), truthSignal())
    np.testing.assert_allclose(result.times("truth"), TIMES)


def test_removing_a_run_leaves_everything_else(scene):
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "mine")
    kept = addResult(scene, "enhance")
    nodes = {scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())}
    gone = addResult(scene)
    gone.remove()
    left = {scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())}
    assert volume in left
    assert {node.GetClassName() for node in left - nodes} <= {"vtkMRMLScalarVolumeDisplayNode"}
    assert [one.run for one in Result.all(scene)] == [kept.run]
