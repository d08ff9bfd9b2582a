"""Headers that crashed, hung or misled the libraries behind the readers are refused by name before those see them."""

import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from dsc_superres.errors import DSCError, FileError
from dsc_superres.io import read_series, read_volume, write_series, write_volume
from dsc_superres.series import Series

SERIES = Series(np.arange(96.0).reshape(4, 2, 3, 4), 1.5 * np.arange(4), echo_time=0.03)


def refuses(path: Path, *words: str, read=read_series) -> None:
    with pytest.raises(FileError) as caught:
        read(path)
    message = str(caught.value)
    assert all(word in message for word in (path.name, *words)), message
    assert "\n" not in message


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize(
    ("layout", "place", "value", "name"),
    [
        ("f", 108, np.nan, "vox_offset"),
        ("f", 108, np.inf, "vox_offset"),
        ("f", 108, 1e30, "vox_offset"),
        ("f", 108, 348.0, "vox_offset"),
        ("f", 108, 0.0, "vox_offset"),
        ("f", 108, 352.5, "vox_offset"),
        ("f", 280, np.nan, "srow_x[0]"),
        ("f", 292, np.inf, "srow_x[3]"),
        ("f", 300, np.inf, "srow_y[1]"),
        ("f", 324, 1e30, "srow_z[3]"),
        ("f", 260, np.nan, "quatern_c"),
        ("f", 260, 3.0, "quatern_b"),
        ("f", 272, np.inf, "qoffset_y"),
        ("f", 76, np.nan, "pixdim[0]"),
        ("f", 84, np.inf, "pixdim[2]"),
        ("h", 72, 8, "bitpix"),
        ("f", 112, np.inf, "scl_slope"),
        ("f", 116, np.nan, "scl_inter"),
        ("h", 42, 30000, "dim"),
    ],
)
def test_nifti_fields(tmp_path, suffix, layout, place, value, name):
    path = tmp_path / f"scan{suffix}"
    write_series(SERIES, tmp_path / "whole.nii")
    raw = bytearray((tmp_path / "whole.nii").read_bytes())
    struct.pack_into("<f", raw, 112, 1.0)
    struct.pack_into(f"<{layout}", raw, place, value)
    path.write_bytes(raw)  # gzipped or not is found out from the content
    refuses(path, name)


def test_a_compressed_file_is_not_read_by_a_library_that_takes_it_for_another(tmp_path, capfd):
    write_series(SERIES, tmp_path / "scan.nii.gz")
    (tmp_path / "scan.nii.gz").rename(tmp_path / "scan.nii")
    refuses(tmp_path / "scan.nii", "rename it to scan.nii.gz")
    assert not capfd.readouterr().err


def test_orientations_that_do_not_count_may_hold_anything(tmp_path):
    write_series(SERIES, tmp_path / "scan.nii")
    raw = bytearray((tmp_path / "scan.nii").read_bytes())
    struct.pack_into("<h", raw, 252, 0)
    struct.pack_into("<3f", raw, 256, np.nan, np.inf, 9.0)
    (tmp_path / "scan.nii").write_bytes(raw)
    assert np.array_equal(read_series(tmp_path / "scan.nii").signal, SERIES.signal)


LONG = "x" * 1200


@pytest.mark.parametrize("read", [read_series, read_volume])
@pytest.mark.parametrize(
    ("line", "words"),
    [
        (LONG, "no field"),
        (f"{LONG}: 3", "no field"),
        (f"{LONG}:=3", "key"),
        (f"content: {LONG}", "longer"),
        ("data file: other.raw", "data file"),
        ("datafile: other.raw", "data file"),
        ("Data File: LIST", "data file"),
        ("type: int", "twice"),
        ("block size: 8", "no field"),
        ("byte skip: 99999999", "sizes"),
        ("thicknesses: a b c", "thicknesses"),
        ("space units: mm", "space units"),
        ("content: a\x07b", "others than text"),
    ],
)
def test_nrrd_lines(tmp_path, read, line, words):
    path = _write(tmp_path, read)
    (tmp_path / "other.raw").write_bytes(bytes(10_000))
    path.write_bytes(path.read_bytes().replace(b"encoding: raw\n", f"encoding: raw\n{line}\n".encode()))
    refuses(path, words, read=read)


