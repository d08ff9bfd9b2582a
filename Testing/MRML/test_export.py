"""Export of a result: files made in the background, read back by other readers, and nothing where it fails."""

import csv
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

if find_spec("slicer") is None and sys.version_info >= (3, 14):
    pytest.skip("slicer-core has no wheel for this Python", allow_module_level=True)

import nibabel
import pydicom
import SimpleITK as sitk
from maps_sample import OFFSET, addAllMaps, brain, values
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid
from result_sample import TIMES, addResult, obliqueIjkToRas, reconstructionSignal, uncertaintySignal, volume

from dsc_superres.io import read_series
from DSCSuperResLib.Jobs.ExportRequest import folderName, freeFolder
from DSCSuperResLib.Scene.Export.ExportFiles import (
    derivation,
    reportIsOlder,
    updateReport,
    writeMaps,
    writeProvenance,
    writeReport,
    writeSeries,
    writeTables,
)
from DSCSuperResLib.Scene.Export.SourceStudy import noteFile, studyFile
from DSCSuperResLib.Scene.Result import REPORT, SOURCE_SERIES

FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture
def result(window, tmp_path):
    found = addResult(window.scene)
    (tmp_path / "worker").mkdir()
    addAllMaps(found, tmp_path / "worker")
    text = window.scene.AddNewNodeByClass("vtkMRMLTextNode", "report")
    text.SetText("<html>Bericht über Δ</html>")
    found.add(text, REPORT)
    return found


def prepare(result, folder: Path, **changes) -> Path:
    """The job of an export of everything, as ``ExportResult`` writes it; its path."""
    files = folder / "files"
    files.mkdir(parents=True)
    described: list[dict] = []
    series: list[dict] = []
    for work in (
        writeTables(result, files / "tables"),
        writeMaps(result, folder, ("nii.gz", "nrrd"), True, described),
        writeSeries(result, folder, ("seq.nrrd", "nii.gz"), series),
    ):
        assert list(work)
    writeReport(result, files)
    writeProvenance(result, files)
    job = {
        "task": "export",
        "output": str(folder.parent / "out" / "Run"),
        "files": "files",
        "series": series,
        "maps": described,
        "dicom": {**derivation(result), "reference": None},
        **changes,
    }
    (folder / "job.json").write_text(json.dumps(job))
    return folder / "job.json"


def start(job: Path) -> subprocess.Popen:
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen([sys.executable, "-m", "dsc_superres.worker", "--job", str(job)], text=True, **pipes)


def export(job: Path) -> tuple[int, dict]:
    """The exit code and the last message."""
    process = start(job)
    lines = process.stdout.read().splitlines()
    return process.wait(60), json.loads(lines[-1])


@pytest.fixture
def folder(result, tmp_path) -> Path:
    """An export of everything."""
    code, message = export(prepare(result, tmp_path / "job"))
    assert code == 0, message
    found = tmp_path / "out" / "Run"
    assert sorted(message["files"]) == sorted(p.relative_to(found).as_posix() for p in found.rglob("*") if p.is_file())
    assert [path.name for path in found.parent.iterdir()] == ["Run"]
    return found


def test_the_reconstruction_comes_back_at_its_place_and_times(folder):
    expected = reconstructionSignal()
    image = nibabel.load(folder / "reconstruction_4d.nii.gz")
    np.testing.assert_allclose(image.affine, obliqueIjkToRas(1), atol=1e-4)
    np.testing.assert_allclose(image.get_fdata(), expected.transpose(3, 2, 1, 0), rtol=1e-6)
    series = read_series(folder / "reconstruction.seq.nrrd")
    np.testing.assert_allclose(series.times, TIMES)
    np.testing.assert_allclose(FLIP @ series.geometry.affine, obliqueIjkToRas(1), atol=1e-9)
    np.testing.assert_allclose(series.signal, expected, rtol=1e-6)
    unsure = read_series(folder / "uncertainty.seq.nrrd")
    np.testing.assert_allclose(unsure.signal, uncertaintySignal(), rtol=1e-6)
    np.testing.assert_allclose(unsure.times, TIMES)
    assert (folder / "uncertainty_4d.nii.gz").is_file()


