"""A run's outcome in the scene: found by attributes, kept apart from other runs, removed as a whole."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest

if find_spec("slicer") is None and sys.version_info >= (3, 14):
    pytest.skip("slicer-core has no wheel for this Python", allow_module_level=True)

import slicer
from result_sample import STEP, TIMES, addResult, inputSignal

from DSCSuperResLib.Scene.NodeIndex import NodeIndex
from DSCSuperResLib.Scene.Result import Result


def newScene():
    """A scene that knows the nodes of the Sequences module."""
    scene, sequences = slicer.vtkMRMLScene(), slicer.vtkSlicerSequencesLogic()
    sequences.SetMRMLScene(scene)
    return scene


@pytest.fixture
def scene():
    return newScene()


def test_finds_its_nodes_by_role(scene):
    result = addResult(scene)
    assert result.task == "compare"
    assert result.sequence("input").GetNumberOfDataNodes() == len(TIMES[::STEP])
    assert result.proxy("truth").IsA("vtkMRMLScalarVolumeNode")
    assert result.node("truth.proxy") is result.proxy("truth")
    np.testing.assert_allclose(result.times("input"), TIMES[::STEP])
    np.testing.assert_allclose(result.signal("input")[2], inputSignal()[2])
    assert result.node("map.cbv.truth") is None


def test_proxies_are_found_after_browsing(scene):
    result = addResult(scene)
    proxy = result.proxy("reconstruction")
    result.node("browser").SetSelectedItemNumber(3)
    sequences = slicer.vtkSlicerSequencesLogic()
    sequences.SetMRMLScene(scene)
    sequences.UpdateProxyNodesFromSequences(result.node("browser"))
    assert result.proxy("reconstruction") is proxy


def test_runs_have_their_own_names_and_nodes(scene):
    first, second = addResult(scene), addResult(scene, "reconstruct")
    assert Result.all(scene) == [first, second]
    assert (first.name, second.name) == ("Run", "Run 2")
    assert second.task == "reconstruct"
    assert first.sequence("input") is not second.sequence("input")


def test_comes_back_with_the_scene(scene, tmp_path):
    addResult(scene)
    scene.SetRootDirectory(str(tmp_path))
    scene.SetURL(str(tmp_path / "scene.mrml"))
    scene.Commit()
    again = newScene()
    again.SetURL(str(tmp_path / "scene.mrml"))
    again.Import()
    (result,) = Result.all(again)
    assert result.name == "Run"
    assert result.node("text.provenance") is not None
    assert result.node("browser").GetMasterSequenceNode() is result.sequence("reconstruction")


def test_removal_leaves_only_the_others(scene):
    before = {scene.GetNthNode(index).GetID() for index in range(scene.GetNumberOfNodes())}
    first, second = addResult(scene), addResult(scene)
    kept = {node.GetID() for node in second.nodes()}
    first.remove()
    assert Result.all(scene) == [second]
    assert first.nodes() == []
    assert {node.GetID() for node in second.nodes()} == kept
    second.remove()
    left = {scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())}
    new = [node.GetClassName() for node in left if node.GetID() not in before]
    assert not [name for name in new if "Volume" in name or "Sequence" in name or "Text" in name]


def test_nodes_are_found_without_looking_at_all_of_the_scene(scene, monkeypatch):
    looks = []
    monkeypatch.setattr(NodeIndex, "_refresh", _counted(NodeIndex._refresh, looks))
    first, second = addResult(scene), addResult(scene)
    looks.clear()
    for result in (first, second):
        assert result.node("text.metrics") is not None
        assert result.proxy("truth") is not None
        assert result.name.startswith("Run")
    assert not any(looks)
    found = []
    tag = scene.AddObserver(scene.EndCloseEvent, lambda caller, event: found.append(Result.all(scene)), 5.0)
    scene.Clear(0)
    scene.RemoveObserver(tag)
    assert found == [[]]
    again = addResult(scene)
    assert Result.all(scene) == [again]
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    hierarchy.RemoveItem(again.folderItem, False, False)
    assert again.folderItem == 0
    assert Result.all(scene) == [again]


def _counted(refresh, looks: list[bool]):
    """``NodeIndex._refresh``, which tells ``looks`` each time whether it had to look through the scene."""

    def counted(index) -> None:
        looks.append(index._stale)
        refresh(index)

    return counted
