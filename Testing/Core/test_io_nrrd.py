"""NRRD files as Slicer's versions and importers leave them: where the times hide, and where they only seem to be."""

import numpy as np
import pytest
import SimpleITK as sitk

from dsc_superres.io import nrrd, read_series
from dsc_superres.series import MISSING

VOXELS = np.arange(3 * 2 * 4 * 5, dtype=np.int16).reshape(3, 2, 4, 5)
LABELS = {
    "MultiVolume.FrameLabels": "0,1500,3100",
    "MultiVolume.FrameIdentifyingDICOMTagName": "AcquisitionTime",
    "MultiVolume.FrameIdentifyingDICOMTagUnits": "ms",
}


def write_nrrd(path, *, kinds="domain domain domain list", units=None, pairs=None, fields=(), voxels=VOXELS):
    """A NRRD written by hand, axes in the order of ``kinds``."""
    frame_axis = [k in ("domain", "space") for k in kinds.split()].index(False)
    stored = voxels if frame_axis == 3 else np.moveaxis(voxels, 0, -1)
    directions = ["(2,0,0)", "(0,2,0)", "(0,0,5)"]
    directions.insert(frame_axis, "none")
    lines = ["NRRD0005", "# a comment", "type: short", "dimension: 4", "space: right-anterior-superior"]
    lines += [f"sizes: {' '.join(map(str, stored.shape[::-1]))}", f"space directions: {' '.join(directions)}"]
    lines += [f"kinds: {kinds}", "endian: little", "encoding: raw", "space origin: (10,20,30)", *fields]
    if units is not None:
        quoted = ['""'] * 4
        quoted[frame_axis] = f'"{units}"'
        lines.append(f"units: {' '.join(quoted)}")
    lines += [f"{key}:={value}" for key, value in (pairs or {}).items()]
    path.write_bytes("\n".join([*lines, "", ""]).encode() + stored.astype("<i2").tobytes())
    return path


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ({"units": "s", "pairs": {"axis 3 index values": "0 1.5 3.1"}}, [0, 1.5, 3.1]),
        ({"units": "ms", "pairs": {"axis 3 index values": "250 1500 3100"}}, [0.25, 1.5, 3.1]),
        ({"units": "s", "pairs": {"axis 3 index values": "%30 1.5 3.1"}}, [0, 1.5, 3.1]),
        ({"units": "s", "pairs": {"axis 0 index values": "0 1.5 3.1"}, "kinds": "list domain domain domain"}, None),
        ({"units": "", "pairs": {"axis 3 index values": "0 1.5 3.1"}}, MISSING),
        ({"units": "mm", "pairs": {"axis 3 index values": "0 1.5 3.1"}}, MISSING),
        ({"units": "s", "pairs": {"axis 3 index values": "before during after"}}, MISSING),
        ({"units": "", "pairs": {"axis 3 index values": "0 1 2", **LABELS}}, [0, 1.5, 3.1]),
        ({"pairs": {**LABELS, "MultiVolume.FrameLabels": "36000000,36001500,36003100"}}, [0, 1.5, 3.1]),
        ({"pairs": {**LABELS, "MultiVolume.FrameIdentifyingDICOMTagName": "EchoTime"}}, MISSING),
        ({"pairs": {**LABELS, "MultiVolume.FrameIdentifyingDICOMTagUnits": "count"}}, MISSING),
        ({"pairs": {**LABELS, "MultiVolume.FrameLabels": "0,1500"}}, MISSING),
        ({"units": "s", "fields": ["spacings: nan nan nan 1.5"]}, [0, 1.5, 3]),
        ({"fields": ["spacings: nan nan nan 1.5"]}, MISSING),
    ],
)
def test_where_the_times_are(tmp_path, layout, expected):
    series = read_series(write_nrrd(tmp_path / "scan.nrrd", **layout))
    if expected == MISSING:
        assert series.times.tolist() == [0, 1, 2]
        assert not series.has_times
    else:
        assert series.times.tolist() == pytest.approx(expected or [0, 1.5, 3.1])
        assert series.has_times


@pytest.mark.parametrize(
    "kinds",
    ["domain domain domain list", "space space space list", "list domain domain domain", "vector domain domain domain"],
)
def test_any_place_of_the_frame_axis(tmp_path, kinds):
    series = read_series(write_nrrd(tmp_path / "scan.seq.nrrd", kinds=kinds))
    assert np.array_equal(series.signal, VOXELS)
    assert series.scalar_type == np.int16
    assert series.geometry.spacing == (2, 2, 5)
    assert series.geometry.origin == (-10, -20, 30)
    assert np.allclose(series.geometry.direction, np.diag([-1, -1, 1]))


def test_plain_four_dimensional_nrrd(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(VOXELS, isVector=False), str(tmp_path / "scan.nrrd"))
    series = read_series(tmp_path / "scan.nrrd")
    assert np.array_equal(series.signal, VOXELS)
    assert not series.has_times


@pytest.mark.parametrize(("value", "expected"), [("30", 0.03), ("", None)])
def test_echo_time_of_the_dicom_importer(tmp_path, value, expected):
    path = write_nrrd(tmp_path / "scan.nrrd", pairs={"MultiVolume.DICOM.EchoTime": value})
    assert read_series(path).echo_time == expected


@pytest.mark.parametrize("kinds", ["domain domain domain list", "list domain domain domain"])
@pytest.mark.parametrize("kind", [np.int16, np.uint8, np.float64])
def test_large_sequences_are_read_frame_by_frame_and_alike(tmp_path, monkeypatch, kinds, kind):
    """Slicer's layout, and only that, is read without ITK, which holds the whole file in memory."""
    path = tmp_path / "large.seq.nrrd"
    write_plain(path, (37 * np.random.default_rng(4).random((5, 4, 3, 2))).astype(kind), kinds)
    expected, whole = read_series(path), nrrd._read_with_itk
    monkeypatch.setattr(nrrd, "IN_MEMORY_LIMIT", 0)
    asked = []
    monkeypatch.setattr(nrrd, "_read_with_itk", lambda path: asked.append(1) or whole(path))
    found = read_series(path)
    assert asked == ([1] if kinds.startswith("list") else [])
    assert np.array_equal(found.signal, expected.signal)
    assert found.signal.std() > 0
    assert (found.scalar_type, found.geometry) == (expected.scalar_type, expected.geometry)


def write_plain(path, voxels, kinds):
    """Uncompressed voxels in the order of memory, in a rotated space."""
    names = {"int16": "short", "uint8": "unsigned char", "float64": "double"}
    lines = ["NRRD0004", f"type: {names[voxels.dtype.name]}", "dimension: 4", "space: left-posterior-superior"]
    lines += [f"sizes: {' '.join(map(str, voxels.shape[::-1]))}", "encoding: raw", "endian: little"]
    axes = ["(0,2,0)", "(-3,0,0)", "(0,0,4)"]
    axes.insert(0 if kinds.startswith("list") else 3, "none")
    lines += [f"space directions: {' '.join(axes)}", "space origin: (1,2,3)", f"kinds: {kinds}"]
    path.write_bytes("\n".join([*lines, "", ""]).encode() + voxels.tobytes())
