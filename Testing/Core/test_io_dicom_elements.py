"""Headers and pixels that are found without pydicom are those that pydicom finds."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_sample import FRAMES, SLICES, classic, classic_series
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dsc_superres.io import dicom_files, dicom_pixels, read_series
from dsc_superres.io.dicom_elements import ElementReader
from dsc_superres.io.dicom_files import image_headers
from dsc_superres.io.dicom_header import Header, one_tag


def as_philips(folder: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    """A series with private groups around what is wanted, a sequence of undefined length among them."""
    folder.mkdir()
    for t in range(FRAMES):
        for z in range(SLICES):
            file = classic(t, z, TemporalPositionIdentifier=t + 1)
            file.file_meta.TransferSyntaxUID = syntax
            inner = Dataset()
            inner.add_new((0x2005, 0x0010), "LO", "Philips MR Imaging DD 001")
            inner.add_new((0x2005, 0x10A0), "FL", 99.0)
            inner.add_new((0x2005, 0x10A1), "SQ", Sequence([Dataset()]))
            for group, creator in ((0x2001, "Philips Imaging DD 001"), (0x2005, "Philips MR Imaging DD 001")):
                file.add_new((group, 0x0010), "LO", creator)
            file.add_new((0x2001, 0x105F), "SQ", Sequence([inner, Dataset(inner)]))
            file[0x2001, 0x105F].is_undefined_length = True
            for item in file[0x2001, 0x105F].value:
                item.is_undefined_length_sequence_item = True
            file.add_new((0x2005, 0x10A0), "FL", 1.5 * t)
            file.save_as(folder / f"{t}-{z}", enforce_file_format=True)
    return folder


def with_pydicom_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple:
    with monkeypatch.context() as patch:
        patch.setattr(ElementReader, "read", lambda *_: None)
        patch.setattr(dicom_pixels, "_plain_pixels", lambda *_: None)
        return image_headers(folder), read_series(folder)


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("pydicom was asked for the whole file")


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_usual_files_are_read_without_pydicom_and_as_by_it(tmp_path, monkeypatch, syntax) -> None:
    folder = as_philips(tmp_path / "series", syntax)
    headers, series = with_pydicom_alone(folder, monkeypatch)
    for module in (dicom_files, dicom_pixels):
        monkeypatch.setattr(module, "read_dataset", refuse)
    found, again = image_headers(folder), read_series(folder)
    assert {file: list(map(str, header)) for file, header in found.items()} == {
        file: list(map(str, header)) for file, header in headers.items()
    }
    assert np.array_equal(again.signal, series.signal)
    assert again.signal.std() > 0
    assert (again.scalar_type, again.times.tolist()) == (series.scalar_type, [0.0, 1.5, 3.0])


def test_other_forms_are_left_to_pydicom(tmp_path, monkeypatch) -> None:
    """Big endian, elements behind the pixels, elements out of order, no prefix, a value that ends with the file."""
    plain = classic_series(tmp_path / "plain", lambda t, z: {"TemporalPositionIdentifier": t + 1})
    file = sorted(plain.iterdir())[0]
    data = file.read_bytes()
    reader = ElementReader([0x00280010])
    assert reader.read(file).Rows == pydicom.dcmread(file).Rows
    begin = data.index(b"\x28\x00\x10\x00US")
    (tmp_path / "cut").write_bytes(data[: begin + 9])
    (tmp_path / "bare").write_bytes(data[132:])
    (tmp_path / "order").write_bytes(data[:begin] + data[begin : begin + 10] * 2 + data[begin + 10 :])
    (tmp_path / "empty").write_bytes(b"")
    assert [reader.read(tmp_path / name) for name in ("cut", "bare", "order", "empty")] == [None] * 4
    for change in ("behind", "big"):
        folder = tmp_path / change
        folder.mkdir()
        for one in plain.iterdir():
            dataset = pydicom.dcmread(one)
            if change == "behind":
                dataset.add_new(0xFFFCFFFC, "OB", b"\0" * 4)
            else:
                dataset["PixelData"].value = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
                dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
            pydicom.dcmwrite(folder / one.name, dataset, enforce_file_format=True)
        assert np.array_equal(read_series(folder).signal, read_series(plain).signal)


def test_damaged_elements_count_as_missing(tmp_path) -> None:
    for t in range(FRAMES):
        file = classic(t, 0, TriggerTime=12.5)
        file.save_as(tmp_path / str(t), enforce_file_format=True)
        data = (tmp_path / str(t)).read_bytes()
        (tmp_path / str(t)).write_bytes(data.replace(b"DS\x04\x0012.5", b"FD\x04\x0012.5"))
    headers = image_headers(tmp_path)
    assert all("TriggerTime" not in header and header.Rows for header in headers.values())


def test_a_header_gives_what_any_dataset_gives() -> None:
    elements = {one_tag(tag): DataElement(tag, vr, value) for tag, vr, value in
                ((0x00180081, "DS", "30"), (0x00200013, "IS", ""), (0x20050010, "LO", "Philips"))}  # fmt: skip
    header, usual = Header(dict(elements)), Dataset(dict(elements))
    for key in ("EchoTime", "InstanceNumber", "Rows", "NoKeyword", 0x00180081, (0x0018, 0x0081), (0x2005, 0x10)):
        assert header.get(key, "none") == usual.get(key, "none")
    assert header == usual
    del header[0x0018, 0x0081]
    header.Rows = 64
    assert (header.get("EchoTime"), header.get("Rows")) == (None, 64)
