"""``.seq.nrrd`` against Slicer's own reader and writer of volume sequences (from the slicer-core wheel)."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest

if find_spec("slicer") is None and sys.version_info >= (3, 14):
    pytest.skip("slicer-core has no wheel for this Python", allow_module_level=True)

import slicer
import vtk
from scipy.spatial.transform import Rotation
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from dsc_superres.geometry import Geometry
from dsc_superres.io import read_series, write_series
from dsc_superres.series import Series

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
TIMES = [0.0, 1.5, 3.123456789, 4.6]


@pytest.fixture
def scene():
    return slicer.vtkMRMLScene()


def make_series(handedness=1) -> Series:
    direction = Rotation.from_euler("xyz", (12, -25, 40), degrees=True).as_matrix()
    direction[:, 2] *= handedness
    geometry = Geometry((1.8, 1.75, 5.0), (-110.3, 95.2, -41.7), tuple(map(tuple, direction)))
    signal = np.random.default_rng(0).normal(300, 90, (4, 3, 5, 6))
    return Series(signal, np.array(TIMES), geometry, echo_time=0.03, scalar_type=np.int16)


@pytest.fixture
def series() -> Series:
    return make_series()


def storage(scene, path):
    node = scene.AddNewNodeByClass("vtkMRMLVolumeSequenceStorageNode")
    node.SetFileName(str(path))
    return node


def matrix(volume) -> np.ndarray:
    ijk_to_ras = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(ijk_to_ras)
    return np.array([[ijk_to_ras.GetElement(i, j) for j in range(4)] for i in range(4)])


def voxels(volume) -> np.ndarray:
    image = volume.GetImageData()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])


def fill(scene, series, values, unit):
    """A sequence node as Slicer makes it."""
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode")
    sequence.SetIndexName("time")
    sequence.SetIndexUnit(unit)
    ijk_to_ras = vtk.vtkMatrix4x4()
    ijk_to_ras.DeepCopy((LPS_TO_RAS @ series.geometry.affine).ravel())
    for frame, value in zip(series.signal, values, strict=True):
        image = vtk.vtkImageData()
        image.SetDimensions(*series.size)
        image.GetPointData().SetScalars(numpy_to_vtk(np.rint(frame).astype(np.int16).ravel(), deep=True))
        volume = slicer.vtkMRMLScalarVolumeNode()
        volume.SetAndObserveImageData(image)
        volume.SetIJKToRASMatrix(ijk_to_ras)
        sequence.SetDataNodeAtValue(volume, value)
    return sequence


@pytest.mark.parametrize("integer", [False, True])
def test_slicer_reads_ours(scene, series, tmp_path, integer):
    path = tmp_path / "scan.seq.nrrd"
    write_series(series, path, integer=integer)
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode")
    assert storage(scene, path).ReadData(sequence)
    assert (sequence.GetIndexName(), sequence.GetIndexUnit()) == ("time", "s")
    assert sequence.GetIndexType() == slicer.vtkMRMLSequenceNode.NumericIndex
    assert sequence.GetDataNodeClassName() == "vtkMRMLScalarVolumeNode"
    assert [float(sequence.GetNthIndexValue(i)) for i in range(sequence.GetNumberOfDataNodes())] == TIMES
    assert sequence.GetAttribute("DSCSuperRes.EchoTime") == "0.03"
    for i, frame in enumerate(series.signal):
        volume = sequence.GetNthDataNode(i)
        assert np.allclose(matrix(volume), LPS_TO_RAS @ series.geometry.affine, atol=1e-9)
        assert np.array_equal(voxels(volume), np.rint(frame).astype(np.int16) if integer else frame)


@pytest.mark.parametrize(
    ("unit", "values", "times"),
    [
        ("s", ["0", "1.5", "3.123456789", "4.6"], TIMES),
        ("ms", ["0", "1500", "3123.456789", "4600"], TIMES),
        ("", ["0", "1", "2", "3"], None),
    ],
)
def test_we_read_slicers(scene, series, tmp_path, unit, values, times):
    path = tmp_path / "scan.seq.nrrd"
    sequence = fill(scene, series, values, unit)
    sequence.SetAttribute("MultiVolume.DICOM.EchoTime", "30")
    assert storage(scene, path).WriteData(sequence)
    back = read_series(path)
    assert back.has_times == (times is not None)
    assert back.times.tolist() == pytest.approx(times or [0, 1, 2, 3], abs=1e-12)
    assert back.echo_time == 0.03
    assert back.scalar_type == np.int16
    assert np.array_equal(back.signal, np.rint(series.signal))
    assert np.allclose(back.geometry.affine, series.geometry.affine, atol=1e-9)


def test_slicer_puts_left_handed_grids_in_the_same_place(scene, tmp_path):
    """Slicer turns them right-handed: last slice first, with the matrix to match."""
    series = make_series(handedness=-1)
    write_series(series, tmp_path / "scan.seq.nrrd")
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode")
    assert storage(scene, tmp_path / "scan.seq.nrrd").ReadData(sequence)
    flip = np.diag([1.0, 1, -1, 1])
    flip[2, 3] = series.size[2] - 1
    volume = sequence.GetNthDataNode(1)
    assert np.array_equal(voxels(volume), series.signal[1, ::-1])
    assert np.allclose(matrix(volume), LPS_TO_RAS @ series.geometry.affine @ flip, atol=1e-9)


def test_the_importers_frame_labels_win_over_its_frame_numbers(scene, series, tmp_path):
    sequence = fill(scene, series, ["0", "1", "2", "3"], "")
    sequence.SetIndexName("")
    for key, value in {
        "FrameLabels": "0.0,1500.0,3000.0,4600.0",
        "FrameIdentifyingDICOMTagName": "AcquisitionTime",
        "FrameIdentifyingDICOMTagUnits": "ms",
        "NumberOfFrames": "4",
    }.items():
        sequence.SetAttribute(f"MultiVolume.{key}", value)
    assert storage(scene, tmp_path / "scan.seq.nrrd").WriteData(sequence)
    assert read_series(tmp_path / "scan.seq.nrrd").times.tolist() == [0, 1.5, 3, 4.6]


def test_ours_through_slicer_and_back(scene, series, tmp_path):
    write_series(series, tmp_path / "ours.seq.nrrd")
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode")
    assert storage(scene, tmp_path / "ours.seq.nrrd").ReadData(sequence)
    assert storage(scene, tmp_path / "saved.seq.nrrd").WriteData(sequence)
    back = read_series(tmp_path / "saved.seq.nrrd")
    assert back.times.tolist() == TIMES
    assert back.echo_time == 0.03
    assert np.array_equal(back.signal, series.signal)
    assert np.allclose(back.geometry.affine, series.geometry.affine, atol=1e-9)
