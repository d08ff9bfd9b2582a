"""Maps as DICOM, read back by another reader: place, values, study."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from sample import OBLIQUE

from dsc_superres.errors import FileError
from dsc_superres.io.dicom_maps import UCUM_CODES, write_dicom_map


def values() -> np.ndarray:
    volume = np.random.default_rng(4).gamma(2.0, 2.0, (5, 9, 7)).astype(np.float32)
    volume[:, :2] = 0
    volume[0, 0, 0] = -1.5
    return volume


def read(files: list[Path]) -> sitk.Image:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(file) for file in files])
    return reader.Execute()


def test_a_map_comes_back_at_its_place_with_its_values(tmp_path: Path) -> None:
    files = write_dicom_map(values(), OBLIQUE, tmp_path / "cbv", name="CBV", units="mL/100 g", description="area ratio")
    image = read(files)
    np.testing.assert_allclose(image.GetOrigin(), OBLIQUE.origin, atol=1e-4)
    np.testing.assert_allclose(image.GetSpacing(), OBLIQUE.spacing, atol=1e-4)
    np.testing.assert_allclose(image.GetDirection(), np.ravel(OBLIQUE.direction), atol=1e-6)
    step = np.ptp(values()) / 65534
    np.testing.assert_allclose(sitk.GetArrayFromImage(image), values(), atol=0.51 * step)
    first = pydicom.dcmread(files[0])
    assert first.RealWorldValueMappingSequence[0].MeasurementUnitsCodeSequence[0].CodeValue == "ml/(100.g)"
    assert first.RescaleType == "mL/100 g"
    assert first.ImageType[:2] == ["DERIVED", "SECONDARY"]
    assert "area ratio" in first.DerivationDescription
    assert first.PatientName == ""


def test_a_map_belongs_to_the_study_of_its_source(tmp_path: Path) -> None:
    source = write_dicom_map(values(), OBLIQUE, tmp_path / "source", name="source", units="1")[0]
    header = pydicom.dcmread(source)
    header.PatientID, header.StudyID = "P7", "S7"
    header.save_as(source)
    found = [
        pydicom.dcmread(write_dicom_map(values(), OBLIQUE, tmp_path / name, name=name, units="s", reference=source)[1])
        for name in ("mtt", "tmax")
    ]
    for one in found:
        assert (one.PatientID, one.StudyID, one.StudyInstanceUID) == ("P7", "S7", header.StudyInstanceUID)
        assert one.FrameOfReferenceUID == header.FrameOfReferenceUID
        assert one.SeriesInstanceUID != header.SeriesInstanceUID
        assert one.SourceImageSequence[0].ReferencedSOPInstanceUID == header.SOPInstanceUID
    assert found[0].SeriesInstanceUID != found[1].SeriesInstanceUID


def test_what_is_no_dicom_is_no_source_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("hello")
    with pytest.raises(FileError, match="no DICOM image"):
        write_dicom_map(values(), OBLIQUE, tmp_path / "out", name="CBV", units="1", reference=tmp_path / "note.txt")
    with pytest.raises(FileError, match="4 dimensions"):
        write_dicom_map(values()[None], OBLIQUE, tmp_path / "out", name="CBV", units="1")
    assert not (tmp_path / "out").exists()


def test_every_unit_of_a_map_has_a_code():
    from dsc_superres.perfusion.map_units import EXTRA_UNITS, UNITS

    assert {*UNITS.values(), *EXTRA_UNITS.values()} <= set(UCUM_CODES)
