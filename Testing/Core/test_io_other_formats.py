"""What people have beside NIfTI in one file: CDs, ZIPs, NIfTI-2, pairs of files, PAR/REC, MultiVolumes, single axes."""

import struct
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pytest
from dicom_sample import ALL, check, classic, save

from dsc_superres.errors import FileError, SeriesError
from dsc_superres.io import read_series

VOXELS = np.random.default_rng(0).integers(0, 900, (6, 5, 4, 3)).astype(np.int16)
"""x, y, z, t"""
AFFINE = np.array([[-3.0, 0, 0, 60], [0, 3, 0, -60], [0, 0, 5, -10], [0, 0, 0, 1]])


def saved(image, path: Path, zooms=(1.5,)) -> Path:
    image.header.set_zooms((*image.header.get_zooms()[:3], *zooms))
    if isinstance(image.header, nibabel.Nifti1Header):
        image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (nibabel.Nifti2Image, "two.nii"),
        (nibabel.Nifti2Image, "two.nii.gz"),
        (nibabel.Nifti1Pair, "pair.hdr"),
        (nibabel.Nifti1Pair, "pair.img"),
        (nibabel.AnalyzeImage, "old.hdr"),
    ],
)
def test_nifti_of_other_kinds(tmp_path, kind, name, capfd):
    series = read_series(saved(kind(VOXELS, AFFINE), tmp_path / name))
    assert np.array_equal(series.signal, VOXELS.T)
    assert (series.scalar_type, series.times.tolist()) == (np.int16, [0, 1.5, 3])
    if kind is nibabel.AnalyzeImage:
        assert series.sources["geometry"] == "missing"
    else:
        assert np.allclose(np.diag([-1, -1, 1, 1]) @ series.geometry.affine, AFFINE)
    assert not capfd.readouterr().err


def test_one_file_of_a_pair_says_what_is_missing(tmp_path):
    path = saved(nibabel.Nifti1Pair(VOXELS, AFFINE), tmp_path / "pair.hdr")
    (tmp_path / "pair.img").unlink()
    with pytest.raises(FileError, match=r"pair.img is missing"):
        read_series(path)
    path.write_bytes(b"no header")
    (tmp_path / "pair.img").write_bytes(b"")
    with pytest.raises(FileError, match="cut short or damaged"):
        read_series(path)


@pytest.mark.parametrize(
    ("kind", "name"), [(nibabel.Nifti2Image, "two.nii"), (nibabel.Nifti1Pair, "pair.hdr"), (None, "scan.PAR")]
)
def test_a_header_that_asks_for_gigabytes_is_refused_before_they_are_taken(tmp_path, kind, name):
    path = tmp_path / name
    if kind is None:
        sample = Path(nibabel.__file__).parent / "tests" / "data" / "phantom_EPI_asc_CLEAR_2_1.PAR"
        path.write_text(sample.read_text().replace("   64   64  ", " 8064 8064  "))
        (tmp_path / "scan.REC").write_bytes(b"short")
    else:
        saved(kind(VOXELS, AFFINE), path)
        raw = bytearray(path.read_bytes())
        layout, place = ("<4q", 24) if name == "two.nii" else ("<4h", 42)
        struct.pack_into(layout, raw, place, 800, 800, 400, 12)
        path.write_bytes(raw)
    with pytest.raises(FileError, match=r"needs [0-9,]{13,} bytes"):
        read_series(path)


@pytest.mark.parametrize(
    ("voxels", "zooms"),
    [(VOXELS[:, :, :, None], (1.5, 1)), (VOXELS[:, :, :, None], (1, 1.5)), (VOXELS[..., None], (1.5, 1))],
)
def test_a_single_axis_is_no_axis(tmp_path, voxels, zooms):
    series = read_series(saved(nibabel.Nifti1Image(voxels, AFFINE), tmp_path / "five.nii", zooms))
    assert np.array_equal(series.signal, VOXELS.T)
    assert series.times.tolist() == [0, 1.5, 3]


def test_multivolume_without_times(tmp_path):
    lines = ["NRRD0005", "type: short", "dimension: 4", "space: left-posterior-superior", "sizes: 3 6 5 4"]
    lines += ["space directions: none (3,0,0) (0,3,0) (0,0,5)", "kinds: list domain domain domain", "endian: little"]
    lines += ["encoding: raw", "space origin: (1,2,3)", "MultiVolume.FrameLabels:=0,1,2"]
    lines += ["MultiVolume.DICOM.RepetitionTime:=1500", "MultiVolume.DICOM.EchoTime:=30", "", ""]
    path = tmp_path / "multi.nrrd"
    path.write_bytes("\n".join(lines).encode() + VOXELS.transpose(2, 1, 0, 3).tobytes())
    series = read_series(path)
    assert np.array_equal(series.signal, VOXELS.T)
    assert (series.times.tolist(), series.echo_time) == ([0, 1.5, 3], 0.03)
    assert "MultiVolume.DICOM.RepetitionTime" in series.sources["times"]


