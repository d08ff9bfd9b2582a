"""Jobs, training files and DICOM headers with values that no one expects end in one sentence."""

from pathlib import Path

import numpy as np
import pytest
from test_hostile_headers import SERIES

from dsc_superres.errors import DSCError
from dsc_superres.geometry import Geometry
from dsc_superres.io.dicom_damage import without_damage
from dsc_superres.jobs.job_files import parse_job, read_job
from dsc_superres.pipeline.checks import JobError
from dsc_superres.training.config import read_config

EXPORT = {"name": "s", "file": "s.npy", "times": [0, 1, 2, 3], "geometry": SERIES.geometry.as_dict(), "formats": []}


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"task":' * 100_000, '{"task": ' + "9" * 9999 + "}", "\xff", "[]", "3"]
)
def test_job_files(tmp_path, text):
    (tmp_path / "job.json").write_text(text, encoding="latin-1")
    with pytest.raises(DSCError) as caught:
        read_job(tmp_path / "job.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "../../evil"),
        ("name", "."),
        ("name", "a\0b"),
        ("name", "x" * 5000),
        ("name", "\ud800"),
        ("file", "a\0b"),
        ("times", [10**400]),
        ("times", "0123"),
        ("geometry", {"spacing": [10**400] * 3, "origin": [0] * 3, "direction": np.eye(3).tolist()}),
        ("geometry", {"spacing": 2, "origin": [0] * 3, "direction": np.eye(3).tolist()}),
        ("geometry", None),
        ("times", None),
        ("formats", {"nii.gz": 1}),
        ("formats", [["nii.gz"]]),
        ("echo_time", 10**400),
        ("sources", {"times": 3}),
        ("scalar_type", "nothing"),
        ("scalar_type", "O"),
        ("scalar_type", "complex128"),
    ],
    ids=lambda one: str(one)[:12].encode("ascii", "replace").decode(),
)
def test_fields_of_an_export(name, value):
    with pytest.raises(DSCError, match=name) as caught:
        parse_job({"task": "export", "output": "out", "series": [{**EXPORT, name: value}]})
    assert "\n" not in str(caught.value)


def test_a_name_too_long_for_any_file_system():
    for value in ("x" * 300, "a/" * 3000, "a\0b"):
        with pytest.raises(JobError, match="input"):
            parse_job({"task": "open", "input": value, "output": "out"})


@pytest.mark.parametrize(
    "line",
    [
        "steps = 1.5",
        "steps = inf",
        'steps = "many"',
        "rate = nan",
        "rate = true",
        "frozen = [3]",
        "network = 3",
        "parts = {a = 3}",
        "bfloat16 = 1",
        "extends = 3",
        "extends = [[3]]",
        'extends = "a\\u0000b"',
        "name = [",
        "x = " + "[" * 50_000,
    ],
)
def test_training_files(tmp_path, line):
    name = "" if line.startswith("name") else 'name = "ode-liif"'
    (tmp_path / "train.toml").write_text(f'out = "x"\n{name}\n{line}\n')
    with pytest.raises(DSCError) as caught:
        read_config(tmp_path / "train.toml")
    assert "\n" not in str(caught.value)


def test_what_an_error_quotes_of_a_file_is_short_and_on_one_line():
    with pytest.raises(DSCError) as caught:
        Geometry(spacing=["9\n"] * 5000)
    assert len(str(caught.value)) < 1000
    assert "\n" not in str(caught.value)


def test_training_files_are_regular_files_of_text(tmp_path):
    (tmp_path / "train.toml").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "train.toml", tmp_path, tmp_path / "none.toml", Path("x" * 5000)):
        with pytest.raises(DSCError):
            read_config(path)


def test_dicom_elements_that_cannot_be_decoded_count_as_missing():
    from pydicom.dataelem import RawDataElement
    from pydicom.dataset import Dataset
    from pydicom.tag import Tag

    header = Dataset()
    header.Rows = 5
    header[0x00080018] = RawDataElement(Tag(0x00080018), "\x55\x09", 4, b"1.2 ", 0, False, True)
    header[0x00180081] = RawDataElement(Tag(0x00180081), "DS", 4, b"abcd", 0, False, True)
    assert [element.keyword for element in without_damage(header)] in (["Rows"], ["EchoTime", "Rows"])
    assert header.Rows == 5
