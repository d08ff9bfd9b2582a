"""Small files that ask for more than a machine has, and files that contradict themselves."""

import gzip
import json
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from dicom_sample import ALL, PIXELS, classic, save
from pydicom.uid import DeflatedExplicitVRLittleEndian

from dsc_superres.errors import DSCError
from dsc_superres.io import dicom_reading, read_series
from dsc_superres.io.image_file import check_memory
from dsc_superres.jobs.job_files import read_job
from dsc_superres.jobs.run import run_job
from dsc_superres.series import Series

HUGE = 30_000


def sparse(path: Path, begin: bytes, size: int) -> Path:
    with open(path, "wb") as file:
        file.write(begin)
        file.truncate(len(begin) + size)
    return path


def nifti_header(*sizes: int) -> bytes:
    import nibabel

    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.uint8)
    header.set_data_shape(sizes)
    header["vox_offset"], header["magic"] = 352, b"n+1"
    return header.structarr.tobytes() + bytes(4)


def test_a_size_beyond_the_memory_is_refused_before_it_is_taken(tmp_path: Path) -> None:
    image = sparse(tmp_path / "scan.nii", nifti_header(HUGE, HUGE, 2, 60), HUGE * HUGE * 120)
    text = f"NRRD0004\ntype: uchar\ndimension: 4\nsizes: {HUGE} {HUGE} 60 2\nencoding: raw\n\n"
    nrrd = sparse(tmp_path / "scan.nrrd", text.encode(), HUGE * HUGE * 120)
    for path in (image, nrrd):
        with pytest.raises(DSCError, match=r"memory|cannot hold"):
            read_series(path)


def test_a_gzip_file_cannot_stand_for_more_than_gzip_can(tmp_path: Path) -> None:
    (tmp_path / "scan.nii.gz").write_bytes(gzip.compress(nifti_header(3000, 3000, 2, 60) + bytes(10_000_000)))
    with pytest.raises(DSCError, match="cut short"):
        read_series(tmp_path / "scan.nii.gz")


def test_a_deflated_file_is_unpacked_within_limits(tmp_path: Path) -> None:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.filereader import read_file_meta_info

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.4", "1.2.3"
    file = FileDataset("x", {}, file_meta=meta, preamble=bytes(128))
    file.Rows = 4
    file.save_as(tmp_path / "bomb", enforce_file_format=True)
    begin = (tmp_path / "bomb").read_bytes()
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = b"".join(packer.compress(bytes(2**24)) for _ in range(65)) + packer.flush()
    start = 132 + 12 + read_file_meta_info(tmp_path / "bomb").FileMetaInformationGroupLength
    (tmp_path / "bomb").write_bytes(begin[:start] + bomb)
    with pytest.raises(DSCError, match="unpacks to more"):
        read_series(tmp_path)


@pytest.mark.parametrize("deflated", [False, True])
def test_a_dicom_file_has_so_many_elements_at_most(tmp_path: Path, monkeypatch, deflated: bool) -> None:
    """pydicom makes objects of 8 bytes each: 24 MB of them took two minutes and 2 GB."""
    monkeypatch.setattr(dicom_reading, "MOST_READS", 2000)
    syntax = b"1.2.840.10008.1.2.1.99" if deflated else b"1.2.840.10008.1.2.1\0"
    syntax = b"\x02\0\x10\0UI" + struct.pack("<H", len(syntax)) + syntax
    meta = bytes(128) + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(syntax)) + syntax
    items = struct.pack("<HH2sHI", 0x5200, 0x9230, b"SQ", 0, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0) * 2000
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    (tmp_path / "bomb.dcm").write_bytes(meta + (packer.compress(items) + packer.flush() if deflated else items))
    with pytest.raises(DSCError, match="more elements than any image"):
        read_series(tmp_path)


def test_a_deflated_file_is_read(tmp_path: Path) -> None:
    images = [classic(*place, AcquisitionTime=f"10000{place[0]}") for place in ALL]
    for one in images:
        one.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    assert np.array_equal(read_series(save(tmp_path, images)).signal, PIXELS)


def test_memory_that_is_there_may_be_taken() -> None:
    check_memory(Path("scan.nii"), 10**6)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="Linux")
def test_files_of_the_system_are_empty() -> None:
    with pytest.raises(DSCError, match="is empty"):
        read_series("/proc/self/status")


def test_a_name_with_two_values_is_refused(tmp_path: Path) -> None:
    job = '{"task": "reconstruct", "input": "a.nii", "output": "one", "output": "%s"}'
    (tmp_path / "job.json").write_text(job % "two")
    with pytest.raises(DSCError, match='"output" is there twice'):
        read_job(tmp_path / "job.json")
    (tmp_path / "job.json").write_text(job % "one")
    assert read_job(tmp_path / "job.json").output.name == "one"


def test_a_pipe_instead_of_an_array_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "series.npy")
    geometry = {"spacing": [2, 2, 5], "origin": [0, 0, 0], "direction": np.eye(3).tolist()}
    job = {"task": "reconstruct", "input": str(tmp_path / "series.npy"), "output": str(tmp_path / "out.nii")}
    with pytest.raises(DSCError, match="pipe"):
        run_job({**job, "model": "linear", "times": [0, 1], "geometry": geometry})


def test_a_series_is_opened_into_a_folder_of_its_own(tmp_path: Path) -> None:
    from dsc_superres.io import write_series

    write_series(Series(np.ones((3, 2, 4, 4), np.float32), [0, 1, 2]), tmp_path / "a.nii")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "signal.npy").write_text(json.dumps("mine"))
    with pytest.raises(DSCError, match="did not write"):
        run_job({"task": "open", "input": str(tmp_path / "a.nii"), "output": str(tmp_path / "mine")})
    assert (tmp_path / "mine" / "signal.npy").read_text() == '"mine"'


def test_what_is_no_dicom_is_not_unpacked(tmp_path: Path, monkeypatch) -> None:
    import zipfile

    from dsc_superres.io import zip_folder

    monkeypatch.setattr(zip_folder, "_BLOCK", 200)
    with zipfile.ZipFile(tmp_path / "scan.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(10**7))
        archive.writestr("image", bytes(128) + b"DICM" + bytes(1000))
    with zip_folder.unpacked(tmp_path / "scan.zip") as folder:
        assert [path.stat().st_size for path in folder.iterdir()] == [1132]


def test_a_sidecar_with_two_values_of_one_name_is_read_where_nobody_needs_it(tmp_path: Path) -> None:
    from dsc_superres.io import write_series

    write_series(Series(np.ones((3, 2, 4, 4), np.float32), [0, 1.5, 3], echo_time=0.03), tmp_path / "a.nii")
    for name, words in (("Manufacturer", None), ("EchoTime", "EchoTime .* has 2 values")):
        text = f'{{"EchoTime": 0.03, "RepetitionTime": 1.5, "Manufacturer": 0.03, "{name}": 0.05}}'
        (tmp_path / "a.json").write_text(text)
        if words is None:
            assert read_series(tmp_path / "a.nii").echo_time == 0.03
        else:
            with pytest.raises(DSCError, match=words):
                read_series(tmp_path / "a.nii")


def test_a_member_of_a_zip_needs_no_name(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "scan.zip", "w") as archive:
        archive.writestr("a", b"x")
    raw = (tmp_path / "scan.zip").read_bytes()
    (tmp_path / "scan.zip").write_bytes(raw.replace(b"a", b"\0"))
    with pytest.raises(DSCError):
        read_series(tmp_path / "scan.zip")
