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


def test_what_was_not_computed_is_padding_and_zero_is_a_value(tmp_path: Path) -> None:
    """Also where a reader ignores the padding, it sees about zero rather than a large or a very negative value."""
    partly = np.where(values() == 0, np.float32(np.nan), values() + 2)
    partly[0, 3, 3] = 0
    file = write_dicom_map(partly, OBLIQUE, tmp_path / "cbv", name="CBV", units="mL/100 g")[0]
    image = pydicom.dcmread(file)
    np.testing.assert_array_equal(image.pixel_array == image.PixelPaddingValue, np.isnan(partly[0]))
    step, read_back = float(image.RescaleSlope), sitk.GetArrayFromImage(read([file]))[0]
    inside = np.isfinite(partly[0])
    np.testing.assert_allclose(read_back[inside], partly[0][inside], atol=0.51 * step)
    assert np.abs(read_back[~inside]).max() < 1.01 * step
    assert np.isfinite([float(image.WindowCenter), float(image.WindowWidth)]).all()
    empty = write_dicom_map(np.full((1, 2, 2), np.nan), OBLIQUE, tmp_path / "empty", name="CBV", units="1")[0]
    assert (pydicom.dcmread(empty).pixel_array == 0).all()


def test_a_map_belongs_to_the_study_of_its_source(tmp_path: Path) -> None:
    source = write_dicom_map(values(), OBLIQUE, tmp_path / "source", name="source", units="1")[0]
    header = pydicom.dcmread(source)
    header.PatientID, header.StudyID = "P7", "S7"
    header.save_as(source)
    images = [
        pydicom.dcmread(write_dicom_map(values(), OBLIQUE, tmp_path / name, name=name, units="s", reference=source)[1])
        for name in ("mtt", "tmax")
    ]
    for image in images:
        assert (image.PatientID, image.StudyID, image.StudyInstanceUID) == ("P7", "S7", header.StudyInstanceUID)
        assert image.FrameOfReferenceUID == header.FrameOfReferenceUID
        assert image.SeriesInstanceUID != header.SeriesInstanceUID
        assert image.SourceImageSequence[0].ReferencedSOPInstanceUID == header.SOPInstanceUID
    assert images[0].SeriesInstanceUID != images[1].SeriesInstanceUID


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


def test_maps_conform_to_the_standard(tmp_path: Path) -> None:
    """What a validator of the standard finds: narrow windows, tags that must be there, values that others broke."""
    plain = pydicom.dcmread(write_dicom_map(values(), OBLIQUE, tmp_path / "plain", name="CBV", units="1")[0])
    assert (plain.PositionReferenceIndicator, plain.Laterality) == ("", "")
    assert "VOILUTFunction" not in plain
    source = pydicom.Dataset()
    source.BodyPartExamined = "HEAD"
    with pytest.warns(UserWarning, match="Invalid value"):
        source.StudyDate = "***"
    narrow = write_dicom_map(values() / 1000, OBLIQUE, tmp_path / "narrow", name="K2", units="1/s", reference=source)
    image = pydicom.dcmread(narrow[0])
    assert (float(image.WindowWidth) < 1, image.VOILUTFunction) == (True, "LINEAR_EXACT")
    assert (image.BodyPartExamined, image.StudyDate, "Laterality" in image) == ("HEAD", "", False)


def test_the_source_of_a_map_may_lie_in_a_subfolder(tmp_path: Path) -> None:
    source = write_dicom_map(values(), OBLIQUE, tmp_path / "disc" / "IMAGES", name="source", units="1")[0]
    image = write_dicom_map(values(), OBLIQUE, tmp_path / "cbv", name="CBV", units="1", reference=tmp_path / "disc")[0]
    assert pydicom.dcmread(image).StudyInstanceUID == pydicom.dcmread(source).StudyInstanceUID


def test_a_relative_map_has_no_unit_and_says_what_is_one(tmp_path: Path) -> None:
    from dsc_superres.perfusion.map_units import EXTRA_UNITS

    path, *_ = write_dicom_map(values(), OBLIQUE, tmp_path / "rcbv", name="rCBV", units=EXTRA_UNITS["rcbv"])
    image = pydicom.dcmread(path)
    unit = image.RealWorldValueMappingSequence[0].MeasurementUnitsCodeSequence[0]
    assert (unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning) == ("1", "UCUM", "1 (white matter = 1)")
    assert image.SeriesDescription == "DSCSuperRes rCBV [1 (white matter = 1)]"
    assert image.RescaleType == "1 (white matter = 1)"