@pytest.mark.parametrize(("source", "pixel"), [("truth", 1), ("input", 2), ("reconstruction", 1)])
def test_maps_overlay_their_series(folder, source, pixel):
    expected = values("cbv", source, pixel)
    image = nibabel.load(folder / f"maps_{source}" / "cbv.nii.gz")
    np.testing.assert_allclose(image.affine, obliqueIjkToRas(pixel), atol=1e-4)
    np.testing.assert_allclose(image.get_fdata(), expected.T, rtol=1e-6)
    other = sitk.ReadImage(str(folder / f"maps_{source}" / "cbv.nrrd"))
    np.testing.assert_allclose(other.GetOrigin(), (FLIP @ obliqueIjkToRas(pixel))[:3, 3], atol=1e-6)
    np.testing.assert_allclose(sitk.GetArrayFromImage(other), expected, rtol=1e-6)
    assert (folder / f"maps_{source}" / "cbv_sd.nii.gz").is_file()


def test_differences_are_exported_too(folder):
    found = nibabel.load(folder / "maps_difference" / "cbv.nii.gz").get_fdata()
    np.testing.assert_allclose(found[found != 0], OFFSET["reconstruction"], rtol=1e-5)


def test_dicom_maps_overlay_the_reconstruction_in_one_study(folder):
    names = sorted(str(path) for path in (folder / "dicom" / "cbv").iterdir())
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(names)
    image, expected = reader.Execute(), values("cbv", "reconstruction")
    np.testing.assert_allclose(sitk.GetArrayFromImage(image), expected, atol=np.ptp(expected) / 65534)
    place = FLIP @ obliqueIjkToRas(1)
    np.testing.assert_allclose(image.TransformIndexToPhysicalPoint((3, 2, 1)), (place @ (3, 2, 1, 1))[:3], atol=1e-3)
    headers = [pydicom.dcmread(next(path.iterdir())) for path in (folder / "dicom").iterdir()]
    assert len({header.StudyInstanceUID for header in headers}) == 1
    assert len({header.SeriesInstanceUID for header in headers}) == len(headers)
    assert {str(header.PatientName) for header in headers} == {""}
    assert "posterior over a dictionary" in headers[0].DerivationDescription


def test_what_was_not_computed_is_zero_in_files_and_padding_in_dicom(folder):
    """The region in which maps were computed lies beside them."""
    image = nibabel.load(folder / "maps_reconstruction" / "cbv.nii.gz").get_fdata()
    inside = nibabel.load(folder / "maps_reconstruction" / "mask.nii.gz").get_fdata() > 0
    np.testing.assert_array_equal(inside.transpose(2, 1, 0), brain())
    assert (image[~inside] == 0).all()
    assert image[inside].all()
    for path in (folder / "dicom" / "cbv").iterdir():
        header = pydicom.dcmread(path)
        computed = inside[:, :, header.InstanceNumber - 1].T
        np.testing.assert_array_equal(header.pixel_array != header.PixelPaddingValue, computed)


def test_dicom_maps_belong_to_the_study_that_was_opened(result, tmp_path):
    header = pydicom.Dataset()
    header.file_meta = pydicom.dataset.FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.SOPClassUID, header.SOPInstanceUID = MRImageStorage, generate_uid()
    header.StudyInstanceUID, header.PatientName, header.Rows = generate_uid(), "Nobody", 2
    header.save_as(tmp_path / "image.dcm", enforce_file_format=True)
    opened: dict[str, Path] = {}
    source = result.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "source")
    source.SetDataNodeAtValue(volume(np.zeros((4, 12, 16), np.float32), 1), "0")
    assert studyFile(result, opened) is None
    result.sequence("reconstruction").SetNodeReferenceID(SOURCE_SERIES, source.GetID())
    assert studyFile(result, opened) is None
    noteFile(source, tmp_path / "image.dcm", opened)
    reference = studyFile(result, opened)
    assert reference == tmp_path / "image.dcm"
    job = prepare(result, tmp_path / "job", dicom={**derivation(result), "reference": str(reference)})
    assert export(job)[0] == 0
    found = pydicom.dcmread(next((tmp_path / "out" / "Run" / "dicom" / "cbf").iterdir()))
    assert (found.StudyInstanceUID, str(found.PatientName)) == (header.StudyInstanceUID, "Nobody")


