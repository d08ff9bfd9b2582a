"""Bad input: one sentence of ours that names the file, and nothing half-written."""

import gzip
import json
import os

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from dsc_superres.errors import DSCError, FileError, SeriesError
from dsc_superres.geometry import Geometry
from dsc_superres.io import read_series, read_volume, write_series, write_volume
from dsc_superres.series import Series

SUFFIXES = (".nii", ".nii.gz", ".seq.nrrd")


@pytest.fixture
def series() -> Series:
    signal = np.random.default_rng(0).normal(100, 9, (4, 8, 32, 32))
    return Series(signal, np.arange(4) * 1.5, echo_time=0.03)


def refuses(action, *words, kind=DSCError):
    """``action`` raises ``kind`` with one sentence that has all the ``words``."""
    with pytest.raises(kind) as caught:
        action()
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message
    assert message.endswith((".", ")"))


def save(voxels, path, affine=None):
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4) if affine is None else affine), path)
    return path


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((4, 4, 4), ("3 dimensions",)),
        ((4, 4), ("2 dimensions",)),
        ((4, 4, 4, 1), ("single frame",)),
        ((4, 4, 4, 2, 3), ("5 dimensions",)),
    ],
)
def test_not_a_dynamic_series(tmp_path, shape, words):
    path = save(np.zeros(shape, np.float32), tmp_path / "scan.nii")
    refuses(lambda: read_series(path), "scan.nii", *words, kind=SeriesError)
    if len(shape) == 3:
        sitk.WriteImage(sitk.ReadImage(str(path)), str(tmp_path / "scan.nrrd"))
        refuses(lambda: read_series(tmp_path / "scan.nrrd"), "scan.nrrd", *words, kind=SeriesError)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite(tmp_path, bad):
    voxels = np.ones((4, 4, 4, 3), np.float32)
    voxels[1, 2, 3, 1] = bad
    refuses(lambda: read_series(save(voxels, tmp_path / "scan.nii.gz")), "scan.nii.gz", "frame 1", kind=SeriesError)


@pytest.mark.parametrize("dtype", [np.complex64, [("R", "u1"), ("G", "u1"), ("B", "u1")]])
def test_not_one_number_per_voxel(tmp_path, dtype):
    path = save(np.zeros((4, 4, 4, 3), dtype), tmp_path / "scan.nii")
    refuses(lambda: read_series(path), "scan.nii", "one real number", kind=FileError)


def test_sheared_axes(tmp_path):
    sheared = np.diag([2.0, 2, 5, 1])
    sheared[0, 1] = 0.3
    path = save(np.zeros((4, 4, 4, 3)), tmp_path / "scan.nii", sheared)
    refuses(lambda: read_series(path), "scan.nii", "right angles", "resample")


def test_axes_that_contradict_the_voxel_size(tmp_path, capfd):
    image = nibabel.Nifti1Image(np.zeros((4, 4, 4, 3)), np.diag([2.0, 2, 2, 1]))
    image.header["pixdim"][1:4] = 1
    nibabel.save(image, tmp_path / "scan.nii")
    refuses(lambda: read_series(tmp_path / "scan.nii"), "scan.nii", "1 x 1 x 1 mm and 2 x 2 x 2 mm", kind=FileError)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"EchoTime": 0}, ("echo time", "0 s")),
        ({"EchoTime": 3000}, ("echo time", "3000 s")),
        ({"EchoTime": "short"}, ("EchoTime", "not a number")),
        ({"EchoTime": [0.01, 0.03]}, ("EchoTime", "2 values")),
        ({"RepetitionTime": "long"}, ("RepetitionTime", "not a number")),
        ({"FrameTimes": [0, 1, 1, 2]}, ("do not increase",)),
        ({"FrameTimes": [0, 3, 2, 4]}, ("do not increase",)),
        ({"FrameTimes": [0, 1, 2]}, ("3 frame times", "4 frames")),
        ([1, 2], ("JSON object",)),
        (None, ("not valid JSON",)),
    ],
)
def test_sidecar(tmp_path, series, content, words):
    write_series(series, tmp_path / "scan.nii")
    (tmp_path / "scan.json").write_text("{" if content is None else json.dumps(content))
    refuses(lambda: read_series(tmp_path / "scan.nii"), *words)
    if isinstance(content, dict):
        assert read_series(tmp_path / "scan.nii", echo_time=0.03, interval=1).interval == 1


def test_user_values(tmp_path, series):
    write_series(series, tmp_path / "scan.nii")
    for bad in (0.0, -1.0, float("nan"), float("inf")):
        refuses(lambda bad=bad: read_series(tmp_path / "scan.nii", interval=bad), "interval", kind=SeriesError)
        refuses(lambda bad=bad: read_series(tmp_path / "scan.nii", echo_time=bad), "echo time", kind=SeriesError)


@pytest.mark.parametrize("values", ["0 1 1 2", "0 1 2"])
def test_index_values(tmp_path, series, values):
    path = tmp_path / "scan.seq.nrrd"
    write_series(series, path)
    path.write_bytes(path.read_bytes().replace(b"index values:=0.0 1.5 3.0 4.5", f"index values:={values}".encode()))
    refuses(lambda: read_series(path), "scan.seq.nrrd")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("share", [0.5, 0.999])