@pytest.mark.parametrize("read", [read_series, read_volume])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("type", "s" * 1200),
        ("type", "block"),
        ("dimension", "17"),
        ("dimension", "-1"),
        ("sizes", "4 3 2 99999999999"),
        ("sizes", "4 3 0 4"),
        ("sizes", "4 3"),
        ("sizes", "nan"),
        ("space", "nowhere"),
        ("space origin", "(nan,0,0)"),
        ("space origin", "(1e300,0,0)"),
        ("space origin", "(0,0)"),
        ("space directions", "(inf,0,0) (0,1,0) (0,0,1) none"),
        ("space directions", "(1,0,0)"),
        ("encoding", "e" * 1200),
        ("encoding", "bzip2"),
        ("endian", "middle"),
    ],
)
def test_nrrd_fields(tmp_path, read, name, value):
    path = _write(tmp_path, read)
    header, _, voxels = path.read_bytes().partition(b"\n\n")
    lines = [f"{name}: {value}" if line.startswith(f"{name}: ") else line for line in header.decode().split("\n")]
    path.write_bytes("\n".join(lines).encode() + b"\n\n" + voxels)
    refuses(path, name, read=read)


def _write(folder: Path, read) -> Path:
    if read is read_series:
        write_series(SERIES, folder / "scan.seq.nrrd")
        return folder / "scan.seq.nrrd"
    write_volume(SERIES.signal[0], SERIES.geometry, folder / "scan.nrrd")
    return folder / "scan.nrrd"


def test_long_key_value_pairs_are_read(tmp_path):
    """The times of thousands of frames stand in one line."""
    times = np.round(1.234567 * np.arange(5000), 6)
    write_series(Series(np.ones((5000, 1, 1, 1)), times, echo_time=0.03), tmp_path / "scan.seq.nrrd")
    (tmp_path / "scan.json").unlink()
    assert read_series(tmp_path / "scan.seq.nrrd").times.tolist() == times.tolist()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are of POSIX")
@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz", "scan.seq.nrrd", "scan.nrrd", "scan", "scan.dcm"])
def test_pipes_are_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    refuses(tmp_path / name, "pipe")
    refuses(tmp_path / name, "pipe", read=read_volume)


@pytest.mark.parametrize("name", ["a" * 300 + ".nii", "a/" * 3000 + "b.nii", "a\0b.nii", "~nobody-of-that-name/a.nii"])
def test_impossible_names(name):
    for read in (read_series, read_volume):
        with pytest.raises(FileError):
            read(name)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"EchoTime": 1' + "0" * 400 + "}",
        '{"EchoTime": 1' + "0" * 10_000 + "}",
        '{"EchoTime": {"a": 1}}',
        '{"FrameTimes": [[1, 2], [3]]}',
        '{"FrameTimes": "0 1 2 3"}',
        b"\xff\xfe\x00".decode("latin-1"),
    ],
)
def test_sidecars(tmp_path, text):
    write_series(SERIES, tmp_path / "scan.nii")
    (tmp_path / "scan.json").write_text(text, encoding="latin-1")
    with pytest.raises(DSCError, match=r"scan\.json|echo time") as caught:
        read_series(tmp_path / "scan.nii")
    assert "\n" not in str(caught.value)


def test_a_sidecar_may_begin_with_a_byte_order_mark(tmp_path):
    write_series(SERIES, tmp_path / "scan.nii")
    (tmp_path / "scan.json").write_text(json.dumps({"EchoTime": 0.04}), encoding="utf-8-sig")
    assert read_series(tmp_path / "scan.nii").echo_time == 0.04