def test_philips_par_with_its_rec():
    """The real one that nibabel is tested with: 9 slices and 3 frames, 2 s apart."""
    path = Path(nibabel.__file__).parent / "tests" / "data" / "phantom_EPI_asc_CLEAR_2_1.PAR"
    series = read_series(path)
    image = nibabel.load(path)
    assert np.array_equal(series.signal, np.asarray(image.dataobj, np.float32).T)
    assert np.allclose(np.diag([-1, -1, 1, 1]) @ series.geometry.affine, image.affine)
    assert (series.times.tolist(), series.echo_time) == ([0, 2, 4], 0.03)
    with pytest.raises(SeriesError, match="no echo 2"):
        read_series(path, echo=2)


def test_par_files_of_one_scale_for_each_frame(tmp_path):
    """The same, with half the scale slope and twice the displayed values in its second frame."""
    data = Path(nibabel.__file__).parent / "tests" / "data"
    lines = (data / "phantom_EPI_asc_CLEAR_2_1.PAR").read_text().splitlines()
    rows = [line.split() for line in lines if line.strip()[:1].isdigit()]
    truth = read_series(data / "phantom_EPI_asc_CLEAR_2_1.PAR").signal / float(rows[0][12]) / float(rows[0][13])
    for k, line in enumerate(lines):
        words = line.split()
        if words and words[0].isdigit() and words[2] == "2":
            words[12], words[13] = f"{2 * float(words[12]):.8g}", words[13]
            lines[k] = "  ".join(words)
    (tmp_path / "scan.PAR").write_text("\n".join(lines))
    (tmp_path / "scan.REC").write_bytes((data / "phantom_EPI_asc_CLEAR_2_1.REC").read_bytes())
    series = read_series(tmp_path / "scan.PAR")
    assert np.allclose(series.signal, truth, rtol=1e-4)
    assert any("scale slope" in note for note in series.notes)


@pytest.fixture
def disc(tmp_path) -> Path:
    """A CD: an index, another series, and the files of the series in two subfolders."""
    datasets = [classic(t, z) for t, z in ALL]
    save(tmp_path / "disc" / "IMAGES" / "A", datasets[:7])
    save(tmp_path / "disc" / "IMAGES" / "B", datasets[7:])
    other = classic(0, 0, SeriesNumber=1)
    other.SeriesInstanceUID, other.SeriesNumber = "1.2.4", 1
    save(tmp_path / "disc" / "IMAGES" / "C", [other])
    (tmp_path / "disc" / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    (tmp_path / "disc" / "AUTORUN.INF").write_text("[autorun]")
    return tmp_path / "disc"


def test_a_disc(disc):
    for path in (disc, disc / "DICOMDIR"):
        with pytest.raises(FileError, match=r"2 series .*number 7 with 12 files.*--series NUMBER"):
            read_series(path)
        check(read_series(path, series=7), [0, 1.5, 3], "RepetitionTime")
    with pytest.raises(FileError, match="no series 8: it holds"):
        read_series(disc, series=8)


def test_a_zip(disc, tmp_path):
    """Names inside that point out of the folder are only names."""
    path = tmp_path / "disc.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(disc.rglob("*")):
            if file.is_file():
                archive.write(file, f"../../{file.name}{file.parent.name}")
    check(read_series(path, series=7), [0, 1.5, 3], "RepetitionTime")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["disc", "disc.zip"]
    with pytest.raises(FileError, match=r"disc.zip holds 2 series"):
        read_series(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(FileError, match="cut short or damaged"):
        read_series(path)


def test_a_zip_that_is_too_large(disc, tmp_path, monkeypatch):
    monkeypatch.setattr("dsc_superres.io.zip_folder.LARGEST", 100)
    with zipfile.ZipFile(tmp_path / "large.zip", "w") as archive:
        archive.writestr("image", bytes(1000))
    with pytest.raises(FileError, match="unpack it and name the folder"):
        read_series(tmp_path / "large.zip")


def test_choices_that_a_format_does_not_have(tmp_path):
    path = saved(nibabel.Nifti1Image(VOXELS, AFFINE), tmp_path / "scan.nii")
    with pytest.raises(FileError, match="no DICOM folder"):
        read_series(path, echo=1)