def test_cut_short(tmp_path, series, suffix, share, capfd):
    path = tmp_path / f"scan{suffix}"
    write_series(series, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    refuses(lambda: read_series(path), f"scan{suffix}", "cut short", kind=FileError)
    assert capfd.readouterr().err == ""


def test_checksum(tmp_path, series):
    path = tmp_path / "scan.nii.gz"
    write_series(series, path)
    raw = bytearray(path.read_bytes())
    raw[-6] ^= 1
    path.write_bytes(raw)
    refuses(lambda: read_series(path), "scan.nii.gz", "damaged", kind=FileError)


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".nrrd"])
@pytest.mark.parametrize("content", [b"", b"These are notes about the scan.\n" * 40, b"NRRD0005\ntype: short\n\n"])
def test_something_else_under_that_name(tmp_path, suffix, content, capfd):
    path = tmp_path / f"notes{suffix}"
    path.write_bytes(content)
    refuses(lambda: read_series(path), f"notes{suffix}", kind=FileError)
    assert capfd.readouterr().err == ""


def test_gzipped_text(tmp_path):
    (tmp_path / "notes.nii.gz").write_bytes(gzip.compress(b"notes" * 200))
    refuses(lambda: read_series(tmp_path / "notes.nii.gz"), "not a NIfTI", kind=FileError)


def test_impossible_header(tmp_path, series):
    path = tmp_path / "scan.nii"
    write_series(series, path)
    raw = bytearray(path.read_bytes())
    raw[42:50] = np.array([32767] * 4, "<i2").tobytes()
    path.write_bytes(raw)
    refuses(lambda: read_series(path), "scan.nii", kind=FileError)


def test_names(tmp_path, series):
    (tmp_path / "scan.txt").write_text("text")
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "readme").write_text("not DICOM" * 99)
    refuses(lambda: read_series(tmp_path / "nothing.nii"), "nothing.nii", "does not exist", kind=FileError)
    refuses(lambda: read_series(tmp_path / "scan.txt"), "scan.txt", "unknown format", kind=FileError)
    refuses(lambda: read_series(tmp_path / "empty"), "holds no DICOM", kind=FileError)
    refuses(lambda: read_series(tmp_path / "text"), "holds no DICOM", kind=FileError)
    refuses(lambda: write_series(series, tmp_path / "scan.mha"), "scan.mha", ".seq.nrrd", kind=FileError)
    refuses(lambda: read_volume(tmp_path / "scan.txt"), "scan.txt", "unknown format", kind=FileError)
    refuses(lambda: write_volume(series.signal, Geometry(), tmp_path / "a.nii"), "3 dimensions", kind=FileError)
    write_series(series, tmp_path / "scan.nii")
    refuses(lambda: read_volume(tmp_path / "scan.nii"), "scan.nii", "4 dimensions", kind=FileError)


def listing(folder):
    return sorted(p.name for p in folder.rglob("*"))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_targets_that_cannot_be_written(tmp_path, series, suffix):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / f"folder{suffix}").mkdir()
    (tmp_path / "taken.json").mkdir()
    (tmp_path / f"locked{suffix}").write_text("precious")
    (tmp_path / f"locked{suffix}").chmod(0o444)
    before = listing(tmp_path)
    for name in ("missing/scan", "file/scan", "folder", "taken", "locked"):
        target = tmp_path / f"{name}{suffix}"
        culprit = tmp_path / "taken.json" if name == "taken" else target
        words = f"Cannot write {culprit}:", "read-only" if name == "locked" else "folder"
        refuses(lambda target=target: write_series(series, target), *words, kind=FileError)
    assert listing(tmp_path) == before
    assert (tmp_path / f"locked{suffix}").read_text() == "precious"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_image_takes_the_sidecar_of_another(tmp_path, series, suffix):
    write_series(series, tmp_path / f"scan{suffix}")
    fine = Series(series.signal, series.times / 4, echo_time=0.03)
    for other in set(SUFFIXES) - {suffix}:
        refuses(lambda other=other: write_series(fine, tmp_path / f"scan{other}"), "scan.json", kind=FileError)
    assert np.allclose(read_series(tmp_path / f"scan{suffix}").times, series.times)
    write_series(fine, tmp_path / f"scan{suffix}")


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files as a full disk would, which needs POSIX")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_full_disk_leaves_the_old_file(tmp_path, series, suffix):
    import resource

    path = tmp_path / f"scan{suffix}"
    write_series(series, path)
    before = path.read_bytes(), (tmp_path / "scan.json").read_bytes()
    other = series.with_signal(series.signal + 1)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before[0]) // 2, hard))
        refuses(lambda: write_series(other, path), f"scan{suffix}", "free space", kind=FileError)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert (path.read_bytes(), (tmp_path / "scan.json").read_bytes()) == before
    assert listing(tmp_path) == sorted([path.name, "scan.json"])