def test_tables_report_and_provenance(folder, result):
    def read(name: str) -> list[list[str]]:
        with open(folder / "tables" / name, encoding="utf-8-sig", newline="") as file:
            return list(csv.reader(file))

    assert read("metrics.csv")[0] == ["Measure", "ode-liif", "Linear"]
    assert len(read("metrics_frames_ode-liif.csv")) == 1 + len(TIMES)
    assert read("arterial_input.csv")[0] == ["time_s", "delta_r2star"]
    header, *rows = read("brain_signal_reconstruction.csv")
    assert header == ["time_s", "mean_signal"]
    np.testing.assert_allclose([float(row[0]) for row in rows], TIMES)
    assert (folder / "report.html").read_text(encoding="utf-8") == "<html>Bericht über Δ</html>"
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["settings"] == {"task": "compare"}
    assert provenance["maps"]["reconstruction"]["method"] == "posterior over a dictionary"
    assert provenance["export"]["run"] == result.run


def test_the_name_of_the_file_of_an_arterial_input_is_kept_out(result, tmp_path):
    node = result.node("text.maps.truth")
    provenance = json.loads(node.GetText())
    provenance["aif"]["source"] = "file Jane Doe.csv"
    node.SetText(json.dumps(provenance))
    writeProvenance(result, tmp_path)
    assert "Jane" not in (tmp_path / "provenance.json").read_text()
    assert "Jane" not in json.dumps(derivation(result))


def test_a_report_of_other_maps_is_known(result):
    node = result.node("text.provenance")
    provenance = json.loads(node.GetText())
    assert not reportIsOlder(result)
    node.SetText(json.dumps({**provenance, "maps": {"truth": {}, "ode-liif": {"method": "csvd"}}}))
    assert reportIsOlder(result)
    updateReport(result, "<p>the current maps</p>")
    assert not reportIsOlder(result)
    maps = result.node("text.maps.reconstruction")
    maps.SetText(json.dumps({**json.loads(maps.GetText()), "method": "another"}))
    assert reportIsOlder(result)


def test_nothing_is_overwritten_unasked(result, folder, tmp_path):
    (folder / "mine.txt").write_text("mine")
    code, message = export(prepare(result, tmp_path / "again"))
    assert (code, message["type"]) == (2, "error")
    assert "already there" in message["message"]
    assert (folder / "mine.txt").is_file()
    code, _message = export(prepare(result, tmp_path / "replacing", replace=True, series=[]))
    assert code == 0
    assert not (folder / "mine.txt").exists()
    assert not (folder / "reconstruction_4d.nii.gz").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["Run"]
    assert freeFolder(folder).name == "Run 2"


def test_a_folder_of_somebody_else_is_never_replaced(result, tmp_path):
    mine = tmp_path / "out" / "Run" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    code, message = export(prepare(result, tmp_path / "job", replace=True))
    assert code == 2
    assert "left as it is" in message["message"]
    assert [path.name for path in mine.parent.iterdir()] == ["mine.txt"]


def test_a_failing_or_cancelled_export_leaves_nothing(result, tmp_path):
    job = prepare(result, tmp_path / "job")
    (job.parent / "map-7.npy").write_bytes(b"damaged")
    assert export(job)[0] != 0
    assert not (tmp_path / "out").exists()
    process = start(prepare(result, tmp_path / "cancelled"))
    process.stdin.write("cancel\n")
    process.stdin.flush()
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert not (tmp_path / "out").exists()


def test_names_of_results_become_names_of_folders():
    assert folderName("scan: A/B ode-liif 2") == "scan_ A_B ode-liif 2"
    assert folderName("...") == "result"
